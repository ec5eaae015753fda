"""A decision about a URL, as it is kept (docs/formats/permit.md) and as it is explained."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from vultus import canonical
from vultus.acquire.pattern import MAX_URL_BYTES
from vultus.acquire.rule import RULES, Says
from vultus.acquire.signal import MAX_RAW, Place, Signal, denies, set_aside, stands
from vultus.errors import IntegrityError

MAX_DECISION_BYTES = 2 * 1024 * 1024
MAX_SIGNALS = 1_000
_HASH = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9._-]{1,100}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_OUTCOMES = {
    (True, True): "This address may be fetched and the faces in its picture may be enrolled.",
    (True, False): "This address may be fetched, but no face in its picture may be enrolled.",
    (False, False): "This address may not be fetched.",
}


@dataclass(frozen=True)
class Decision:
    """What was decided about a URL, when, by which rule, on what evidence.

    `permitted` is for fetching, `may_enrol` for the faces in what was fetched. `rule` decided:
    an id of `vultus.acquire.rule`, `permit.licence` where only a recorded licence stood against
    what was found, or `permit.allowed` where nothing denied. `evidence` is the SHA-256, hex, of
    all that was found. `time` is in UTC and whole milliseconds. Raises ValueError for values that
    docs/formats/permit.md does not have.
    """

    url: str
    time: datetime
    permitted: bool
    may_enrol: bool
    rule: str
    licence: bool
    robots_rule: str
    robots_line: str
    robots_sha256: str
    signals: tuple[Signal, ...]
    evidence: str

    def __post_init__(self) -> None:
        names = [self.rule, self.robots_rule]
        names += [name for found in self.signals for name in (found.name, found.rule)]
        texts = [self.robots_line, *(found.raw for found in self.signals)]
        if self.time.utcoffset() != timedelta(0) or self.time.microsecond % 1000:
            raise ValueError(f"a decision's time is in UTC and whole milliseconds, got {self.time}")
        if self.may_enrol and not self.permitted:
            raise ValueError("what may not be fetched may not be enrolled")
        if len(self.url.encode()) > MAX_URL_BYTES or len(self.signals) > MAX_SIGNALS:
            raise ValueError("a URL or a list of signals is too long")
        if not all(_NAME.fullmatch(name) for name in names):
            raise ValueError(f"a rule has a name, got {names}")
        if any(len(text) > MAX_RAW for text in texts):
            raise ValueError(f"a value is kept with at most {MAX_RAW} characters")
        if not (_HASH.fullmatch(self.evidence) and _HASH.fullmatch(self.robots_sha256 or "0" * 64)):
            raise ValueError("a SHA-256 has 64 hex digits")

    def to_bytes(self) -> bytes:
        """The decision in canonical JSON, as docs/formats/permit.md has it."""
        stamp = self.time.replace(tzinfo=None).isoformat(timespec="milliseconds")
        fields = _evidence(self.url, self.licence, self._robots, self.signals) | {
            "evidence": self.evidence,
            "may_enrol": self.may_enrol,
            "permitted": self.permitted,
            "rule": self.rule,
            "time": stamp + "Z",
            "vultus_permit": 1,
        }
        return canonical.encode(fields)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Decision":
        """The decision that `to_bytes` wrote.

        Raises IntegrityError `permit.malformed` for anything that it does not write, and
        `permit.evidence_wrong` where what was found is not what the evidence was made of.
        """
        try:
            decision = _decoded(data)
        except (ValueError, TypeError, KeyError, AttributeError):
            decision = None
        if decision is None or decision.to_bytes() != data:  # further keys, another version, 24:00
            raise IntegrityError(
                "permit.malformed",
                "A stored decision about a web address cannot be read.",
                "Keep it as it is and restore it from a backup.",
            )
        if decision.evidence != decision.hash_of_found():
            raise IntegrityError(
                "permit.evidence_wrong",
                "What was found about a web address is not what the decision was made on.",
                "Keep it as it is and restore it from a backup.",
            )
        return decision

    def hash_of_found(self) -> str:
        """What `evidence` ought to be."""
        return evidence_hash(self.url, self.licence, self._robots, self.signals)

    @property
    def _robots(self) -> tuple[str, str, str]:
        return (self.robots_rule, self.robots_line, self.robots_sha256)

    def decided_by(self) -> tuple[str, str]:
        """The kind of signal that decided and its raw value; both empty where nothing denied."""
        if self.rule == self.robots_rule:
            return ("robots.txt", self.robots_line)
        aside = set_aside(self.signals)
        for found in self.signals:
            if found.rule == self.rule and found not in aside:
                return (found.name, found.raw)
        return ("", "")

    def explain(self) -> list[str]:
        """The decision in sentences that the owner of the site understands, the outcome first."""
        line = f" (“{_shown(self.robots_line)}”)" if self.robots_line else ""
        lines = [_OUTCOMES[self.permitted, self.may_enrol], _sentence(self.robots_rule) + line]
        aside = set_aside(self.signals)
        for found in self.signals:
            text = f"{_sentence(found.rule)} ({found.place}: “{_shown(found.raw)}”)"
            if found in aside:
                text += " The picture's own header says otherwise, and it counts."
            elif denies(found) and self.licence and not stands(found):
                text += " The licence recorded for this source grants this."
            lines.append(text)
        lines.append(f"Decided on {self.time:%Y-%m-%d at %H:%M:%S} UTC by the rule {self.rule}.")
        return lines


def evidence_hash(
    url: str, licence: bool, robots: tuple[str, str, str], signals: Sequence[Signal]
) -> str:
    """The SHA-256, hex, of all that a decision rests on; `robots` is rule, line and SHA-256."""
    return sha256(canonical.encode(_evidence(url, licence, robots, signals))).hexdigest()


def _evidence(
    url: str, licence: bool, robots: tuple[str, str, str], signals: Sequence[Signal]
) -> dict[str, Any]:
    rule, line, body_sha256 = robots
    return {
        "licence": licence,
        "robots": {"body_sha256": body_sha256, "line": line, "rule": rule},
        "signals": [
            {
                "name": found.name,
                "place": found.place.value,
                "raw": found.raw,
                "rule": found.rule,
                "says": found.says.value,
            }
            for found in signals
        ],
        "url": url,
    }


def _decoded(data: bytes) -> Decision:
    """The fields as they stand, their types checked; ValueError, TypeError, KeyError for others."""
    if len(data) > MAX_DECISION_BYTES:
        raise ValueError("too long")
    fields = canonical.decode(data)
    robots = fields["robots"]
    signals = tuple(
        Signal(s["name"], Place(s["place"]), s["raw"], Says(s["says"]), s["rule"])
        for s in fields["signals"]
    )
    texts = [robots["line"], robots["body_sha256"], *(found.raw for found in signals)]
    if not all(type(text) is str for text in texts):
        raise TypeError("a text of another type")
    flags = [fields[key] for key in ("permitted", "may_enrol", "licence")]
    if not all(type(flag) is bool for flag in flags) or not _TIME.fullmatch(fields["time"]):
        raise TypeError("a flag or a time of another type")
    permitted, may_enrol, licence = flags
    return Decision(
        url=fields["url"],
        time=datetime.fromisoformat(fields["time"]).astimezone(UTC),
        permitted=permitted,
        may_enrol=may_enrol,
        rule=fields["rule"],
        licence=licence,
        robots_rule=robots["rule"],
        robots_line=robots["line"],
        robots_sha256=robots["body_sha256"],
        signals=signals,
        evidence=fields["evidence"],
    )


def _sentence(rule: str) -> str:
    return RULES[rule].sentence if rule in RULES else f"By a rule of another version, {rule}."


def _shown(text: str) -> str:
    """`text` on one line, without what does not print."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
