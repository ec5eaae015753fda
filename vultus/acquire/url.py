"""One URL taken apart, in one spelling, or refused.

Two programs that read the same URL differently are how a check of the host is got around
(RFC 3986 section 7.6), so whatever is read in more than one way is refused: user and password,
backslashes, spaces and control characters, numbers that some systems take for an address.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote

from vultus.errors import InputError, RefusedError

LENGTH_MAX = 8000  # what RFC 9110 section 4.1 asks servers to take at least
PORTS = {"http": 80, "https": 443}
UNUSABLE = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)")
PARTS = re.compile(r"//([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?")
AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]+)(?::([1-9][0-9]{0,4}))?")
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# IDNA 2003, which Python has, and IDNA 2008 make different names of these four.
DEVIATIONS = re.compile("[\u00df\u03c2\u200c\u200d]")
PATH_SAFE = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True)
class Url:
    """`host` is a lower-case ASCII name, an IPv4 address, or an IPv6 address in brackets.

    `path` is all that is asked of the host: the path and what follows the question mark.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host, and port where it is not the scheme's own: the Host header."""
        return self.host if self.port == PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def text(self) -> str:
        """The one spelling of this URL; it has no fragment."""
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_url(text: str) -> Url:
    """The parts of the http or https URL in `text`.

    Other scripts in the path are percent-encoded (RFC 3987 section 3.1) and in the host written
    by IDNA; dot segments are resolved, the fragment is dropped. Raises InputError `fetch.url`,
    and RefusedError `fetch.scheme` for other schemes.
    """
    if len(text) > LENGTH_MAX:
        raise unusable(f"The URL is longer than {LENGTH_MAX} characters.")
    if UNUSABLE.search(text):
        raise unusable("The URL holds a space, a backslash or a control character.")
    named = SCHEME.fullmatch(text)
    if named is None:
        raise unusable("The URL does not begin with http:// or https://.")
    scheme = named[1].lower()
    if scheme not in PORTS:
        raise RefusedError(
            "fetch.scheme",
            f"Nothing is fetched over {scheme}.",
            "Give a URL that begins with https:// or http://.",
        )
    parts = PARTS.fullmatch(named[2])
    if parts is None:
        raise unusable("The URL names no host.")
    if "@" in parts[1]:
        raise unusable("The URL holds a user's name or password.")
    authority = AUTHORITY.fullmatch(parts[1])
    if authority is None or int(authority[2] or 0) > 65535:
        raise unusable("The URL's host and port cannot be read.")
    path = quote(without_dots(parts[2] or "/"), safe=PATH_SAFE)
    path += quote(parts[3] or "", safe=PATH_SAFE + "?[]")
    url = Url(scheme, host_name(authority[1]), int(authority[2] or PORTS[scheme]), path)
    if len(url.text) > LENGTH_MAX:
        raise unusable(f"The URL is longer than {LENGTH_MAX} characters once encoded.")
    return url


def host_name(text: str) -> str:
    """The one spelling of a host: as in `Url.host`. Raises InputError `fetch.url`.

    IPv4 addresses are four decimal numbers; the other forms that inet_aton takes (octal, hex,
    fewer parts, one number) are refused, as is a name whose last label is a number.
    """
    if text.startswith("["):
        try:
            address = IPv6Address(text[1:-1])
        except AddressValueError:
            raise unusable("The host is no IPv6 address.") from None
        if not text.endswith("]") or address.scope_id is not None:
            raise unusable("The host is no IPv6 address.")
        return f"[{address}]"
    name = text.lower() if text.isascii() else in_ascii(text)
    last = name.rpartition(".")[2]
    if last.isdigit() or last.startswith("0x"):
        try:
            if text.isascii():
                return str(IPv4Address(name))
        except AddressValueError:
            pass
        raise unusable("The host is a number that is no address in its usual form.")
    if len(name) > 253 or not all(LABEL.fullmatch(label) for label in name.split(".")):
        raise unusable("The host is no name that DNS could know.")
    return name


def in_ascii(text: str) -> str:
    """A host in another script, as DNS knows it (RFC 3490)."""
    if len(text) > 253 or DEVIATIONS.search(text):
        raise unusable("The host's name is too long, or differs between editions of IDNA.")
    try:
        return text.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise unusable("The host is no name that IDNA can write.") from None


def without_dots(path: str) -> str:
    """The path without `.` and `..`, plain or encoded (RFC 3986 section 5.2.4)."""
    kept: list[str] = []
    plain = ""
    for segment in path.split("/")[1:]:
        plain = segment.lower().replace("%2e", ".")
        if plain == "..":
            del kept[-1:]
        elif plain != ".":
            kept.append(segment)
    if plain in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def unusable(what: str) -> InputError:
    return InputError(
        "fetch.url", what, "Give it as https://HOST/PATH; a name in another script as xn--…"
    )
