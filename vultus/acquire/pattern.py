"""Path patterns as robots.txt, tdmrep.json, ai.txt and RSL write them (RFC 9309 section 2.2.2).

A pattern covers a path that begins with it; `*` stands for any octets, `$` at the end for the end
of the path. Both sides are brought to one spelling first, so that `/caf%c3%a9`, `/café` and
`/%63afé` are the same. No backtracking: the pieces between the stars are looked for one after
another, each from where the last one ended, so the work is the length of path and pattern.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_URL_BYTES = 8_192

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_RESERVED = frozenset(b":/?#[]@!$&'()*+,;=")
# RFC 9309 writes `?baz=https://foo.bar` and `?baz=https%3A%2F%2Ffoo.bar` for the same URL: after
# the first question mark these six mean the same, escaped or not.
_SAME_IN_SEARCH_PART = frozenset(b":/?[]@")
_OCTET = re.compile(rb"%[0-9A-Fa-f]{2}|[\x00-\xff]", re.DOTALL)


def normalise(path: bytes) -> bytes:
    """`path` in the one spelling that patterns are compared in.

    Escapes of unreserved characters are undone, all others are written in upper case; what is
    neither unreserved nor reserved in RFC 3986, octets beyond ASCII and a lone `%` included, is
    escaped. `*` and `$` stay as they are: see `Pattern.of` and `path_of`.
    """
    parts: list[bytes] = []
    in_search_part = False
    for found in _OCTET.finditer(path):
        text = found.group()
        octet = int(text[1:], 16) if len(text) == 3 else text[0]
        escaped = len(text) == 3
        if octet in _UNRESERVED or (octet in _RESERVED and not escaped):
            parts.append(bytes((octet,)))
            in_search_part = in_search_part or octet == 0x3F
        elif in_search_part and octet in _SAME_IN_SEARCH_PART:
            parts.append(bytes((octet,)))
        else:
            parts.append(b"%%%02X" % octet)
    return b"".join(parts)


@dataclass(frozen=True)
class Pattern:
    """A pattern ready for comparison: `pieces` are the parts between the stars."""

    pieces: tuple[bytes, ...]
    anchored: bool
    n_octets: int

    @classmethod
    def of(cls, written: bytes) -> "Pattern":
        """The pattern as written; `%2A` and `%24` are the characters themselves."""
        anchored = written.endswith(b"$")
        text = normalise(written[:-1] if anchored else written).replace(b"$", b"%24")
        return cls(tuple(text.split(b"*")), anchored, len(text) + anchored)

    def covers(self, path: bytes) -> bool:
        """Whether this is a pattern for `path`, which is as `path_of` gives it."""
        if not path.startswith(self.pieces[0]):
            return False
        position = len(self.pieces[0])
        if len(self.pieces) == 1:
            return not self.anchored or position == len(path)
        for piece in self.pieces[1:-1]:
            found = path.find(piece, position)
            if found < 0:
                return False
            position = found + len(piece)
        last = self.pieces[-1]
        if self.anchored:
            return path.endswith(last) and len(path) - len(last) >= position
        return path.find(last, position) >= 0


def path_of(url: str) -> bytes | None:
    """What patterns are compared with: path and search part of an http or https URL, normalised.

    None for what is no such URL, has no host, is longer than MAX_URL_BYTES, or has `.` or `..` as
    a part of its path, which a client may resolve to another path: the caller denies.
    """
    if len(url) > MAX_URL_BYTES or any(ord(letter) <= 0x20 or letter == "\x7f" for letter in url):
        return None
    try:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            return None
        path, _ = (parts.path or "/").encode(), parts.port
        search = b"?" + parts.query.encode() if "?" in url.partition("#")[0] else b""
    except ValueError:  # no port, no address, a lone surrogate
        return None
    normal = normalise(path)
    if len(path + search) > MAX_URL_BYTES or {b".", b".."} & set(normal.split(b"/")):
        return None
    return normalise(path + search).replace(b"*", b"%2A").replace(b"$", b"%24")
