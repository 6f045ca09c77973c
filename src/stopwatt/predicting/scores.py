"""How far predictions are off, as one set of numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEAR = 0.1


@dataclass(frozen=True, slots=True)
class Scores:
    """Errors of predictions, as shares of what was measured.

    Attributes:
        rows: That were predicted.
        mape: Mean of the absolute errors.
        median: Of the absolute errors.
        near: Share of the rows within 10 %.
        bias: Mean error.
        coverage: Share of the rows inside of their interval; NaN where there are none.
        width: Median width of the intervals over the prediction; NaN where there are none.
        outside: Share of the rows that were flagged.
    """

    rows: int
    mape: float
    median: float
    near: float
    bias: float
    coverage: float = float("nan")
    width: float = float("nan")
    outside: float = 0.0


def score(
    predicted: Floats,
    measured: Floats,
    bounds: tuple[Floats, Floats] | None = None,
    outside: NDArray[np.bool_] | None = None,
) -> Scores:
    """Compare; all arrays have shape (n,), with n at least 1.

    Args:
        predicted: Any positive quantity.
        measured: The same quantity.
        bounds: Intervals of the predictions.
        outside: Rows that were flagged.
    """
    errors = predicted / measured - 1
    coverage, width = float("nan"), float("nan")
    if bounds is not None:
        low, high = bounds
        coverage = float(np.mean((low <= measured) & (measured <= high)))
        width = float(np.median((high - low) / predicted))
    away = np.abs(errors)
    return Scores(
        int(errors.size),
        float(away.mean()),
        float(np.median(away)),
        float(np.mean(away <= NEAR)),
        float(errors.mean()),
        coverage,
        width,
        0.0 if outside is None else float(outside.mean()),
    )
