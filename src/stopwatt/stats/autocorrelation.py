"""Are successive trials independent? The Ljung-Box test on ranks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

LAGS = 10
LEAST_TRIALS = 20
INDEPENDENCE_P = 0.01


def ljung_box(values: NDArray[Any], lags: int = LAGS) -> float:
    """p-value of "successive values are independent", from the autocorrelations of their ranks.

    `Q = n (n + 2) sum_k r_k^2 / (n - k)` is compared with a chi-squared of `lags` degrees of freedom (Ljung & Box
    1978); ranks make it indifferent to outliers and heavy tails (Dufour & Roy 1986).

    Args:
        values: Finite numbers in the order in which they happened.
        lags: Autocorrelations taken together; at most a fifth of n.

    Returns:
        Between 0 and 1; 1 where the series is too short (under 20) or constant: then nothing speaks against.
    """
    n = int(values.size)
    ranks = midranks(values)
    centred = ranks - (n + 1) / 2
    power = float(centred @ centred)
    if n < LEAST_TRIALS or power == 0:
        return 1.0
    lags = min(lags, n // 5)
    correlations = np.array([centred[lag:] @ centred[:-lag] for lag in range(1, lags + 1)]) / power
    statistic = n * (n + 2) * float((correlations**2 / (n - np.arange(1, lags + 1))).sum())
    return float(chdtrc(lags, statistic))


def looks_independent(values: NDArray[Any]) -> bool:
    """Whether `ljung_box` leaves independence standing (p >= 0.01)."""
    return ljung_box(values) >= INDEPENDENCE_P


def midranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of theirs."""
    _, dense, counts = np.unique(values, return_inverse=True, return_counts=True)
    means: NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    return means[dense]
