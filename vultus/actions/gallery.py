"""The gallery: which references a case may search, and the index that holds them.

All templates of the home are unsealed into one index in memory. A gallery is a filter on
it, computed from the database at each search, so that an expired source, an erased photo
or a narrower collection takes effect at once.
"""

import hashlib
from dataclasses import dataclass, fields
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from django.db.models import Q

from vultus.actions.answers import GalleryAnswer
from vultus.actions.case import find_case, today
from vultus.actions.home import Home
from vultus.actions.source import collection_name, find_collection
from vultus.ids import CaseId
from vultus.index import FaceIndex
from vultus.records.models import Account, Calibration, Collection, LogState, Reference, Source
from vultus.scoring.calibration import Calibration as Fitted
from vultus.scoring.calibration import fit_calibration

CALIBRATIONS_KEPT = 20
WORST = 0.1  # the share of a gallery, by quality, that its calibration leaves out
DIMENSION = 128  # of the index of a home that holds no template yet


@dataclass(frozen=True)
class References:
    """References, unsealed, by rising id."""

    ids: npt.NDArray[np.int64]  # (n,)
    photo_ids: npt.NDArray[np.int64]  # (n,)
    qualities: npt.NDArray[np.float32]  # (n,) from 0 to 1
    templates: npt.NDArray[np.float32]  # (n, d)

    def only(self, kept: npt.NDArray[np.bool_]) -> "References":
        return References(*(getattr(self, f.name)[kept] for f in fields(self)))

    def with_more(self, more: "References") -> "References":
        both = ((getattr(self, f.name), getattr(more, f.name)) for f in fields(self))
        return References(*(np.concatenate(pair) for pair in both))


@dataclass
class LoadedIndex:
    """The index in memory, and the log's size at which it was last true."""

    faces: FaceIndex
    references: References
    log_size: int


@dataclass(frozen=True)
class Gallery:
    """What one search may search. `allow`: reference ids, ascending."""

    allow: npt.NDArray[np.int64]
    n_photos: int
    collections: tuple[str, ...]

    def answer(self) -> GalleryAnswer:
        return GalleryAnswer(len(self.allow), self.n_photos, self.collections)


def gallery(home: Home, actor: Account, case_id: CaseId) -> GalleryAnswer:
    """The size of what a case may search. Raises InputError `case.not_found`."""
    find_case(case_id)
    return open_gallery(home, None).answer()


def open_gallery(home: Home, collection: str | None) -> Gallery:
    """The references of every source that is still entitled, of one collection or of all.

    Raises InputError `collection.not_found`.
    """
    sources = Source.objects.filter(Q(expires__isnull=True) | Q(expires__gte=today()))
    if collection is not None:
        sources = sources.filter(collection=find_collection(home, collection))
    rows = (
        Reference.objects.filter(photo__sightings__source__in=sources)
        .order_by("id")
        .values_list("id", "photo_id")
        .distinct()
    )
    pairs = np.array(list(rows.iterator(chunk_size=10_000)), dtype=np.int64).reshape(-1, 2)
    names = sorted(
        collection_name(home, row)
        for row in Collection.objects.filter(sources__in=sources).distinct()
    )
    return Gallery(pairs[:, 0], len(np.unique(pairs[:, 1])), tuple(names))


def loaded_index(home: Home) -> LoadedIndex:
    """The index as the database stands now: loaded once, then brought up to date."""
    with home.lock:
        size = LogState.objects.values_list("size", flat=True).get(id=1)
        if home.index is None:
            home.index = load(home, size)
        elif home.index.log_size != size:
            bring_up_to_date(home, home.index, size)
        return home.index


def load(home: Home, log_size: int) -> LoadedIndex:
    references = unsealed_references(home, after=0)
    faces = FaceIndex(references.templates.shape[1])
    faces.add(references.ids, references.templates)
    return LoadedIndex(faces, references, log_size)


def bring_up_to_date(home: Home, index: LoadedIndex, log_size: int) -> None:
    """Add what came since, hide what went; whatever changes references is in the log."""
    current = np.fromiter(
        Reference.objects.order_by("id").values_list("id", flat=True).iterator(), np.int64
    )
    ids = index.references.ids
    stays = np.isin(ids, current, assume_unique=True)
    if not stays.all():
        index.faces.remove(ids[~stays])
        index.references = index.references.only(stays)
    more = unsealed_references(home, after=int(ids[-1]) if len(ids) else 0)
    if len(more.ids):
        index.faces.add(more.ids, more.templates)
        index.references = index.references.with_more(more)
    index.log_size = log_size


def unsealed_references(home: Home, after: int) -> References:
    """The references numbered above `after`; a sealed template begins with its quality."""
    rows = Reference.objects.filter(id__gt=after).order_by("id")
    numbers: list[tuple[int, int]] = []
    parts: list[bytes] = []
    for number, photo, sealed in rows.values_list("id", "photo_id", "sealed_template").iterator(
        chunk_size=5000
    ):
        numbers.append((number, photo))
        parts.append(home.vault.unseal("template", f"reference:{number}", bytes(sealed)))
    ids = np.array(numbers, np.int64).reshape(-1, 2)
    width = len(parts[0]) // 4 if parts else 1 + DIMENSION
    values = np.frombuffer(b"".join(parts), "<f4").astype(np.float32).reshape(len(parts), width)
    return References(
        ids[:, 0].copy(), ids[:, 1].copy(), values[:, 0].copy(), np.ascontiguousarray(values[:, 1:])
    )


def warm(home: Home) -> None:
    """Load index, kernels and the whole gallery's calibration before somebody waits for them."""
    FaceIndex.prepare()
    opened = open_gallery(home, None)
    model = Reference.objects.values_list("model", flat=True).first()
    if model is not None and len(opened.allow):
        calibration_of(home, opened, model)
    loaded_index(home)


def calibration_of(home: Home, opened: Gallery, model: str) -> Fitted:
    """What a score means in this gallery; fitted once and kept until the gallery changes."""
    digest = hashlib.sha256(opened.allow.astype("<i8").tobytes()).hexdigest()
    index = home.vault.blind("calibration", f"{model}\n{digest}")
    row = Calibration.objects.filter(gallery_index=index).first()
    identity = f"calibration:{index.hex()}"
    if row is not None:
        return Fitted.from_json(home.vault.unseal_json("calibration", identity, bytes(row.sealed)))
    references = loaded_index(home).references
    references = references.only(np.isin(references.ids, opened.allow, assume_unique=True))
    # The worst faces score low with their own person, too low to be told from strangers; left
    # in, they would pass for strangers who score high.
    references = references.only(references.qualities >= np.quantile(references.qualities, WORST))
    # The seed is the gallery itself: the same gallery has the same calibration.
    rng = np.random.default_rng(int(digest[:16], 16))
    fitted = fit_calibration(references.templates, references.photo_ids, model=model, rng=rng)
    Calibration.objects.update_or_create(
        gallery_index=index,
        defaults={
            "sealed": home.vault.seal_json("calibration", identity, fitted.to_json()),
            "fitted": datetime.now(UTC),
        },
    )
    keep = Calibration.objects.order_by("-fitted").values_list("pk", flat=True)[:CALIBRATIONS_KEPT]
    Calibration.objects.exclude(pk__in=[bytes(pk) for pk in keep]).delete()
    return fitted
