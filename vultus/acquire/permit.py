"""May this URL be fetched, and may the faces in its picture be enrolled: one table decides.

Everything that was found is put together: the answer of robots.txt and the signals of headers,
pages, site files and pictures. The strictest decides, and nothing that allows outweighs what
denies. One thing does, in part: a licence that the source's own record holds.

| what says no | weight | can a licence outweigh it, and why |
|---|---|---|
| robots.txt: a rule, or no readable | fetch | no: it is about the site's machines, of which a |
| answer | | licence for pictures says nothing |
| noindex, none, noimageindex, | stands | no: they say what people may find, and a search index |
| unavailable_after; instructions for | | is just that; whoever grants a licence can take them |
| robots that cannot be read | | off the page |
| TDMRep, Content-Usage, Content-Signal, | reserves | yes: they reserve a right, and a licence |
| RSL, ai.txt, noai, noimageai, IPTC/PLUS, | | is how its owner grants it; what cannot be |
| C2PA/CAWG; also where unreadable | | read there can only have reserved that same right |
| a signal by a rule that is not known | stands | no: nobody knows what it says |

TDMRep has a precedence of its own: the header of the picture overrides tdmrep.json. No other
signal overrides another one. Which rule has which weight: `vultus.acquire.rule`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from vultus.acquire.decision import MAX_SIGNALS, Decision, evidence_hash
from vultus.acquire.pattern import MAX_URL_BYTES
from vultus.acquire.robots import Answer
from vultus.acquire.rule import PRECEDENCE
from vultus.acquire.signal import Signal, denies, set_aside, stands


def decide(
    url: str,
    robots_answer: Answer | None,
    signals: Sequence[Signal],
    *,
    licence: bool,
    at: datetime,
) -> Decision:
    """The decision about `url` at the time `at`, which has a zone and is cut to milliseconds.

    `robots_answer` is None where robots.txt was not asked: that denies. `licence`: whether the
    record of the source holds a licence that has not run out. Raises ValueError for a URL longer
    than MAX_URL_BYTES or that is no text, for more than MAX_SIGNALS signals, and without a zone.
    """
    if at.utcoffset() is None:
        raise ValueError(f"a time has a zone, got {at}")
    if len(url.encode()) > MAX_URL_BYTES or len(signals) > MAX_SIGNALS:
        raise ValueError("a URL or a list of signals longer than any that is read")
    robots = robots_answer or Answer(False, "robots.not_asked")
    aside = set_aside(signals)
    denying = [found for found in signals if denies(found) and found not in aside]
    left = [found for found in denying if stands(found) or not licence]
    rule = "permit.licence" if denying else "permit.allowed"
    if not robots.allowed:
        rule = robots.rule
    elif left:
        rule = min(left, key=lambda found: PRECEDENCE.get(found.rule, -1)).rule
    utc = at.astimezone(UTC)
    return Decision(
        url=url,
        time=utc.replace(microsecond=utc.microsecond // 1000 * 1000),
        permitted=robots.allowed,
        may_enrol=robots.allowed and not left,
        rule=rule,
        licence=licence,
        robots_rule=robots.rule,
        robots_line=robots.line,
        robots_sha256=robots.body_sha256,
        signals=tuple(signals),
        evidence=evidence_hash(
            url, licence, (robots.rule, robots.line, robots.body_sha256), signals
        ),
    )
