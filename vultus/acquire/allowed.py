"""The hosts that a source may ask, and no other: exactly these, no subdomains."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from vultus.acquire.url import PORTS, Url, host_name
from vultus.errors import InputError

HOSTS_MAX = 100
_WRITTEN = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]+)(?::([1-9][0-9]{0,4}))?")


@dataclass(frozen=True)
class AllowList:
    """`hosts`: HOST, at every port that is fetched from at all, or HOST:PORT, in one spelling."""

    hosts: tuple[str, ...]

    @classmethod
    def of(cls, written: Iterable[str]) -> "AllowList":
        """The list as somebody wrote it, each host once. Raises InputError `source.allow_host`."""
        hosts = tuple(dict.fromkeys(_one_spelling(text.strip()) for text in written))
        if not 1 <= len(hosts) <= HOSTS_MAX:
            raise _unusable(f"A source has from 1 to {HOSTS_MAX} hosts.")
        return cls(hosts)

    @classmethod
    def only(cls, url: Url) -> "AllowList":
        """The host of `url` alone, and its port where that is not the scheme's own."""
        usual = url.port == PORTS[url.scheme]
        return cls((url.host if usual else f"{url.host}:{url.port}",))

    def covers(self, url: Url) -> bool:
        """Whether `url` is at one of these hosts."""
        return url.host in self.hosts or f"{url.host}:{url.port}" in self.hosts

    @property
    def names(self) -> frozenset[str]:
        """The hosts without ports."""
        found = (_WRITTEN.fullmatch(host) for host in self.hosts)
        return frozenset(part[1] for part in found if part)


def _one_spelling(text: str) -> str:
    found = _WRITTEN.fullmatch(text)
    if found is None or int(found[2] or 0) > 65535:
        raise _unusable(f"{text[:100]} is no host.")
    try:
        host = host_name(found[1])
    except InputError:
        raise _unusable(f"{text[:100]} is no host.") from None
    return f"{host}:{found[2]}" if found[2] else host


def _unusable(what: str) -> InputError:
    return InputError(
        "source.allow_host", what, "Write HOST or HOST:PORT, once for each host, without https://."
    )
