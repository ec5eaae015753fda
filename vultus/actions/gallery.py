"""The gallery: which references a case may search, and the index that holds them.

All templates of the home are unsealed into one index in memory. A gallery is a filter on
it, computed from the database at each search, so that an expired source, an erased photo
or a narrower collection takes effect at once.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from django.db.models import Q

from vultus.actions.answers import GalleryAnswer
from vultus.actions.case import find_case, today
from vultus.actions.home import Home
from vultus.actions.source import collection_name, find_collection
from vultus.index import FaceIndex
from vultus.records.models import Account, Calibration, Collection, LogState, Reference, Source
from vultus.scoring.calibration import Calibration as Fitted
from vultus.scoring.calibration import fit_calibration

CALIBRATIONS_KEPT = 20


@dataclass
class LoadedIndex:
    """The index in memory, and the log's size at which it was last true."""

    faces: FaceIndex
    ids: npt.NDArray[np.int64]  # (n,) ascending
    photo_ids: npt.NDArray[np.int64]  # (n,)
    templates: npt.NDArray[np.float32]  # (n, d)
    log_size: int


@dataclass(frozen=True)
class Gallery:
    """What one search may search. `allow`: reference ids, ascending."""

    allow: npt.NDArray[np.int64]
    n_photos: int
    collections: tuple[str, ...]

    def answer(self) -> GalleryAnswer:
        return GalleryAnswer(len(self.allow), self.n_photos, self.collections)


def gallery(home: Home, actor: Account, case_id: int) -> GalleryAnswer:
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
    ids, photo_ids, templates = unsealed_templates(home, after=0)
    dim = templates.shape[1] if len(templates) else 128
    faces = FaceIndex(dim)
    if len(ids):
        faces.add(ids, templates)
    return LoadedIndex(faces, ids, photo_ids, templates, log_size)


def bring_up_to_date(home: Home, index: LoadedIndex, log_size: int) -> None:
    """Add what came since, hide what went; whatever changes references is in the log."""
    current = np.fromiter(
        Reference.objects.order_by("id").values_list("id", flat=True).iterator(), np.int64
    )
    stays = np.isin(index.ids, current, assume_unique=True)
    if not stays.all():
        index.faces.remove(index.ids[~stays])
        index.ids, index.photo_ids = index.ids[stays], index.photo_ids[stays]
        index.templates = index.templates[stays]
    after = int(index.ids[-1]) if len(index.ids) else 0
    ids, photo_ids, templates = unsealed_templates(home, after)
    if len(ids):
        index.faces.add(ids, templates)
        index.ids = np.concatenate([index.ids, ids])
        index.photo_ids = np.concatenate([index.photo_ids, photo_ids])
        index.templates = np.concatenate(
            [index.templates.reshape(-1, templates.shape[1]), templates]
        )
    index.log_size = log_size


def unsealed_templates(
    home: Home, after: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """ids (n,), photo ids (n,) and templates (n, d) of the references numbered above `after`."""
    rows = Reference.objects.filter(id__gt=after).order_by("id")
    ids: list[int] = []
    photo_ids: list[int] = []
    parts: list[bytes] = []
    for number, photo, sealed in rows.values_list("id", "photo_id", "sealed_template").iterator(
        chunk_size=5000
    ):
        ids.append(number)
        photo_ids.append(photo)
        parts.append(home.vault.unseal("template", f"reference:{number}", bytes(sealed)))
    vectors = np.frombuffer(b"".join(parts), "<f4").astype(np.float32, copy=False)
    dim = len(parts[0]) // 4 if parts else 128
    return (
        np.array(ids, np.int64),
        np.array(photo_ids, np.int64),
        np.ascontiguousarray(vectors.reshape(len(ids), dim)),
    )


def calibration_of(home: Home, opened: Gallery, model: str) -> Fitted:
    """What a score means in this gallery; fitted once and kept until the gallery changes."""
    digest = hashlib.sha256(opened.allow.astype("<i8").tobytes()).hexdigest()
    index = home.vault.blind("calibration", f"{model}\n{digest}")
    row = Calibration.objects.filter(gallery_index=index).first()
    identity = f"calibration:{index.hex()}"
    if row is not None:
        return Fitted.from_json(home.vault.unseal_json("calibration", identity, bytes(row.sealed)))
    loaded = loaded_index(home)
    mask = np.isin(loaded.ids, opened.allow, assume_unique=True)
    # The seed is the gallery itself: the same gallery has the same calibration.
    rng = np.random.default_rng(int(digest[:16], 16))
    fitted = fit_calibration(loaded.templates[mask], loaded.photo_ids[mask], model=model, rng=rng)
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
