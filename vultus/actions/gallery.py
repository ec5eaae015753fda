"""The gallery: which references a case may search, and what a score means among them.

A gallery is a filter on what is held. Which sources are entitled is asked at each search; what
they hold is worked out anew when references or their places have changed. So an expired
source, an erased photo or a narrower collection takes effect at once.
"""

import hashlib
import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt
from django.db.models import Q, QuerySet

from vultus.actions.answers import GalleryAnswer
from vultus.actions.case import find_case, today
from vultus.actions.home import Home
from vultus.actions.source import collection_name, find_collection
from vultus.ids import CaseId
from vultus.records.models import Account, Calibration, Collection, Reference, Sighting, Source
from vultus.records.sequence import gallery_version
from vultus.scoring.calibration import Calibration as Fitted
from vultus.scoring.calibration import fit_calibration
from vultus.scoring.pairs import MAX_SAMPLED

CALIBRATIONS_KEPT = 20
WORST = 0.1  # the share of a gallery, by quality, that its calibration leaves out
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Gallery:
    """What one search may search: references by rising id, and the photo of each."""

    ids: Ids  # (n,)
    photo_ids: Ids  # (n,)
    collections: tuple[str, ...]

    @cached_property
    def n_photos(self) -> int:
        return len(np.unique(self.photo_ids))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the ids: galleries of the same references have the same."""
        return hashlib.sha256(self.ids.astype("<i8").tobytes()).hexdigest()

    def answer(self) -> GalleryAnswer:
        return GalleryAnswer(len(self.ids), self.n_photos, self.collections)


@dataclass(frozen=True, eq=False)
class Held:
    """All references as the database held them at a version of it, and galleries made of them."""

    version: int
    ids: Ids  # (n,) rising
    photo_ids: Ids  # (n,)
    galleries: dict[tuple[tuple[int, int], ...], Gallery] = field(default_factory=dict)


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
    with home.lock:
        held = held_references(home)
        key = tuple(sources.order_by("id").values_list("id", "collection_id"))
        if key not in held.galleries:
            held.galleries[key] = narrowed(home, held, sources)
        return held.galleries[key]


def held_references(home: Home) -> Held:
    """What is held now: read once, and again only where it changed."""
    with home.lock:
        version, before = gallery_version(), home.held
        if before is None or before.version != version:
            before = home.held = read_held(version, before)
        return before


def read_held(version: int, before: Held | None) -> Held:
    """The references now: those that came since, and all where some went. Ids never return."""
    if before is not None and len(before.ids):
        more = pairs(Reference.objects.filter(id__gt=int(before.ids[-1])))
        if Reference.objects.count() == len(before.ids) + len(more):
            ids = np.concatenate([before.ids, more[:, 0]])
            return Held(version, ids, np.concatenate([before.photo_ids, more[:, 1]]))
    every = pairs(Reference.objects.all())
    return Held(version, every[:, 0].copy(), every[:, 1].copy())


def pairs(rows: QuerySet[Reference]) -> Ids:
    """(id, photo) of references by rising id, int64 (n, 2).

    Sorted here: unordered, the database reads them from its narrow index and not from the rows.
    """
    found = rows.order_by().values_list("id", "photo_id").iterator(chunk_size=10_000)
    table: Ids = np.fromiter(found, np.dtype((np.int64, 2)))
    return table[np.argsort(table[:, 0])]


def narrowed(home: Home, held: Held, sources: QuerySet[Source]) -> Gallery:
    """The gallery of these sources among what is held."""
    names = sorted(
        collection_name(home, row)
        for row in Collection.objects.filter(sources__in=sources).distinct()
    )
    if sources.count() == Source.objects.count():  # every photo lies in one of them
        return Gallery(held.ids, held.photo_ids, tuple(names))
    places = Sighting.objects.filter(source__in=sources).values_list("photo_id", flat=True)
    photos = np.fromiter(places.iterator(chunk_size=10_000), np.int64)
    kept = np.isin(held.photo_ids, photos)
    return Gallery(held.ids[kept], held.photo_ids[kept], tuple(names))


def unsealed_templates(home: Home, ids: Ids) -> tuple[Ids, npt.NDArray[np.float32]]:
    """(ids, values) of those of the references that are still held, by rising id.

    `values` float32 (n, 1 + d): quality, then the template; (0, 0) when there are none.
    """
    numbers: list[int] = []
    parts: list[bytes] = []
    for start in range(0, len(ids), 500):
        rows = Reference.objects.filter(id__in=ids[start : start + 500].tolist()).order_by("id")
        for number, sealed in rows.values_list("id", "sealed_template"):
            numbers.append(number)
            parts.append(home.vault.unseal("template", f"reference:{number}", bytes(sealed)))
    values = np.frombuffer(b"".join(parts), "<f4").astype(np.float32)
    return np.array(numbers, np.int64), values.reshape(len(parts), len(values) // (len(parts) or 1))


def calibration_of(home: Home, opened: Gallery, model: str) -> Fitted:
    """What a score means in this gallery; fitted once and kept until the gallery changes."""
    index = home.vault.blind("calibration", f"{model}\n{opened.digest}")
    row = Calibration.objects.filter(gallery_index=index).first()
    identity = f"calibration:{index.hex()}"
    if row is not None:
        return Fitted.from_json(home.vault.unseal_json("calibration", identity, bytes(row.sealed)))
    fitted = fit(home, opened, model)
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


def fit(home: Home, opened: Gallery, model: str) -> Fitted:
    """Fit to as many references of the gallery as a calibration looks at, drawn by chance.

    The worst faces score low with their own person, too low to be told from strangers; left
    in, they would pass for strangers who score high.
    """
    # The seed is the gallery itself: the same gallery has the same calibration.
    rng = np.random.default_rng(int(opened.digest[:16], 16))
    n_looked_at = math.ceil(MAX_SAMPLED / (1 - WORST))
    ids = opened.ids
    if len(ids) > n_looked_at:
        ids = np.sort(rng.choice(ids, n_looked_at, replace=False, shuffle=False))
    ids, values = unsealed_templates(home, ids)
    photo_ids = opened.photo_ids[np.searchsorted(opened.ids, ids)]
    qualities = values[:, 0]
    kept = qualities >= np.quantile(qualities, WORST)
    templates = np.ascontiguousarray(values[kept, 1:])
    fitted = fit_calibration(templates, photo_ids[kept], model=model, rng=rng)
    return replace(fitted, n_references=len(opened.ids))
