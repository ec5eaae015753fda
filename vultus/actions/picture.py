"""Pictures for the page: a probe, a candidate, and their faces at the same eye distance.

Nobody sees a picture that is not part of a case: a candidate is asked for through the
search that found it. Originals stay where they are; they are read anew, by a reading
process, and re-encoded, so that nothing hostile in a file reaches a browser.
"""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vultus.actions.enrol import open_place
from vultus.actions.entitlement import FOLDER
from vultus.actions.home import Home
from vultus.actions.photo import entitled_sources
from vultus.actions.probe import find_probe
from vultus.actions.readers import show
from vultus.errors import InputError, UnavailableError, VultusError
from vultus.faces.crop import level_eyes
from vultus.ids import ReferenceId, SearchId
from vultus.records.models import Account, Crop, Reference, Search, Sighting

Size = Literal["pair", "large"]
# Width and height in px of a face picture, 4:5 as on the light table.
SIZES: dict[Size, tuple[int, int]] = {"pair": (352, 440), "large": (800, 1000)}
WHOLE_SIDE_MAX = 1600


@dataclass(frozen=True)
class Picture:
    data: bytes
    content_type: str
    width: int
    height: int


def probe_photo(home: Home, actor: Account, probe_id: int) -> Picture:
    """The whole probe photo, upright. Raises InputError `probe.not_found`, `probe.erased`."""
    row = find_probe(probe_id)
    assert row.sealed_photo is not None
    data = home.vault.unseal("probe-photo", f"probe:{probe_id}", bytes(row.sealed_photo))
    return whole(home, data)


def probe_face(home: Home, actor: Account, probe_id: int, n: int, *, size: Size) -> Picture:
    """Face `n` (from 1) of a probe, eyes level."""
    row = find_probe(probe_id)
    fields = home.vault.unseal_json("probe", f"probe:{probe_id}", bytes(row.sealed))
    if not 1 <= n <= len(fields["crops"]):
        raise InputError("face.not_found", f"The probe has no face {n}.", "Choose another face.")
    stored = fields["crops"][n - 1]
    return face_picture(base64.b64decode(stored["jpeg"]), stored, size)


def candidate_face(
    home: Home, actor: Account, search_id: SearchId, reference: ReferenceId, *, size: Size
) -> Picture:
    """A candidate's face, eyes level. Raises InputError `candidate.not_found`."""
    row = find_candidate(home, search_id, reference)
    crop = Crop.objects.get(reference=row)
    jpeg = home.vault.unseal("crop", f"crop:{reference}", bytes(crop.sealed))
    place = home.vault.unseal_json("crop", f"crop-place:{reference}", bytes(crop.sealed_place))
    return face_picture(jpeg, place, size)


def candidate_photo(
    home: Home, actor: Account, search_id: SearchId, reference: ReferenceId
) -> Picture:
    """The whole photo of a candidate, read from the first of its places that still has it.

    A photo of the web is not kept, and nothing is asked of a site to show it: its page does.
    Raises InputError `candidate.not_found`, UnavailableError `photo.original_gone`.
    """
    row = find_candidate(home, search_id, reference)
    sources = {s.id: s for s in entitled_sources(home) if s.kind == FOLDER}
    sightings = Sighting.objects.filter(photo_id=row.photo_id, source_id__in=list(sources))
    for sighting in sightings.order_by("id"):
        name = open_place(home, sighting.pk, bytes(sighting.sealed))
        path = Path(sources[sighting.source_id].location) / name.decode("utf-8", "surrogateescape")
        try:
            return whole(home, path)
        except VultusError:
            continue
    raise UnavailableError(
        "photo.original_gone",
        "The original cannot be read at any of its places.",
        "The face is kept. Mount the source again, or open the photo's page, to see all of it.",
    )


def find_candidate(home: Home, search_id: SearchId, reference: ReferenceId) -> Reference:
    """The reference, when this search found it and it may still be shown."""
    gone = InputError(
        "candidate.not_found", "This search has no such candidate.", "It may have been erased."
    )
    search = Search.objects.filter(pk=search_id, sealed_result__isnull=False).first()
    if search is None or search.sealed_result is None:
        raise gone
    result = home.vault.unseal_json("search", f"search:{search_id}", bytes(search.sealed_result))
    found = {row[0] for probe in result["probes"] for row in probe.get("candidates", [])}
    row = Reference.objects.filter(pk=reference).first()
    if reference not in found or row is None:
        raise gone
    sources = [source.id for source in entitled_sources(home)]
    if not Sighting.objects.filter(photo_id=row.photo_id, source_id__in=sources).exists():
        raise gone
    return row


def whole(home: Home, photo: bytes | Path) -> Picture:
    """An upright JPEG of at most WHOLE_SIDE_MAX px a side, made by a reading process."""
    shown = show(home, photo, WHOLE_SIDE_MAX)
    return Picture(shown.jpeg, "image/jpeg", shown.width, shown.height)


def face_picture(jpeg: bytes, place: dict[str, Any], size: Size) -> Picture:
    width, height = SIZES[size]
    landmarks = np.asarray(place["landmarks"], np.float32)
    return Picture(level_eyes(jpeg, landmarks, width, height), "image/jpeg", width, height)
