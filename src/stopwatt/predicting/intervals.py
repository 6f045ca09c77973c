"""Intervals of a forecast: from errors on rows that were held out, larger where rows are harder.

Split and cross conformal prediction with normalised scores (Lei et al., 2018; Barber et al., 2021). They hold for
rows like those that were held out; what lies outside of them has an interval of its own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.predicting.features import Features
from stopwatt.predicting.learner import FOLDS, folds_of
from stopwatt.predicting.trees import Forest, boosted_trees

Floats = NDArray[np.float64]

SHARE = 0.9
"""Of the rows that an interval is to hold."""
LEAST_ERROR = 2e-3
"""Relative errors below are alike: nothing is known so well."""
ENOUGH = 200
"""Rows below which one width must do for all."""
CRUDE = 2.5
"""Widening of the interval of a family that is too small to be tried on larger rows."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How large errors are from row to row.

    Attributes:
        forest: Logarithm of the absolute error; `None` where there were too few rows to learn it.
        quantile: Errors over that scale which `SHARE` of the held-out rows do not exceed.
    """

    forest: Forest | None
    quantile: float

    def half_width(self, values: Floats) -> Floats:
        """Half the interval of the logarithm for each row, shape (n,)."""
        return self.quantile * _sizes(self.forest, values)

    def calibrated(self, values: Floats, errors: Floats) -> "Scale":
        """The same sizes, with the quantile of errors of rows that nothing was learnt from."""
        return Scale(self.forest, conformal_quantile(np.abs(errors) / _sizes(self.forest, values)))


def fit_scale(features: Features, errors: Floats, groups: NDArray[np.int64], seed: int) -> Scale:
    """Learn the size of errors, and calibrate it on folds that it did not learn from.

    Args:
        features: Of the rows.
        errors: Of the logarithm, by members that did not see the row, shape (n,).
        groups: Rows of one group are in one fold, shape (n,).
        seed: Of the folds.
    """
    if errors.size < ENOUGH:
        return Scale(None, conformal_quantile(np.abs(errors)))
    wanted = np.log(np.abs(errors) + LEAST_ERROR)
    fold = folds_of(groups, FOLDS, seed)
    sizes = np.empty(errors.size)
    for one in range(FOLDS):
        sizes[fold == one] = _sizes(
            _fit(features.values[fold != one], wanted[fold != one], seed), features.values[fold == one]
        )
    return Scale(_fit(features.values, wanted, seed), conformal_quantile(np.abs(errors) / sizes))


def conformal_quantile(scores: Floats, share: float = SHARE) -> float:
    """The score that `share` of the rows do not exceed, with the correction for their number."""
    if not scores.size:
        return np.inf
    level = min(1.0, np.ceil((scores.size + 1) * share) / scores.size)
    return float(np.quantile(scores, level, method="higher"))


def _fit(values: Floats, wanted: Floats, seed: int) -> Forest:
    least = max(10, len(values) // 200)
    return boosted_trees(values, wanted, rounds=60, leaves=15, least=least, rate=0.1, depth=6, seed=seed)


def _sizes(forest: Forest | None, values: Floats) -> Floats:
    return np.ones(len(values)) if forest is None else np.exp(forest.predict(values))
