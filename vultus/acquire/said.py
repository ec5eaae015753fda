"""What a URL said when it was last asked, as a visit keeps it (docs/formats/frontier.md)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vultus.acquire.found import Link, Role
from vultus.acquire.robots import Answer
from vultus.acquire.rule import Says
from vultus.acquire.signal import Place, Signal, denies, unreadable

_OF_THE_DOCUMENT = {"noindex", "none", "unavailable_after"}


@dataclass(frozen=True)
class Said:
    """`answer` is that of robots.txt, `signals` all that was found, `links` where it leads.

    `digest` is the blind index of a photo's bytes, `problem` the code of what was wrong with what
    came. `silent`: where it denies, that may be only because the host did not answer.
    """

    answer: Answer
    signals: tuple[Signal, ...] = ()
    links: tuple[Link, ...] = ()
    etag: str | None = None
    last_modified: str | None = None
    digest: bytes | None = None
    n_bytes: int = 0
    problem: str | None = None
    silent: bool = False

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it; of the answer only what decides and proves."""
        answer = self.answer
        return {
            "robots": [answer.allowed, answer.rule, answer.line, answer.body_sha256],
            "signals": [[s.name, s.place, s.raw, s.says, s.rule] for s in self.signals],
            "links": [[link.role, link.url] for link in self.links],
            "etag": self.etag,
            "last_modified": self.last_modified,
            "digest": None if self.digest is None else self.digest.hex(),
            "n_bytes": self.n_bytes,
            "problem": self.problem,
            "silent": self.silent,
        }

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> "Said":
        """What `to_json` was given."""
        allowed, rule, line, body_sha256 = said["robots"]
        return cls(
            Answer(allowed, rule, line, body_sha256=body_sha256),
            tuple(
                Signal(name, Place(place), raw, Says(says), rule)
                for name, place, raw, says, rule in said["signals"]
            ),
            tuple(Link(Role(role), url) for role, url in said["links"]),
            said["etag"],
            said["last_modified"],
            None if said["digest"] is None else bytes.fromhex(said["digest"]),
            said["n_bytes"],
            said["problem"],
            said["silent"],
        )

    def of_its_pictures(self, role: Role) -> list[Signal]:
        """What this document says about the pictures that it shows.

        A page speaks for itself and its pictures. That a sitemap or a feed must not be in an index
        is about the document, and its pictures lie on pages that speak for themselves.
        """
        if not self.answer.allowed:
            what = f"the page may not be asked for: {self.answer.rule}"
            return [unreadable("meta-robots", Place.PAGE, what)]
        if role is Role.PAGE:
            return list(self.signals)
        return [
            found
            for found in self.signals
            if found.rule.rpartition(".")[2] not in _OF_THE_DOCUMENT
            and found.place is not Place.SITE_FILE
        ]


@dataclass(frozen=True)
class Told:
    """A photo at a place, as a document tells it: see `acquire.found.Item`."""

    url: str
    page_url: str | None
    beside: dict[str, Any] = field(default_factory=dict)
    version: str | None = None


def only_silence(signals: Sequence[Signal], answer: Answer, *, silent: bool) -> bool:
    """Whether nothing denies but that something could not be had from a host that is silent."""
    if not silent:
        return False
    if not answer.allowed and answer.rule not in {"robots.unreachable", "robots.forbidden"}:
        return False
    return all(found.rule.endswith(".unreadable") for found in signals if denies(found))
