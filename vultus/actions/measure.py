"""The protocol of docs/evaluate.md: from labelled photos to error rates.

Nothing is read or written here: what is measured are templates and their labels.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import cast

import numpy as np
import numpy.typing as npt

from vultus.acquire.folder import path_text
from vultus.actions.gallery import WORST
from vultus.actions.labelled import Labelled, Progress
from vultus.errors import InputError
from vultus.faces import Face
from vultus.scoring.calibration import fit_calibration
from vultus.scoring.demographic import GroupRow, rates_by_label
from vultus.scoring.discard import DiscardRow, error_versus_discard
from vultus.scoring.identification import (
    FAILED,
    FnirRow,
    Searches,
    identification_table,
    investigation_table,
    search_mated,
    search_non_mated,
)
from vultus.scoring.interval import N_REPLICATES, Interval, mean_interval
from vultus.scoring.verification import Comparisons, FnmrAtFmr, compare_people, fnmr_at_fmr

LEVELS = (10.0, 1.0, 0.1, 0.01, 0.003)  # strangers a search
N_WORST = 12  # of each kind of error, for the report
ACCEPTED_MIN = 10  # false matches that a threshold should rest on
Ids = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class CalibrationRow:
    """`predicted` strangers a search at or above the threshold, and `observed` by others.

    `n` is the size of the gallery; `interval` of what was observed, `claimed` what the
    calibration says of its own prediction.
    """

    predicted: float
    observed: float
    n: int
    interval: Interval
    claimed: Interval
    threshold: float
    extrapolated: bool


@dataclass(frozen=True)
class ErrorPair:
    """One wrong comparison: two photos by name, and their score."""

    mated: bool
    score: float
    photos: tuple[bytes, bytes]


@dataclass(frozen=True, eq=False)
class Data:
    """Labelled photos as arrays. `person` int64 (n,) of every photo; `row` int64 (n,) of its
    template, -1 where it failed; `vectors` float32 (t, d), `quality` (t,), `owner` (t,). `half`
    int64 (p,), 0 or 1: in which gallery each person is.
    """

    people: tuple[bytes, ...]
    names: tuple[bytes, ...]
    person: Ids
    row: Ids
    vectors: Vectors
    quality: npt.NDArray[np.float64]
    owner: Ids
    half: Ids
    model: str

    @property
    def n_photos(self) -> Ids:
        """Photos of each person, with those that failed, (p,)."""
        return np.bincount(self.person, minlength=len(self.people))


@dataclass
class Measured:
    """Everything that `measure` found."""

    model: str
    n_people: int
    n_photos: int
    n_failed: int
    n_without_template: int
    n_mated: int
    n_non_mated: int
    verification: list[FnmrAtFmr]
    det: list[tuple[float, float, float]]
    n_mated_searches: int
    n_non_mated_searches: int
    n_references: int
    n_not_enrolled: int
    identification: list[FnirRow]
    investigation: list[FnirRow]
    calibration: list[CalibrationRow]
    at: FnmrAtFmr  # the threshold of what follows
    discard: list[DiscardRow]
    groups: list[GroupRow] = field(default_factory=list)
    worst: list[ErrorPair] = field(default_factory=list)


def arrays_of(labelled: Labelled, half: Mapping[bytes, int]) -> Data:
    """Labelled photos as arrays, where `half` says in which half each person is.

    Raises InputError `evaluate.too_few` and `evaluate.no_faces`.
    """
    photos = labelled.photos
    people = sorted({photo.person for photo in photos})
    number = {name: n for n, name in enumerate(people)}
    person = np.array([number[photo.person] for photo in photos], np.int64)
    if len(people) < 2 or np.bincount(person).max() < 2:
        raise InputError(
            "evaluate.too_few",
            "There must be two people, and two photos of one of them.",
            "Add photos, each person's in a folder of their own.",
        )
    has_face = np.array([photo.face is not None for photo in photos])
    if not has_face.any():
        raise InputError(
            "evaluate.no_faces",
            f"No face could be used in any of {len(photos)} photos.",
            "With `vultus faces PHOTO` see why.",
        )
    faces = [cast("Face", photos[n].face) for n in np.flatnonzero(has_face)]
    return Data(
        people=tuple(people),
        names=tuple(photo.name for photo in photos),
        person=person,
        row=np.where(has_face, np.cumsum(has_face) - 1, -1),
        vectors=np.stack([face.template.vector for face in faces]),
        quality=np.array([face.quality.score for face in faces]),
        owner=person[has_face],
        half=np.array([half[name] for name in people], np.int64),
        model=faces[0].template.model,
    )


def measure(
    data: Data,
    seed: int,
    labels: Mapping[str, str],
    progress: Progress,
    what: str = "measuring",
    n_replicates: int = N_REPLICATES,
) -> Measured:
    """All rates of docs/evaluate.md; the same data and seed give the same numbers."""
    rng = np.random.default_rng(seed)
    n_steps = 4
    progress(what, 0, n_steps)
    comparisons = compare_people(data.vectors, data.owner, data.n_photos)
    verification = fnmr_at_fmr(comparisons, rng, n_replicates=n_replicates)
    progress(what, 1, n_steps)
    searches, calibration, n_not_enrolled = search_both_halves(data, seed, rng)
    progress(what, 2, n_steps)
    identification = identification_table(searches, rng, n_replicates=n_replicates)
    investigation = investigation_table(searches, rng, n_replicates=n_replicates)
    progress(what, 3, n_steps)
    at = supported_point(verification)
    groups = [labels.get(path_text(name)) for name in data.people]
    found = Measured(
        model=data.model,
        n_people=len(data.people),
        n_photos=len(data.names),
        n_failed=int((data.row < 0).sum()),
        n_without_template=len(data.people) - len(np.unique(data.owner)),
        n_mated=comparisons.n_mated(),
        n_non_mated=comparisons.n_non_mated(),
        verification=verification,
        det=thinned(comparisons),
        n_mated_searches=len(searches.mate_scores),
        n_non_mated_searches=len(searches.best_scores),
        n_references=searches.n_references,
        n_not_enrolled=n_not_enrolled,
        identification=identification,
        investigation=investigation,
        calibration=calibration,
        at=at,
        discard=error_versus_discard(comparisons, data.quality, at.threshold),
        groups=rates_by_label(comparisons, groups, at.threshold, rng, n_replicates),
        worst=worst_pairs(data, comparisons, at.threshold),
    )
    progress(what, n_steps, n_steps)
    return found


def supported_point(rows: list[FnmrAtFmr]) -> FnmrAtFmr:
    """The lowest FMR from 0.0001 that rests on ten false matches, else the highest asked for."""
    able = [row for row in rows if row.fmr >= 1e-4 and row.n_accepted >= ACCEPTED_MIN]
    return able[-1] if able else rows[0]


def halves(labelled: Labelled, seed: int) -> dict[bytes, int]:
    """0 or 1 for every person: alternately, those with several photos first, by a seeded order."""
    n_photos = Counter(photo.person for photo in labelled.photos)
    order = sorted(n_photos, key=lambda name: (n_photos[name] == 1, ticket(seed, name)))
    return {name: n % 2 for n, name in enumerate(order)}


def ticket(seed: int, name: bytes) -> bytes:
    return sha256(b"%d\n%b" % (seed, name)).digest()


def first_photos(data: Data, seed: int) -> npt.NDArray[np.bool_]:
    """Which photos are their person's reference when that person is in the gallery, (n,)."""
    order = sorted(range(len(data.names)), key=lambda n: ticket(seed, data.names[n]))
    _, first = np.unique(data.person[order], return_index=True)
    chosen = np.zeros(len(order), np.bool_)
    chosen[np.array(order)[first]] = True
    return chosen


def search_both_halves(
    data: Data, seed: int, rng: np.random.Generator
) -> tuple[Searches, list[CalibrationRow], int]:
    """Search both galleries; also the calibrations of both, and references not enrolled."""
    reference = first_photos(data, seed)
    inside = data.half[data.person]
    rounds = [(inside == side, reference & (inside == side)) for side in (0, 1)]
    both = [search_half(data, mine, chosen) for mine, chosen in rounds]
    n = max(searches.n_references for searches in both)
    levels = [level for level in LEVELS if 4 * level <= n]
    rows = calibrate(data, rounds, levels, n, rng)
    return both[0].and_also(both[1]), rows, int((reference & (data.row < 0)).sum())


def search_half(data: Data, mine: npt.NDArray[np.bool_], chosen: npt.NDArray[np.bool_]) -> Searches:
    """Search the gallery of the `chosen` photos; `mine` are all photos of its people."""
    gallery = data.row[chosen]
    enrolled = gallery[gallery >= 0]
    references, owners = data.vectors[enrolled], data.owner[enrolled]
    mated, strangers = np.flatnonzero(mine & ~chosen), np.flatnonzero(~mine)
    scores = np.full(len(mated), FAILED, np.float32)
    ranks = np.full(len(mated), len(gallery) + 1, np.int64)
    able = data.row[mated] >= 0
    probes = data.row[mated[able]]
    scores[able], ranks[able] = search_mated(
        references, owners, data.vectors[probes], data.owner[probes]
    )
    best = np.full(len(strangers), FAILED, np.float32)
    able = data.row[strangers] >= 0
    best[able], _ = search_non_mated(references, data.vectors[data.row[strangers[able]]])
    return Searches(len(gallery), scores, ranks, data.person[mated], best, data.person[strangers])


def calibrate(
    data: Data,
    rounds: list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]],
    levels: list[float],
    n: int,
    rng: np.random.Generator,
) -> list[CalibrationRow]:
    """Fit to each gallery alone, and count what the other half's people meet in it."""
    n_people = len(data.people)
    counts = np.zeros((n_people, len(levels)), np.int64)
    trials = np.zeros(n_people, np.int64)
    thresholds, claims, beyond = [], [], np.zeros(len(levels), np.bool_)
    for mine, chosen in rounds:
        enrolled = data.row[chosen & (data.row >= 0)]
        # as `gallery.fit` does: the worst would pass for strangers who score high
        quality = data.quality[enrolled]
        kept = enrolled[quality >= np.quantile(quality, WORST)] if len(enrolled) else enrolled
        fitted = fit_calibration(data.vectors[kept], None, model=data.model, rng=rng)
        size = len(enrolled)
        at = [fitted.threshold(level, size) for level in levels]
        strangers = data.row[~mine & (data.row >= 0)]
        _, shown = search_non_mated(data.vectors[enrolled], data.vectors[strangers], at)
        np.add.at(counts, data.owner[strangers], shown)
        trials += np.bincount(data.person[~mine], minlength=n_people)
        thresholds.append(at)
        claims.append(fitted.interval(np.array(at), size))
        beyond |= [fitted.extrapolated(threshold) for threshold in at]
    claimed = np.mean(claims, axis=0)
    return [
        CalibrationRow(
            predicted=level,
            observed=float(counts[:, k].sum() / trials.sum()),
            n=n,
            interval=mean_interval(counts[:, k], trials, rng),
            claimed=Interval(float(claimed[0, k]), float(claimed[1, k])),
            threshold=float(np.mean(thresholds, axis=0)[k]),
            extrapolated=bool(beyond[k]),
        )
        for k, level in enumerate(levels)
    ]


def thinned(comparisons: Comparisons, n_points: int = 200) -> list[tuple[float, float, float]]:
    """(threshold, FMR, FNMR) from the floor on, evenly in the logarithm of FMR."""
    curve = comparisons.det
    able = np.flatnonzero((curve.fmr > 0) & (curve.thresholds >= comparisons.floor))
    if not len(able):
        return []
    low, high = math.log(curve.fmr[able[-1]]), math.log(curve.fmr[able[0]])
    wanted = np.exp(np.linspace(high, low, n_points))
    at = np.unique(able[np.minimum(np.searchsorted(-curve.fmr[able], -wanted), len(able) - 1)])
    return [(float(curve.thresholds[n]), float(curve.fmr[n]), float(curve.fnmr[n])) for n in at]


def worst_pairs(data: Data, comparisons: Comparisons, threshold: float) -> list[ErrorPair]:
    """The mated pairs that score lowest and the non-mated ones that score highest, if wrong."""
    names = [data.names[n] for n in np.flatnonzero(data.row >= 0)]
    lowest = np.argsort(comparisons.mated, kind="stable")[:N_WORST]
    highest = np.argsort(-comparisons.high, kind="stable")[:N_WORST]
    found = []
    for mated, numbers, scores, photos in (
        (True, lowest, comparisons.mated, comparisons.mated_photos),
        (False, highest, comparisons.high, comparisons.high_photos),
    ):
        for n in numbers:
            if (scores[n] >= np.float32(threshold)) != mated:
                a, b = (names[row] for row in photos[n])
                found.append(ErrorPair(mated, float(scores[n]), (a, b)))
    return found
