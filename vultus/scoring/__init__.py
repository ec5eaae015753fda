"""From scores to their meaning; a plain library of NumPy functions.

comparison      one pair: score, false match rate
rates           FMR, FNMR, FPIR, FNIR of measured scores
det             both rates at every score, and the threshold of a wanted rate
verification    everybody against everybody (1:1), FNMR at FMR
identification  searches (1:N), NIST's two tables
discard         error versus discard: does a quality predict errors?
demographic     rates of groups that the operator names
interval        how far a rate may be from the truth: people drawn again, or exact
calibration     a gallery's own scores -> expected strangers a search, and the threshold
prior           what is known of a model before a gallery has spoken
"""

from vultus.scoring.calibration import Calibration, expected_to_once_in, fit_calibration
from vultus.scoring.comparison import cosine, false_match_rate

__all__ = [
    "Calibration", "cosine", "expected_to_once_in", "false_match_rate", "fit_calibration",
]  # fmt: skip
