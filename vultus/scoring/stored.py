"""Read a stored calibration, docs/formats/calibration.md, strictly."""

import math
import re
from typing import Any

import numpy as np

from vultus.errors import IntegrityError
from vultus.scoring.tail import KNOTS

FORMAT = "vultus-calibration-1"
N_BENDS = len(KNOTS)
WHOLE = ("n_references", "n_sampled", "n_duplicates", "n_pairs", "n_certain_pairs")
REAL = (
    "centre", "scale", "mated_share", "mated_centre", "mated_scale", "observed_up_to",
)  # fmt: skip
KEYS = {"format", "model", "fingerprint", "bends", "covariance", *WHOLE, *REAL}


def read_calibration(document: object) -> dict[str, Any]:
    """Return the fields of a calibration from its JSON object.

    Raises IntegrityError (`calibration.malformed`) for anything that `to_json` cannot have
    written: a missing or unknown key, a number of the other kind, not finite or out of range.
    """
    if not isinstance(document, dict) or set(document) != KEYS:
        raise _malformed("its keys are not those of the format")
    if document["format"] != FORMAT:
        raise _malformed("it has another format")
    model, fingerprint = document["model"], document["fingerprint"]
    if not isinstance(model, str) or not model:
        raise _malformed("it names no model")
    if not isinstance(fingerprint, str) or not re.fullmatch("[0-9a-f]{64}", fingerprint):
        raise _malformed("its fingerprint is not 64 hexadecimal digits")
    whole = {name: document[name] for name in WHOLE}
    if any(type(value) is not int or value < 0 for value in whole.values()):
        raise _malformed("a count is not a whole number of 0 or more")
    real = {name: document[name] for name in REAL}
    if not all(_is_real(value) for value in real.values()):
        raise _malformed("a value is not a finite real number")
    _check_ranges(whole, real)
    bends = _row(document["bends"], N_BENDS)
    if max(map(abs, bends)) > 100:
        raise _malformed("its curve is not one")
    covariance = _covariance(document["covariance"])
    fields = {**whole, **real, "model": model, "fingerprint": fingerprint}
    return {**fields, "bends": bends, "covariance": covariance}


def _check_ranges(whole: dict[str, int], real: dict[str, float]) -> None:
    n_kept = whole["n_sampled"] - whole["n_duplicates"]
    if not (n_kept >= 0 and whole["n_sampled"] <= whole["n_references"]):
        raise _malformed("it counts more references than there are")
    if not whole["n_certain_pairs"] <= whole["n_pairs"] <= n_kept * (n_kept - 1) // 2:
        raise _malformed("it counts more pairs than there are")
    if not (real["scale"] > 0 and real["mated_scale"] > 0):
        raise _malformed("its curve is not one")
    if not 0 <= real["mated_share"] <= 1:
        raise _malformed("its share of mated pairs is not one")


def _covariance(rows: object) -> tuple[tuple[float, ...], ...]:
    if not isinstance(rows, list) or len(rows) != N_BENDS + 2:
        raise _malformed("its covariance has another size")
    found = tuple(_row(row, N_BENDS + 2) for row in rows)
    matrix = np.array(found)
    least = float(np.linalg.eigvalsh(matrix)[0])
    if (matrix != matrix.T).any() or least < -1e-9 * float(np.abs(matrix).max()):
        raise _malformed("its covariance is not one")
    return found


def _row(values: object, size: int) -> tuple[float, ...]:
    if not isinstance(values, list) or len(values) != size or not all(map(_is_real, values)):
        raise _malformed(f"a list is not one of {size} finite real numbers")
    return tuple(values)


def _is_real(value: object) -> bool:
    return type(value) is float and math.isfinite(value)


def _malformed(why: str) -> IntegrityError:
    message = f"The stored calibration cannot be read: {why}."
    return IntegrityError("calibration.malformed", message, "Fit the calibration again.")
