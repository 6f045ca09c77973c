"""One quantity of a family as it is estimated: logarithms of ratios, with half-widths."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import Table
from stopwatt.predicting.extrapolating import Beyond, untried
from stopwatt.predicting.features import Features
from stopwatt.predicting.intervals import CRUDE, Scale, fit_scale
from stopwatt.predicting.learner import Ensemble, cross_fit

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """An ensemble with the scale of its errors.

    Attributes:
        ensemble: Gives logarithms.
        scale: Of its errors inside.
        beyond: What holds outside.
    """

    ensemble: Ensemble
    scale: Scale
    beyond: Beyond

    def predict(self, table: Table, features: Features, outside: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Logarithm and half its interval for each row, each of shape (n,)."""
        learnt = self.ensemble.predict(features.values)
        half = self.scale.half_width(features.values)
        if not outside.any():
            return learnt, half
        extended, wide = self.beyond.predict(table, features, learnt)
        return np.where(outside, extended, learnt), np.where(outside, np.maximum(half, wide), half)


def fit_estimate(
    features: Features, target: Floats, groups: NDArray[np.int64], beyond: Beyond | None, seed: int
) -> Estimate:
    """Fit by folds of groups.

    Args:
        features: Of the rows.
        target: Logarithms, shape (n,).
        groups: Rows of a group are never split, shape (n,).
        beyond: For rows outside; the usual width, widened, if absent.
        seed: Of folds and models.
    """
    crossed = cross_fit(features, target, groups, seed)
    scale = fit_scale(features, target - crossed.outside, groups, seed)
    if beyond is None:
        beyond = untried(CRUDE * typical_width(scale, features))
    return Estimate(crossed.ensemble, scale, beyond)


def typical_width(scale: Scale, features: Features) -> float:
    """Half-width that nine of ten rows do not exceed."""
    return float(np.quantile(scale.half_width(features.values), 0.9))
