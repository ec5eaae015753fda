"""What becomes of a photo of a web source: decided place by place, and written with its reasons.

A photo is enrolled through the pages that permit it. Where none does, it is refused, and the
decision says by which rule. Where only the host was silent, what is held stays as it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from vultus.acquire.decision import MAX_SIGNALS, Decision
from vultus.acquire.folder import Place
from vultus.acquire.found import Role
from vultus.acquire.memory import now_utc
from vultus.acquire.permit import decide
from vultus.acquire.said import Said, only_silence
from vultus.acquire.signal import Place as Where
from vultus.acquire.signal import Signal, unreadable
from vultus.actions.enrol import Known, Outcome, Visit, commit_outcomes, forget_places
from vultus.actions.frontier import Frontier, Turn
from vultus.actions.told import opened, place_name
from vultus.audit.entry import EntryKind
from vultus.errors import VultusError
from vultus.faces.reading import Reading
from vultus.records.models import FrontierItem, FrontierUrl, Sighting
from vultus.records.photo import Decision as Enrolment
from vultus.records.sequence import gallery_changed

REFUSED = Enrolment.REFUSED
GONE = "fetch.gone"
ELSEWHERE = "fetch.redirect"
GROUPS = (  # of what stands beside a photo: what belongs together
    ("title",), ("caption", "caption_source"), ("credit",), ("licence",),
    ("date", "date_precision", "date_source"), ("persons",), ("language",),
)  # fmt: skip


@dataclass
class WebVisit(Visit):
    """A web source being visited: a place is the URL of a photo, and that of its page.

    `gone` counts the photos that were let go of before anything was asked.
    """

    gone: int = 0

    def unread_name(self, name: bytes) -> bytes:
        return name.partition(b"\n")[0]

    def path(self, name: bytes) -> str:
        return name.partition(b"\n")[0].decode()

    def page_url(self, name: bytes) -> str | None:
        return name.partition(b"\n")[2].decode() or None


@dataclass(frozen=True)
class Shown:
    """A photo at one place, and the decision about it there. `is_silent`: nothing denies but that
    a host did not answer.
    """

    index: bytes
    name: bytes
    beside: dict[str, Any]
    decision: Decision
    is_silent: bool


@dataclass
class Settling:
    """A photo whose turn it is. `fresh`: it was asked for now, so every place is decided anew.

    `said` is what is known of it. `reading` is what its bytes gave, where they were read; `sha256`
    that of the bytes. `silent` is the code of why they could not be had for now.
    """

    turn: Turn
    said: Said
    fresh: bool
    sha256: str | None = None
    reading: Reading | VultusError | None = None
    silent: str | None = None

    @property
    def gone(self) -> bool:
        """Whether there is no photo at this URL."""
        return self.said.problem in {GONE, ELSEWHERE}


@dataclass
class Settled:
    """What some photos mean, gathered: places to forget with the reason, and what to write."""

    forgotten: list[tuple[Known, str]] = field(default_factory=list)
    replaced: list[Known] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    known: dict[bytes, Known] = field(default_factory=dict)


def shown_at(
    frontier: Frontier, url: str, photo: Said, items: Iterable[FrontierItem]
) -> list[Shown]:
    """The places of a photo, each with its decision; not those whose page was not asked yet."""
    pages: dict[int, Said | None] = {}
    places: dict[bytes, list[tuple[FrontierItem, dict[str, Any]]]] = {}
    for item in items:
        places.setdefault(bytes(item.place_index), []).append((item, opened(frontier, item)))
    found: list[Shown] = []
    for index, told in places.items():
        told.sort(key=lambda pair: pair[0].teller_id != pair[0].page_id)  # the page's own first
        item, fields = told[0]
        if item.page_id not in pages:
            pages[item.page_id] = frontier.said_of(item.page)
        said = pages[item.page_id]
        if said is None:
            continue
        every = bounded([*said.of_its_pictures(Role(item.page.role)), *photo.signals])
        licence = bool(frontier.source.terms.licence)
        decision = decide(url, photo.answer, every, licence=licence, at=now_utc())
        silent = said.silent or photo.silent
        found.append(
            Shown(
                index,
                place_name(fields["url"], fields["page_url"]),
                merged([other["beside"] for _, other in told]),
                decision,
                only_silence(every, photo.answer, silent=silent),
            )
        )
    return found


def bounded(signals: list[Signal]) -> list[Signal]:
    """At most as many signals as a decision holds; what is more denies."""
    if len(signals) <= MAX_SIGNALS:
        return signals
    more = unreadable("x-robots-tag", Where.PAGE_HEADER, "more signals than are read")
    return [*signals[: MAX_SIGNALS - 1], more]


def merged(besides: list[dict[str, Any]]) -> dict[str, Any]:
    """What stands beside a photo by several documents' word; the first that says it counts."""
    whole: dict[str, Any] = {}
    for beside in besides:
        for group in GROUPS:
            if group[0] in beside and group[0] not in whole:
                whole |= {name: beside[name] for name in group if name in beside}
    return whole


def items_of(turn: Turn, *, fresh: bool) -> "QuerySet[FrontierItem]":
    """What tells of a photo: all of it, or what has not been decided yet."""
    rows = FrontierItem.objects.filter(photo=turn.id).select_related("page").order_by("id")
    return rows if fresh else rows.filter(due=True)


def places_held(frontier: Frontier, indexes: Iterable[bytes]) -> dict[bytes, tuple[Known, bool]]:
    """place -> what is known of it, and whether a photo with its bytes stands there."""
    found: dict[bytes, tuple[Known, bool]] = {}
    every = list(indexes)
    for start in range(0, len(every), 500):
        part = every[start : start + 500]
        rows = Sighting.objects.filter(source_id=frontier.source.id, place_index__in=part)
        for row in rows.select_related("photo"):
            found[bytes(row.place_index)] = (known_of(row), row.photo.decision != REFUSED)
    return found


def settle(frontier: Frontier, job: Settling, settled: Settled) -> None:
    """Decide about one photo; adds to `settled`. Call it in the transaction that writes that."""
    items = list(items_of(job.turn, fresh=job.fresh))
    shown = shown_at(frontier, job.turn.url, job.said, items)
    held = places_held(frontier, [place.index for place in shown])
    permitted = any(place.decision.may_enrol for place in shown)
    elsewhere = permitted or others(frontier, job)
    for place in shown:
        known, stands = held.get(place.index, (None, False))
        if job.gone:
            if known:
                settled.forgotten.append((known, job.said.problem or GONE))
        elif place.decision.may_enrol:
            settle_permitted(job, place, known, settled)
        elif not (stands and place.is_silent):
            settle_denied(place, known, stands, elsewhere, settled)
    if permitted and not job.gone and job.said.digest is not None:
        settled.replaced += refused_elsewhere(frontier, job.turn, {p.index for p in shown})
    FrontierItem.objects.filter(id__in=[item.pk for item in items]).update(due=False)


def settle_permitted(job: Settling, place: Shown, known: Known | None, settled: Settled) -> None:
    """A place through which the photo may be enrolled, if there is one."""
    if job.said.digest is None and job.said.problem is None:
        if known is None and job.silent:
            settled.outcomes.append(outcome(place, problem=job.silent))
        return
    reading = job.reading if isinstance(job.reading, Reading) else None
    if known:
        settled.known[place.index] = known
    settled.outcomes.append(
        outcome(
            place,
            n_bytes=job.said.n_bytes,
            reading=reading,
            problem=job.said.problem,
            sha256=job.sha256,
            digest=job.said.digest if job.sha256 is None else None,
        )
    )


def settle_denied(
    place: Shown, known: Known | None, stands: bool, is_permitted: bool, settled: Settled
) -> None:
    """A place that denies: what stands there goes; a refusal is written where no place permits."""
    if known and (stands or is_permitted):
        settled.forgotten.append((known, place.decision.rule))
    elif known:
        settled.known[place.index] = known
    if not is_permitted:
        settled.outcomes.append(outcome(place, problem=place.decision.rule, refused=True))


def outcome(place: Shown, *, n_bytes: int = 0, **what: Any) -> Outcome:  # noqa: ANN401
    """A place as it is written, with its decision."""
    return Outcome(
        Place(place.name, n_bytes, "", None),
        what.pop("reading", None),
        what.pop("problem", None),
        what.pop("sha256", None),
        beside=place.beside,
        decision=place.decision.to_bytes(),
        evidence=place.decision.evidence,
        **what,
    )


def others(frontier: Frontier, job: Settling) -> bool:
    """Whether the photo stands at another place, about which nothing is decided now."""
    if job.fresh:
        return False
    places = FrontierItem.objects.filter(photo=job.turn.id, due=False).values("place_index")
    rows = Sighting.objects.filter(source_id=frontier.source.id, place_index__in=places)
    return rows.exclude(photo__decision=REFUSED).exists()


def refused_elsewhere(frontier: Frontier, turn: Turn, decided: set[bytes]) -> list[Known]:
    """Refusals of the photo at other places: now that it is enrolled they say nothing."""
    places = FrontierItem.objects.filter(photo=turn.id).values("place_index")
    rows = Sighting.objects.filter(
        source_id=frontier.source.id, place_index__in=places, photo__decision=REFUSED
    ).select_related("photo")
    return [known_of(row) for row in rows if bytes(row.place_index) not in decided]


def known_of(row: Sighting) -> Known:
    return Known(row.pk, row.photo_id, row.n_bytes, row.changed_ns, row.photo.reason)


def write(visit: Visit, settled: Settled) -> tuple[set[int], int]:
    """Write what was settled; returns the photos newly enrolled, and how many are removed.

    Call it in the transaction that holds the log.
    """
    removed = 0
    by_reason: dict[str, list[Known]] = {}
    for known, reason in settled.forgotten:
        by_reason.setdefault(reason, []).append(known)
    for reason, places in by_reason.items():
        removed += forget_places(visit, places, EntryKind.PHOTO_VANISHED, reason)
    if settled.replaced:
        forget_places(
            visit, settled.replaced, EntryKind.PHOTO_VANISHED, "photo.permitted_elsewhere"
        )
    if by_reason or settled.replaced:
        gallery_changed()
    new = commit_outcomes(visit, settled.outcomes, settled.known) if settled.outcomes else set()
    return new, removed


def forget_indexes(visit: Visit, frontier: Frontier, indexes: set[bytes], reason: str) -> int:
    """Places that no document tells any more; returns how many photos are removed with them."""
    known = [known for known, _ in places_held(frontier, indexes).values()]
    if not known:
        return 0
    removed = forget_places(visit, known, EntryKind.PHOTO_VANISHED, reason)
    gallery_changed()
    return removed


def is_told(turn: Turn) -> bool:
    """Whether any document tells of this photo still; else its row goes."""
    if FrontierItem.objects.filter(photo=turn.id).exists():
        return True
    FrontierUrl.objects.filter(pk=turn.id).delete()
    return False
