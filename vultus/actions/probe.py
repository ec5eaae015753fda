"""Probes: a photo submitted in a case, read, sealed, and erased after its retention."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import transaction

from vultus.acquire.folder import path_text
from vultus.actions.answers import ProbeAnswer
from vultus.actions.case import require_searchable
from vultus.actions.face import face_answer, face_fields
from vultus.actions.home import Home
from vultus.actions.readers import read_many
from vultus.audit.entry import EntryKind
from vultus.errors import InputError, VultusError
from vultus.faces.reader import read_file
from vultus.faces.reading import Reading
from vultus.ids import CaseId
from vultus.records.database import empty_journal
from vultus.records.models import Account, Probe
from vultus.records.sequence import take

NAME_LENGTH_MAX = 1000


@dataclass(frozen=True)
class OpenProbe:
    """A probe, unsealed. `templates` (n_faces, d) float32; `model` of the templates."""

    answer: ProbeAnswer
    sha256: str
    model: str
    templates: npt.NDArray[np.float32]


def receive_probe(
    home: Home, actor: Account, case_id: CaseId, data: bytes, name: str
) -> ProbeAnswer:
    """Read a probe photo and keep it, sealed, with its case.

    Raises RefusedError `case.*` and InputError `photo.*`; a photo without a face is received
    (its `faces` are empty), so that the answer "no face" can be shown with it.
    """
    require_searchable(case_id)
    erase_old_probes(home)
    ((_, result),) = read_many(home, [(0, data)])
    if isinstance(result, VultusError):
        raise result
    return keep_probe(home, actor, case_id, data, name, result).answer


def receive_probe_files(
    home: Home, actor: Account, case_id: CaseId, paths: Sequence[Path]
) -> list[OpenProbe | VultusError]:
    """The same for files, in the order given; an unusable file gives its error in its place."""
    require_searchable(case_id)
    erase_old_probes(home)
    answers: list[OpenProbe | VultusError] = []
    for path, result in read_many(home, [(path, path) for path in paths]):
        try:
            if isinstance(result, VultusError):
                raise result
            data = read_file(path, home.settings.photo_bytes_max)
            require_same_bytes(data, result)
        except VultusError as error:
            answers.append(error)
        else:
            answers.append(keep_probe(home, actor, case_id, data, path_text(path), result))
    return answers


def require_same_bytes(data: bytes, reading: Reading) -> None:
    """What is sealed with a case is what was read. Raises InputError `photo.unreadable`."""
    if hashlib.sha256(data).hexdigest() != reading.sha256:
        raise InputError(
            "photo.unreadable", "This file changed while it was read.", "Submit it again."
        )


def keep_probe(
    home: Home, actor: Account, case_id: CaseId, data: bytes, name: str, reading: Reading
) -> OpenProbe:
    """Seal a probe that was read, and note it in the log."""
    now = datetime.now(UTC)
    fields = {
        "name": name[:NAME_LENGTH_MAX],
        "sha256": reading.sha256,
        "width": reading.width,
        "height": reading.height,
        "model": reading.faces[0].template.model if reading.faces else "",
        "faces": [face_fields(face) for face in reading.faces],
        "crops": [
            {
                "jpeg": base64.b64encode(crop.jpeg).decode("ascii"),
                "box": [float(v) for v in crop.box],
                "landmarks": np.asarray(crop.landmarks, float).tolist(),
            }
            for crop in reading.crops
        ],
    }
    vectors = [np.asarray(face.template.vector, "<f4") for face in reading.faces]
    templates = np.stack(vectors).tobytes() if vectors else b""
    with transaction.atomic():
        number = take("probe")[0]
        identity = f"probe:{number}"
        probe = Probe.objects.create(
            id=number,
            case_id=case_id,
            account=actor,
            received=now,
            sealed=home.vault.seal_json("probe", identity, fields),
            sealed_templates=home.vault.seal("probe-template", identity, templates),
            sealed_photo=home.vault.seal("probe-photo", identity, data),
        )
        home.log.append(
            EntryKind.PROBE_RECEIVED,
            {
                "probe": number,
                "case": case_id,
                "by": actor.pk,
                "sha256": reading.sha256,
                "faces": len(reading.faces),
            },
        )
    return open_row(home, probe)


def get_probe(home: Home, actor: Account, probe_id: int) -> ProbeAnswer:
    """A probe that was received. Raises InputError `probe.not_found`."""
    return open_probe(home, probe_id).answer


def open_probe(home: Home, probe_id: int) -> OpenProbe:
    """Raises InputError `probe.not_found`, `probe.erased` after its retention."""
    return open_row(home, find_probe(probe_id))


def find_probe(probe_id: int) -> Probe:
    row = Probe.objects.filter(pk=probe_id).first()
    if row is None:
        raise InputError("probe.not_found", f"There is no probe {probe_id}.", "Submit the photo.")
    if row.sealed_photo is None:
        raise InputError(
            "probe.erased", "The probe photo was erased after its retention.", "Submit it again."
        )
    return row


def open_row(home: Home, row: Probe) -> OpenProbe:
    fields = home.vault.unseal_json("probe", f"probe:{row.pk}", bytes(row.sealed))
    answer = ProbeAnswer(
        id=row.pk,
        case_id=CaseId(row.case_id),
        name=fields["name"],
        width=fields["width"],
        height=fields["height"],
        received=row.received,
        faces=tuple(face_answer(n, face) for n, face in enumerate(fields["faces"], 1)),
    )
    data = b""
    if row.sealed_templates is not None:
        data = home.vault.unseal("probe-template", f"probe:{row.pk}", bytes(row.sealed_templates))
    n = len(answer.faces)
    templates = np.frombuffer(data, "<f4").astype(np.float32).reshape(n, -1 if data else 0)
    return OpenProbe(answer, fields["sha256"], fields["model"], templates)


def erase_old_probes(home: Home) -> int:
    """Erase the photos and templates of probes past their retention; returns how many."""
    limit = datetime.now(UTC) - timedelta(days=home.settings.probe_retention_days)
    old = Probe.objects.filter(received__lt=limit, sealed_photo__isnull=False)
    if not old.exists():
        return 0
    with transaction.atomic():
        rows = list(old.order_by("id").values_list("id", flat=True))
        empty: dict[str, Any] = {"name": "", "sha256": "", "width": 0, "height": 0, "model": ""}
        empty |= {"faces": [], "crops": []}
        for number in rows:
            Probe.objects.filter(pk=number).update(
                sealed=home.vault.seal_json("probe", f"probe:{number}", empty),
                sealed_photo=None,
                sealed_templates=None,
            )
            home.log.append(EntryKind.PROBE_ERASED, {"probe": number})
    if rows:
        empty_journal()
    return len(rows)
