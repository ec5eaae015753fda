"""The index in memory: every reference that is held, ready to be searched.

Most lie in segments (`vultus/actions/segment.py`), whose codes are read at once and whose rows
are opened when they are needed. What no segment holds is unsealed from the database.
"""

import logging
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vultus.actions.gallery import (
    Gallery,
    Held,
    Ids,
    calibration_of,
    held_references,
    open_gallery,
    unsealed_templates,
)
from vultus.actions.home import Home
from vultus.actions.segment import (
    all_problems,
    coding_of,
    drop,
    model_of,
    open_segments,
    settle,
)
from vultus.errors import IntegrityError
from vultus.index import Allow, CandidateLists, FaceIndex, Segment
from vultus.records.models import Segment as Row

MAX_MISS = 1e-9  # nobody notices a person who is missed: so hardly ever is one
DIMENSION = 128  # of the index of a home that holds no template yet
AT_ONCE = 20_000  # templates that are unsealed before they are added
logger = logging.getLogger("vultus.index")


@dataclass
class LoadedIndex:
    """The index, what was held when it was last true, and bitmaps of galleries by digest."""

    faces: FaceIndex
    held: Held
    segments: dict[str, Segment]
    allowed: dict[str, Allow] = field(default_factory=dict)

    def allow(self, opened: Gallery) -> Allow:
        """The gallery as a bitmap, made once for many searches."""
        if opened.digest not in self.allowed:
            self.allowed[opened.digest] = self.faces.allowed(opened.ids)
        return self.allowed[opened.digest]


def search_index(
    home: Home, opened: Gallery, probes: npt.NDArray[np.float32], *, limit: int, threshold: float
) -> CandidateLists:
    """The first `limit` of a gallery at or above the threshold, and always the nearest.

    A segment that turns out to be damaged is left out, and the search is done again.
    """

    def ask() -> CandidateLists:
        index = loaded_index(home)
        allow = index.allow(opened)
        return index.faces.search(
            probes, k=limit, threshold=threshold, first=1, allow=allow, max_miss=MAX_MISS
        )

    try:
        return ask()
    except IntegrityError:
        damaged = all_problems(home)
        if not damaged:  # it is what is held that does not verify
            raise
        leave_out(home, damaged)
        home.index = None
    return ask()


def loaded_index(home: Home) -> LoadedIndex:
    """The index as the database stands now: loaded once, then brought up to date."""
    with home.lock:
        if home.index is None:
            settle(home)
            home.index = load(home, {})
        else:
            home.index = up_to_date(home, home.index)
        return home.index


def load(home: Home, opened: dict[str, Segment]) -> LoadedIndex:
    """Open segments, those in `opened` as they are, and unseal what none of them holds."""
    segments, problems = open_segments(home, opened)
    leave_out(home, problems)
    coding = next(iter(segments.values())).coding if segments else coding_of(home, dimension(home))
    faces = FaceIndex.of(list(segments.values()), coding=coding)
    # Read after the segments: what they hold and this does not has gone.
    index = LoadedIndex(faces, held_references(home), segments)
    reconcile(home, index, faces.ids)
    return index


def leave_out(home: Home, problems: dict[str, str]) -> None:
    """Drop damaged segments; what they held is unsealed, until it is written anew."""
    for problem in problems.values():
        logger.warning("An index segment is damaged, and will be written anew: %s", problem)
    drop(home, problems)


def up_to_date(home: Home, index: LoadedIndex) -> LoadedIndex:
    """The index after what has changed since."""
    before, held = index.held, held_references(home)
    if held.version == before.version:
        return index
    if set(Row.objects.values_list("name", flat=True)) != set(index.segments):
        return load(home, index.segments)
    index.held, index.allowed = held, {}
    reconcile(home, index, before.ids)
    return index


def reconcile(home: Home, index: LoadedIndex, before: Ids) -> None:
    """Hide what went, add what came, given what the index held before."""
    ids = index.held.ids
    index.faces.remove(before[~np.isin(before, ids, assume_unique=True)])
    more = ids[~np.isin(ids, before, assume_unique=True)]
    for start in range(0, len(more), AT_ONCE):
        found, values = unsealed_templates(home, more[start : start + AT_ONCE])
        if len(found):
            index.faces.add(found, values[:, 1:])


def dimension(home: Home) -> int:
    """The number of numbers in a template of this home."""
    _, values = unsealed_templates(home, held_references(home).ids[:1])
    return values.shape[1] - 1 if len(values) else DIMENSION


def compile_search() -> None:
    """Compile the search, or load what this machine has compiled before."""
    FaceIndex.prepare()


def warm(home: Home) -> None:
    """Load index, kernels and the whole gallery's calibration before somebody waits for them."""
    compile_search()
    opened = open_gallery(home, None)
    if len(opened.ids):
        calibration_of(home, opened, model_of())
    loaded_index(home)
