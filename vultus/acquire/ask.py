"""Ask a site what it allows for one URL, and decide.

robots.txt comes first, and nothing is asked for that it forbids: no site file, not the URL, and
nothing that a redirect leads to before the robots.txt of that place has been read. Then come
tdmrep.json, ai.txt and the licences that robots.txt names, and at last the URL itself with its
headers, the page or picture that it is, and the licences that these name. Between two requests at
least the time passes that robots.txt asks for. What cannot be had counts as a no.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from vultus.acquire import optout
from vultus.acquire.asking import Asking, Manners, said_by, waits
from vultus.acquire.decision import Decision
from vultus.acquire.fetch import Fetcher, Hop
from vultus.acquire.memory import Memory
from vultus.acquire.permit import decide
from vultus.acquire.signal import Place, unreadable
from vultus.acquire.url import parse_url
from vultus.errors import RefusedError, UnavailableError

MAX_WAIT_S = 60.0


@dataclass(frozen=True)
class Finding:
    """The decision, every request that was made for it, and what the URL itself answered.

    `status` is None where the URL was not asked for, or did not answer: `problem` then says why.
    """

    decision: Decision
    asked: tuple[Hop, ...]
    status: int | None
    problem: str | None


def ask(
    fetcher: Fetcher,
    url: str,
    *,
    licence: bool = False,
    pause: Callable[[float], None] = time.sleep,
) -> Finding:
    """Ask the host of `url`, and no other, and decide.

    `fetcher` takes MIN_BYTES at least (ValueError else). Raises InputError `fetch.url`;
    RefusedError `fetch.address`, `fetch.port` for a host of which nothing is asked at all. Every
    other failure is part of the finding.
    """
    parsed = parse_url(url)
    url = parsed.text  # what is compared with the rules is what is asked for
    manners = Manners(MAX_WAIT_S, refusals_max=1, before=waits(pause))
    asking = Asking(fetcher, parsed, Memory(), manners)
    answer = asking.answer(url)
    signals = optout.of_robots(answer)
    status = problem = None
    if answer.allowed:
        try:
            signals.extend(asking.site_files(url, answer))
            response = asking.get(url, fetcher.bytes_max)
            status = response.status
            signals += said_by(response)
            signals.extend(asking.licences_of(url, response))
        except (RefusedError, UnavailableError) as error:
            problem = error.message
            signals.append(unreadable("x-robots-tag", Place.PAGE_HEADER, error.message))
    decision = decide(url, answer, signals, licence=licence, at=datetime.now(UTC))
    return Finding(decision, tuple(asking.asked), status, problem)
