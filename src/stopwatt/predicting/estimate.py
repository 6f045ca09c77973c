"""One quantity of a family as it is estimated: logarithms of ratios, with half-widths."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import Table
from stopwatt.predicting.extrapolating import Beyond, untried
from stopwatt.predicting.features import Features
from stopwatt.predicting.intervals import CRUDE, Scale, fit_scale
from stopwatt.predicting.learner import Apart, Ensemble, cross_fit, folds_of

Floats = NDArray[np.float64]

SPARED = 6000
"""Rows from which on some are held apart."""
APART = 0.1
"""Share of the groups of rows that is."""


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

    def predict(
        self, table: Table, features: Features, outside: NDArray[np.bool_], beyond: NDArray[np.bool_]
    ) -> tuple[Floats, Floats]:
        """Logarithm and half its interval for each row, each of shape (n,).

        Args:
            table: The rows.
            features: Of them.
            outside: Rows that are unlike those seen: their intervals are wider.
            beyond: Those of them that are so in more than the device, which are predicted by what the trial bore out.
        """
        learnt = self.ensemble.predict(features.values)
        half = self.scale.half_width(features.values)
        if not outside.any():
            return learnt, half
        extended, wide = self.beyond.predict(table, features, learnt)
        return np.where(beyond, extended, learnt), np.where(outside, np.maximum(half, wide), half)


def fit_estimate(
    features: Features, target: Floats, groups: NDArray[np.int64], seed: int, apart: Apart | None = None
) -> Estimate:
    """Fit by folds of groups.

    Args:
        features: Of the rows.
        target: Logarithms, shape (n,).
        groups: Rows of a group are never split, shape (n,).
        seed: Of folds and models.
        apart: As for `cross_fit`; not with so many rows that some are held apart.

    Returns:
        With intervals of the usual width, widened, for what lies outside.
    """
    kept = held_apart(groups, seed)
    some, learnt = features.take(~kept), target[~kept]
    crossed = cross_fit(some, learnt, groups[~kept], seed, None if kept.any() else apart)
    scale = fit_scale(some, learnt - crossed.outside, groups[~kept], seed)
    if kept.any():
        off = target[kept] - crossed.ensemble.predict(features.values[kept])
        scale = scale.calibrated(features.values[kept], off)
    return Estimate(crossed.ensemble, scale, untried(CRUDE * typical_width(scale, features)))


def held_apart(groups: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Rows that only intervals are calibrated on, shape (n,): groups of `APART`; none of a table that is too small.

    The mean of the members errs less than each of them does on its own fold. With many rows some can be spared to see
    by how much.
    """
    if groups.size < SPARED:
        return np.zeros(groups.size, dtype=np.bool_)
    return np.asarray(folds_of(groups, round(1 / APART), seed + 1) == 0, dtype=np.bool_)


def typical_width(scale: Scale, features: Features) -> float:
    """Half-width that nine of ten rows do not exceed."""
    return float(np.quantile(scale.half_width(features.values), 0.9))
