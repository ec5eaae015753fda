"""What actions answer: plain frozen data for the page, the API and the command line.

Nothing here can reach the database or the vault. `box` is (x, y, width, height) in pixels
of the upright photo; scores are cosines, higher is more alike; times are UTC.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from vultus.errors import VultusError
from vultus.ids import CaseId, ReferenceId, SearchId

if TYPE_CHECKING:
    from vultus.faces import Face

Box = tuple[float, float, float, float]
CaseState = Literal["opened", "approved", "expired"]
Verdict = Literal["candidates", "no_likely_match", "choose_face", "no_face", "refused"]


@dataclass(frozen=True)
class CaseAnswer:
    """A case as its own people see it; `state` is computed at the time of asking."""

    id: CaseId
    reference: str
    purpose: str
    legal_basis: str
    state: CaseState
    opened: datetime
    opened_by: str
    approved: datetime | None
    approved_by: str | None
    expires: date | None  # the last day on which the case may search
    n_searches: int


@dataclass(frozen=True)
class FaceAnswer:
    """One face of a probe photo. `n` counts from 1 as people do, left to right."""

    n: int
    box: Box
    landmarks: tuple[tuple[float, float], ...]
    detection_score: float
    quality: float
    quality_components: dict[str, float]
    refused: str | None  # why this face cannot be searched, or None


@dataclass(frozen=True)
class ProbeAnswer:
    """A probe photo that was received into a case; nothing has been searched yet."""

    id: int
    case_id: CaseId
    name: str  # the file name it came with
    width: int
    height: int
    received: datetime
    faces: tuple[FaceAnswer, ...]


@dataclass(frozen=True)
class PlaceAnswer:
    """One place where a photo lies: its file or address, and the page that shows it."""

    path_or_url: str
    page_url: str | None
    source: str
    collection: str
    legal_basis: str
    expires: date | None
    seen: datetime
    beside: dict[str, Any] = field(default_factory=dict)  # what stands beside it there


@dataclass(frozen=True)
class PhotoAnswer:
    """What was found beside an enrolled photo. The first place is the one shown first."""

    sha256: str
    width: int
    height: int
    title: str | None
    caption: str | None
    caption_source: str | None
    date: str | None  # ISO 8601, as precise as known
    date_precision: str | None  # year, month, day or second
    date_source: str | None
    credit: str | None
    licence: str | None
    persons: tuple[str, ...]
    places: tuple[PlaceAnswer, ...]


@dataclass(frozen=True)
class CandidateAnswer:
    """One row of a candidate list.

    `expected_false_positives`: how many non-mated references one search of this gallery is
    expected to return at or above `score`, with an interval of about 95 %.
    """

    rank: int
    score: float
    expected_false_positives: float
    low: float
    high: float
    extrapolated: bool
    reference: ReferenceId
    box: Box
    quality: float
    photo: PhotoAnswer


@dataclass(frozen=True)
class ProbeResult:
    """The answer for one probe face, or for a photo in which none was searched."""

    probe_id: int
    photo: str  # name or path as given
    verdict: Verdict
    reason: str | None  # for `refused`: the code
    face: FaceAnswer | None  # the face that was searched
    faces: tuple[FaceAnswer, ...]  # all faces of the photo
    candidates: tuple[CandidateAnswer, ...]
    n_gone: int  # candidates erased since the search was run
    best_expected: float | None  # for `no_likely_match`: expectation at the best score seen
    same_person: tuple[str, ...] = ()  # names of the photos fused into this probe


@dataclass(frozen=True)
class GalleryAnswer:
    """What the search was allowed to search."""

    n_references: int
    n_photos: int
    collections: tuple[str, ...]


@dataclass(frozen=True)
class SearchAnswer:
    """One search: who asked, in which case, of which gallery, and what came back."""

    id: SearchId
    case: CaseAnswer
    run: datetime
    account: str
    gallery: GalleryAnswer
    model: str
    max_false_positives: float
    threshold: float | None  # the score from which a candidate is listed
    entry_index: int  # of the audit log
    probes: tuple[ProbeResult, ...]


@dataclass(frozen=True)
class SearchSummary:
    """One line of a case's list of searches."""

    id: SearchId
    run: datetime
    account: str
    names: tuple[str, ...]
    n_candidates: int
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class Terms:
    """On what terms a source is visited.

    `licence`: what its owner has granted, in words; it outweighs a reservation of rights, and
    nothing else. `contact`: whom to ask there. A web source is visited anew after
    `revisit_days`; the others bound one visit, None is without bound.
    """

    licence: str | None = None
    contact: str | None = None
    revisit_days: int | None = None
    photos_max: int | None = None
    requests_max: int | None = None
    bytes_max: int | None = None


@dataclass(frozen=True)
class SourceAnswer:
    """A registered source, unsealed."""

    id: int
    name: str
    kind: str
    location: str
    collection: str
    legal_basis: str
    page_url_prefix: str | None
    expires: date | None
    expired: bool
    visited: datetime | None
    allow_hosts: tuple[str, ...]  # HOST or HOST:PORT; none for a folder
    terms: Terms


@dataclass
class IngestAnswer:
    """What the sources hold after the visit.

    `photos` = new + unchanged + all refused + all failed: distinct photos, however many
    places hold them (`places`). `faces` counts the references of all photos held, `removed`
    the photos that have vanished from their last place. Reasons are stable codes. `unfinished`
    says of sources why their visit ended before all was asked.
    """

    photos: int = 0
    new: int = 0
    unchanged: int = 0
    faces: int = 0
    removed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    places: int = 0
    requests: int = 0
    unfinished: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)  # reason: places
    seconds: float = 0.0
    counted: set[int] = field(default_factory=set, repr=False)  # photos that are in the counts


@dataclass(frozen=True)
class HeldPhoto:
    """One row of `vultus photos`: a photo and the decision that was made about it.

    `rule` decided whether it might be held; `signal` and `value` are what it was decided on, where
    a site has said something, and `document` is the whole record (docs/formats/permit.md).
    """

    photo: PhotoAnswer
    enrolled: bool
    n_faces: int
    decision: str
    reason: str | None
    time: datetime
    rule: str
    signal: str | None = None
    value: str | None = None
    document: bytes | None = None


@dataclass(frozen=True)
class FacesAnswer:
    """The faces of one photo, or the error that reading it gave."""

    path: str
    faces: tuple[FaceAnswer, ...]
    templates: "tuple[Face, ...]"
    error: VultusError | None


@dataclass(frozen=True)
class CompareAnswer:
    """`false_match_rate`: how often two different people score at least this (see scoring)."""

    score: float
    false_match_rate: float
    faces: tuple[FaceAnswer, FaceAnswer]
    n_faces: tuple[int, int]


@dataclass(frozen=True)
class UrlAnswer:
    """What a site allows for one URL: the decision, why in sentences, and what was asked for it."""

    url: str
    decided: datetime
    permitted: bool  # to fetch it
    may_enrol: bool  # the faces in its picture
    rule: str
    reasons: tuple[str, ...]
    asked: tuple[tuple[str, int], ...]  # every request that was made, with its status
    status: int | None  # of the URL itself; None: not asked for, or no answer
    problem: str | None
    evidence: str  # SHA-256 of all that was found
    document: bytes  # the decision as docs/formats/permit.md has it
