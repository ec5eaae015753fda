"""Every rule that can decide about a URL: what it says, what can outweigh it, and in which words.

The order is the order of precedence: of two rules that deny, the upper one is named as the one
that decided. Ids are stable, since decisions are kept (docs/formats/permit.md).
"""

from dataclasses import dataclass
from enum import StrEnum


class Says(StrEnum):
    """What a signal says about enrolling the faces of a picture."""

    DENY = "deny"
    ALLOW = "allow"
    SILENT = "silent"


class Weight(StrEnum):
    """What a rule that denies stands on, and so what can outweigh it."""

    FETCH = "fetch"  # nothing outweighs it, and nothing is fetched
    STANDS = "stands"  # nothing outweighs it: fetched perhaps, never enrolled
    RESERVES = "reserves"  # rights are reserved, and a licence is how they are granted
    NONE = "none"  # it does not deny


@dataclass(frozen=True)
class Rule:
    """One rule: `sentence` is for the owner of the site."""

    says: Says
    weight: Weight
    sentence: str


def _deny(weight: Weight, sentence: str) -> Rule:
    return Rule(Says.DENY, weight, sentence)


def _allow(sentence: str) -> Rule:
    return Rule(Says.ALLOW, Weight.NONE, sentence)


def _silent(sentence: str) -> Rule:
    return Rule(Says.SILENT, Weight.NONE, sentence)


_UNREADABLE = "could not be read, so it counts as a no."
_ROBOTS = {
    "robots.not_asked": "The site's robots.txt was not asked for, so nothing may be fetched.",
    "robots.url": "The address cannot be compared with the rules of robots.txt.",
    "robots.unreachable": "The site did not answer for its robots.txt; nothing is fetched until "
    "it does.",
    "robots.redirects": "The site's robots.txt led from one address to another and to no end.",
    "robots.forbidden": "The site refused to hand out its robots.txt, which counts as a no.",
    "robots.unreadable": "What the site gave as robots.txt is none, and unreadable means no.",
    "robots.too_many_rules": "The site's robots.txt has more rules than are read; it counts as a "
    "no.",
    "robots.visit_time": "The site's robots.txt names times of day for visits, and this is none.",
    "robots.disallow": "The site's robots.txt forbids this address.",
}
_FETCHED = {
    "robots.itself": "A robots.txt may always be asked for.",
    "robots.allow": "The site's robots.txt allows this address.",
    "robots.no_rule": "The site's robots.txt has no rule for this address.",
    "robots.absent": "The site has no robots.txt.",
}
_WORDS = {
    "noindex": (Weight.STANDS, "must not be in any search index."),
    "none": (Weight.STANDS, "must not be in any search index, nor its links followed."),
    "noimageindex": (Weight.STANDS, "keeps its pictures out of any search index."),
    "unavailable_after": (Weight.STANDS, "is to leave every search index on a certain day."),
    "unreadable": (Weight.STANDS, "has instructions for robots that cannot be read: that is a no."),
    "noai": (Weight.RESERVES, "must not be used by AI."),
    "noimageai": (Weight.RESERVES, "keeps its pictures from AI."),
}
_RESERVES = {
    "tdm-reservation.reserved": "The right to mine this content is reserved (TDMRep).",
    "tdm-reservation.unreadable": f"The reservation of text and data mining {_UNREADABLE}",
    "content-usage.denied": "The site's Content-Usage says no to this use.",
    "content-usage.unreadable": f"The site's Content-Usage {_UNREADABLE}",
    "content-signal.denied": "The site's Content-Signal says no to this use.",
    "content-signal.unreadable": f"The site's Content-Signal {_UNREADABLE}",
    "rsl.prohibits": "The licence that the site offers (RSL) prohibits search.",
    "rsl.not_permitted": "The licence that the site offers (RSL) permits other uses only.",
    "rsl.payment": "The licence that the site offers (RSL) asks for a payment.",
    "rsl.licence_server": "The site asks for a licence from its licence server (RSL).",
    "rsl.limited": "The licence that the site offers (RSL) is for certain users or places only.",
    "rsl.unreadable": f"The licence that the site offers (RSL) {_UNREADABLE}",
    "ai-txt.disallowed": "The site's ai.txt forbids this address.",
    "ai-txt.images": "The site's ai.txt forbids pictures.",
    "ai-txt.unreadable": f"The site's ai.txt {_UNREADABLE}",
    "iptc-data-mining.prohibited": "The picture says in itself that data mining is prohibited.",
    "iptc-data-mining.constrained": "The picture says in itself that data mining has conditions.",
    "iptc-data-mining.unreadable": f"What the picture says of data mining {_UNREADABLE}",
    "c2pa-training-mining.not_allowed": "The picture's content credentials do not allow this use.",
    "c2pa-training-mining.constrained": "The picture's content credentials set conditions.",
    "c2pa-training-mining.unreadable": f"The picture's content credentials {_UNREADABLE}",
}
_ALLOWS = {
    "tdm-reservation.not_reserved": "The right to mine this content is not reserved (TDMRep).",
    "content-usage.allowed": "The site's Content-Usage says yes to this use.",
    "content-signal.allowed": "The site's Content-Signal says yes to this use.",
    "rsl.permits": "The licence that the site offers (RSL) permits search, at no price.",
    "ai-txt.allowed": "The site's ai.txt allows this address.",
    "iptc-data-mining.allowed": "The picture says in itself that data mining is allowed.",
    "c2pa-training-mining.allowed": "The picture's content credentials allow this use.",
}
_SILENT = {
    "tdm-reservation.page_only": "The page reserves the mining of its text, not of its pictures.",
    "tdm-reservation.not_said": "Nothing is said of text and data mining.",
    "content-usage.training_only": "The site's Content-Usage speaks of training only.",
    "content-usage.not_said": "The site's Content-Usage does not speak of this use.",
    "content-signal.training_only": "The site's Content-Signal speaks of training only.",
    "content-signal.not_said": "The site's Content-Signal does not speak of this use.",
    "rsl.not_said": "The licence that the site offers (RSL) does not speak of this address or use.",
    "ai-txt.not_said": "The site's ai.txt does not speak of this address.",
    "iptc-data-mining.training_only": "The picture prohibits training, and does not speak of "
    "search.",
    "iptc-data-mining.unspecified": "The picture leaves open whether it may be mined.",
    "c2pa-training-mining.training_only": "The content credentials speak of training only.",
    "c2pa-training-mining.not_said": "The content credentials do not speak of this use.",
}


def _of_words(name: str, subject: str) -> dict[str, Rule]:
    denies = {f"{name}.{word}": _deny(w, f"{subject} {text}") for word, (w, text) in _WORDS.items()}
    return denies | {
        f"{name}.all": _allow(f"{subject} may be in a search index."),
        f"{name}.other_agent": _silent("This instruction is for other robots."),
        f"{name}.not_said": _silent("The instructions for robots do not speak of this use."),
    }


def _in_order() -> dict[str, Rule]:
    words = _of_words("x-robots-tag", "The server says that this") | _of_words(
        "meta-robots", "The page says that it"
    )
    rules = {name: _deny(Weight.FETCH, text) for name, text in _ROBOTS.items()}
    rules |= {name: rule for name, rule in words.items() if rule.weight is Weight.STANDS}
    rules |= {name: rule for name, rule in words.items() if rule.weight is Weight.RESERVES}
    rules |= {name: _deny(Weight.RESERVES, text) for name, text in _RESERVES.items()}
    rules |= {name: _allow(text) for name, text in (_ALLOWS | _FETCHED).items()}
    rules |= {name: rule for name, rule in words.items() if rule.weight is Weight.NONE}
    return rules | {name: _silent(text) for name, text in _SILENT.items()}


RULES = _in_order()
PRECEDENCE = {name: place for place, name in enumerate(RULES)}
