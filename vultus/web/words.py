"""Scores, dials and quality in words. Pure, but for the language that is switched on.

A score means: so many strangers of this gallery are expected at or above it in one search
(`expected`). Its inverse is said: "once in n searches". The scale's axis is logarithmic,
from every search (n = 1) at 0 % to once in 100,000 at 100 %: x = 20 % * log10(n).
"""

import math
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from vultus.actions.answers import FaceAnswer

N_SEARCHES_MAX = 1_000_000  # beyond, no figure is said
STOPS = (10, 100, 1_000, 10_000)  # searches for one stranger


@dataclass(frozen=True)
class Scale:
    """Positions on the axis, as SVG percentages; `low` and `high` bound the interval."""

    at: str
    low: str
    high: str
    dial: str
    dial_anchor: str  # where the dial's words are tied to it
    dial_words: str
    ends_named: bool  # there is room for the name of the axis' right end
    says: str


@dataclass(frozen=True)
class Stop:
    """One choice of the dial."""

    n_searches: int
    max_false_positives: float
    chosen: bool


def whole(number: float) -> str:
    """A whole number as the language groups it: 1,204 or 1 204 or 1.204."""
    return number_format(round(number), use_l10n=True, force_grouping=True)


def two_figures(number: float) -> int:
    """`number` > 0 rounded to two significant figures, and to a whole number: 3288 -> 3300."""
    if number < 10:
        return round(number)
    step = int(10 ** (math.floor(math.log10(number)) - 1))
    return round(number / step) * step


def n_searches(expected: float) -> float:
    """In how many searches one stranger is expected; infinite for 0."""
    return 1 / expected if expected > 0 else math.inf


def once_in(expected: float) -> str:
    """How often a stranger is expected, without a verb: "once in 3,300 searches"."""
    n = n_searches(expected)
    if n <= 1:
        return _("in every search")
    if n < 1.5:
        return _("in nearly every search")
    if n > N_SEARCHES_MAX:
        return _("less than once in %(n)s searches") % {"n": whole(N_SEARCHES_MAX)}
    return _("once in %(n)s searches") % {"n": whole(two_figures(n))}


def stranger_sentence(expected: float) -> str:
    """The score as a sentence, which is its first reading."""
    n = n_searches(expected)
    if n < 1.5 or n > N_SEARCHES_MAX:
        return _("A stranger this alike would come up %(once)s") % {"once": once_in(expected)}
    return _("A stranger this alike would come up about %(once)s") % {"once": once_in(expected)}


def interval_sentence(low: float, high: float) -> str:
    """The interval of `expected`, low <= high, as searches: "between 1,600 and 6,900 searches"."""
    few, many = n_searches(high), n_searches(low)
    if many < 1.5:
        return _("in every search, 95 of 100 times")
    if few > N_SEARCHES_MAX:
        return _("more than %(n)s searches, 95 of 100 times") % {"n": whole(N_SEARCHES_MAX)}
    few_words = whole(max(1, two_figures(few)))
    if many > N_SEARCHES_MAX:
        return _("%(few)s searches or more, 95 of 100 times") % {"few": few_words}
    return _("between %(few)s and %(many)s searches, 95 of 100 times") % {
        "few": few_words,
        "many": whole(two_figures(many)),
    }


def position(n: float) -> float:
    """Per cent along the axis, from 0 to 100."""
    return min(100.0, max(0.0, 20 * math.log10(n))) if n < math.inf else 100.0


def scale(expected: float, low: float, high: float, max_false_positives: float) -> Scale:
    """The thin line under a sentence: an estimate, its interval, and where the dial stands."""
    dial = position(n_searches(max_false_positives))
    return Scale(
        at=percent(position(n_searches(expected))),
        low=percent(position(n_searches(high))),
        high=percent(position(n_searches(low))),
        dial=percent(dial),
        dial_anchor="start" if dial < 30 else "end" if dial > 50 else "middle",
        dial_words=dial_words(max_false_positives),
        ends_named=dial < 75,
        says=_("%(once)s; the dial is at %(dial)s")
        % {"once": once_in(expected).capitalize(), "dial": once_in(max_false_positives)},
    )


def dial_words(max_false_positives: float) -> str:
    """The dial under the axis, in as few letters as it takes."""
    if max_false_positives >= 1:
        return _("your dial")
    n = whole(two_figures(n_searches(max_false_positives)))
    return _("your dial, once in %(n)s") % {"n": n}


def percent(number: float) -> str:
    """For an SVG attribute, in no language."""
    return f"{number:.1f}%"


def dial_sentence(max_false_positives: float) -> str:
    """What the dial asks of a search."""
    if max_false_positives > 1:
        n = round(max_false_positives)
        return ngettext(
            "Show at most about %(n)s stranger in a search",
            "Show at most about %(n)s strangers in a search",
            n,
        ) % {"n": whole(n)}
    return _("Show a stranger at most %(once)s") % {"once": once_in(max_false_positives)}


def stops(max_false_positives: float) -> tuple[Stop, ...]:
    """The dial's four stops; none is chosen when the search used a value between them."""
    return tuple(
        Stop(n, 1 / n, math.isclose(1 / n, max_false_positives, rel_tol=0.01)) for n in STOPS
    )


def n_candidates(n: int) -> str:
    return ngettext("%(n)s candidate", "%(n)s candidates", n) % {"n": whole(n)}


def meter(quality: float) -> tuple[bool, ...]:
    """A quality from 0 to 1 as four steps, of which at least the first is on."""
    n = min(4, max(1, math.ceil(quality * 4)))
    return tuple(i < n for i in range(4))


def weaknesses(face: FaceAnswer) -> list[str]:
    """What about the picture of a face makes it weak, in words; below half of its range."""
    says = {
        "size": _("Small"),
        "sharpness": _("Blurred"),
        "pose": _("Turned away"),
        "exposure": _("Badly lit"),
    }
    return [word for key, word in says.items() if face.quality_components.get(key, 1.0) < 0.5]


def pixels_between_eyes(landmarks: tuple[tuple[float, float], ...]) -> int:
    """Distance of the first two landmarks, the eyes, in pixels of the upright photo."""
    return round(math.dist(landmarks[0], landmarks[1]))
