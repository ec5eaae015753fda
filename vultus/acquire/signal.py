"""A signal: what one place said about the use of a picture, kept as it was found."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vultus.acquire.rule import RULES, Says, Weight

MAX_RAW = 500


class Place(StrEnum):
    """Where a signal was found."""

    PAGE_HEADER = "page header"
    IMAGE_HEADER = "image header"
    PAGE = "page"
    IMAGE = "image"
    SITE_FILE = "site file"


@dataclass(frozen=True)
class Signal:
    """What was found (`raw`, at most MAX_RAW characters), where, and what it says by which rule.

    `name` is the kind of signal, such as `tdm-reservation`; `rule` begins with it.
    """

    name: str
    place: Place
    raw: str
    says: Says
    rule: str


def signal(rule: str, place: Place, raw: str) -> Signal:
    """The signal of a rule of `vultus.acquire.rule` (KeyError for any other), raw value cut."""
    return Signal(rule.rpartition(".")[0], place, bounded(raw), RULES[rule].says, rule)


def unreadable(name: str, place: Place, what: str) -> Signal:
    """Something was there, or ought to be, and could not be read: `what`. It denies."""
    return signal(f"{name}.unreadable", place, what)


def bounded(text: str) -> str:
    """`text` as it can be kept: at most MAX_RAW characters, lone surrogates replaced."""
    kept = text if len(text) <= MAX_RAW else text[: MAX_RAW - 1] + "…"
    return kept.encode("utf-8", "replace").decode()


def denies(found: Signal) -> bool:
    """Whether a signal says no; one by a rule that is not known does, whatever it says."""
    rule = RULES.get(found.rule)
    return rule is None or Says.DENY in {rule.says, found.says}


def stands(found: Signal) -> bool:
    """Whether a signal that denies is one that no licence outweighs."""
    rule = RULES.get(found.rule)
    return rule is None or rule.weight is not Weight.RESERVES


def set_aside(signals: Sequence[Signal]) -> set[Signal]:
    """What tdmrep.json reserves, where the picture's own header says that nothing is reserved.

    The header overrides the file (TDMRep, precedence); one that also says something else does not.
    """
    name, place = "tdm-reservation", Place.IMAGE_HEADER
    header = {found.rule for found in signals if found.name == name and found.place is place}
    if header != {f"{name}.not_reserved"}:
        return set()
    rule = f"{name}.reserved"
    return {found for found in signals if found.rule == rule and found.place is Place.SITE_FILE}
