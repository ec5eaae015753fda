"""An evaluation as the JSON document of the contract. It names no photo and no person, unless
files are asked for."""

from typing import Any

from vultus.actions.evaluate import EvaluationAnswer
from vultus.actions.measure import ACCEPTED_MIN, CalibrationRow, Measured
from vultus.scoring.demographic import GroupRow
from vultus.scoring.identification import N_CANDIDATES, FnirRow

Document = dict[str, Any]
SEARCHES_MIN = 3  # non-mated searches that an FPIR should allow


def evaluation_document(answer: EvaluationAnswer, *, files: bool) -> Document:
    found, labelled = answer.measured, answer.labelled
    refused, failed = labelled.failures()
    document: Document = {
        "model": found.model,
        "seed": answer.seed,
        "n_people": found.n_people,
        "n_photos": found.n_photos,
        "failure_to_acquire": found.n_failed / found.n_photos,
        "failure_to_enrol": found.n_not_enrolled / found.n_people,
        "people_without_template": found.n_without_template,
        "refused": dict(sorted(refused.items())),
        "failed": dict(sorted(failed.items())),
        "copies": labelled.n_copies,
        "label_errors": None,
        "comparisons": {"mated": found.n_mated, "non_mated": found.n_non_mated},
        "searches": {"mated": found.n_mated_searches, "non_mated": found.n_non_mated_searches},
        **rates(found),
        "det": [{"threshold": t, "fmr": fmr, "fnmr": fnmr} for t, fmr, fnmr in found.det],
        "investigation": [
            {"candidates": N_CANDIDATES, **fnir_row(row)} for row in found.investigation
        ],
        "calibration": [calibration_row(row) for row in found.calibration],
        "error_versus_discard": {
            "fmr": found.at.fmr,
            "threshold": found.at.threshold,
            "rows": [vars(row) for row in found.discard],
        },
        "groups": [group_row(row) for row in found.groups],
    }
    if answer.kept is not None:
        document["label_errors"] = {
            "photos_dropped": answer.n_dropped,
            "kept": {"n_people": answer.kept.n_people, "n_photos": answer.kept.n_photos,
                     **rates(answer.kept)},
        }  # fmt: skip
    if files:
        document["files"] = labelled.files()
    return document


def rates(found: Measured) -> Document:
    """The two headline tables."""
    return {
        "fnmr": {f"{row.fmr:g}": row.fnmr for row in found.verification},
        "verification": [
            {
                "fmr": row.fmr,
                "threshold": row.threshold,
                "fnmr": row.fnmr,
                "low": row.interval.low,
                "high": row.interval.high,
                "non_mated_accepted": row.n_accepted,
                "supported": row.fmr * found.n_non_mated >= ACCEPTED_MIN,
            }
            for row in found.verification
        ],
        "fnir": [
            {
                **fnir_row(row),
                "supported": (row.fpir or 0.0) * found.n_non_mated_searches >= SEARCHES_MIN,
            }
            for row in found.identification
        ],
    }


def fnir_row(row: FnirRow) -> Document:
    given = {} if row.fpir is None else {"fpir": row.fpir}
    return {
        "n": row.n,
        "rank": row.rank,
        **given,
        "threshold": row.threshold,
        "fnir": row.fnir,
        "low": row.interval.low,
        "high": row.interval.high,
    }


def calibration_row(row: CalibrationRow) -> Document:
    return {
        "predicted": row.predicted,
        "observed": row.observed,
        "n": row.n,
        "low": row.interval.low,
        "high": row.interval.high,
        "predicted_low": row.claimed.low,
        "predicted_high": row.claimed.high,
        "threshold": row.threshold,
        "extrapolated": row.extrapolated,
    }


def group_row(row: GroupRow) -> Document:
    return {
        "label": row.label,
        "n_people": row.n_people,
        "n_mated": row.n_mated,
        "fnmr": row.fnmr,
        "fnmr_low": row.fnmr_interval.low,
        "fnmr_high": row.fnmr_interval.high,
        "n_non_mated": row.n_non_mated,
        "fmr": row.fmr,
        "fmr_low": row.fmr_interval.low,
        "fmr_high": row.fmr_interval.high,
        "too_small": row.too_small,
    }
