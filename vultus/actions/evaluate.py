"""Evaluate: error rates on an operator's own labelled photos. Nothing of them is kept."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from vultus.actions.home import Home
from vultus.actions.labelled import (
    Labelled,
    Progress,
    list_people,
    middle_face,
    read_label_errors,
    read_labels,
    read_people,
)
from vultus.actions.measure import ErrorPair, Measured, arrays_of, halves, measure
from vultus.actions.readers import read_many
from vultus.audit.entry import EntryKind
from vultus.errors import InputError, RefusedError
from vultus.faces.reading import Reading
from vultus.records.models import Account, AccountKind

SEED_MAX = 2**53 - 1


@dataclass(frozen=True)
class EvaluationAnswer:
    """What an evaluation found; `kept` is the same with the known label errors left in."""

    labelled: Labelled
    measured: Measured
    seed: int
    n_dropped: int | None  # photos, as known label errors; None where none were given
    kept: Measured | None


def evaluate(
    home: Home,
    actor: Account,
    folder: Path,
    *,
    seed: int = 0,
    label_errors: Path | None = None,
    labels: Path | None = None,
    progress: Progress = lambda *_: None,
) -> EvaluationAnswer:
    """Measure on the photos of `folder`, one folder a person, as docs/evaluate.md says.

    Only the operator may, who can read these files in any case: RefusedError
    `evaluate.not_operator`. Raises InputError `evaluate.no_folder`, `evaluate.no_people`,
    `evaluate.unreadable`, `evaluate.too_few`, `evaluate.no_faces`, `evaluate.label_errors`,
    `evaluate.labels`, `evaluate.seed`.
    """
    if actor.kind != AccountKind.LOCAL:
        raise RefusedError(
            "evaluate.not_operator",
            "Files of this machine are read only for its operator.",
            "Run `vultus evaluate` on the machine itself.",
        )
    if not 0 <= seed <= SEED_MAX:
        raise InputError("evaluate.seed", "The seed is below 0 or too large.", "Use 0.")
    errors = read_label_errors(label_errors) if label_errors else None
    groups = read_labels(labels) if labels else {}
    everything = read_people(home, folder, list_people(folder), progress)
    labelled = everything if errors is None else everything.without(errors)
    half = halves(everything, seed)  # the same for both, so that they can be compared
    data = arrays_of(labelled, half)
    with transaction.atomic():
        home.log.append(
            EntryKind.EVALUATION_RUN,
            {
                "by": actor.pk,
                "people": len(data.people),
                "photos": len(data.names),
                "failed": int((data.row < 0).sum()),
                "model": data.model,
            },
        )
    kept = None
    if errors is not None:
        kept = measure(
            arrays_of(everything, half), seed, groups, progress, "measuring with label errors"
        )
    return EvaluationAnswer(
        labelled=labelled,
        measured=measure(data, seed, groups, progress),
        seed=seed,
        n_dropped=None if errors is None else len(everything.photos) - len(labelled.photos),
        kept=kept,
    )


def error_pictures(home: Home, folder: Path, pairs: Sequence[ErrorPair]) -> dict[bytes, bytes]:
    """A JPEG of the face of each photo among `pairs`, by the photo's name; read once more."""
    names = sorted({name for pair in pairs for name in pair.photos})
    found = {}
    for name, result in read_many(home, [(name, path_of(folder, name)) for name in names]):
        number = middle_face(result) if isinstance(result, Reading) else None
        if isinstance(result, Reading) and number is not None:
            found[name] = result.crops[number].jpeg
    return found


def path_of(folder: Path, name: bytes) -> Path:
    return folder / os.fsdecode(name)
