"""The median of a series whose trials depend on their neighbours: a moving-block bootstrap."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from stopwatt.stats.quantiles import CONFIDENCE, RESOLUTION_LIMITED, Interval, NoInterval

RESAMPLES = 1000
LEAST_RESAMPLES = 200
MOST_DRAWS = 20_000_000
LEAST_BLOCKS = 8


def bootstrap_median(values: NDArray[Any], confidence: float = CONFIDENCE, seed: int = 0) -> Interval | NoInterval:
    """Percentile interval of the median from resampled blocks of neighbours (Kuensch 1989).

    The percentiles are those that a t-interval of as many values as there are blocks would need (Hesterberg 2015, the
    "expanded" percentile interval): plain ones are too narrow where the series holds few blocks.

    Equal seeds give equal intervals. The work is bounded: 1,000 resamples up to n = 20,000, then fewer (at least 200).

    Args:
        values: Trials without bad ones, in the order in which they happened.
        confidence: Of the two-sided interval.
        seed: Of the generator.
    """
    n = int(values.size)
    length = block_length(values)
    if n < LEAST_BLOCKS * length:
        return NoInterval(f"the trials depend on each other over {length} calls; needs {LEAST_BLOCKS * length} trials")
    medians = _resampled_medians(values, length, np.random.default_rng(seed))
    tail = _expanded_tail(n / length, confidence)
    low, high = (float(x) for x in np.quantile(medians, [tail, 1 - tail]))
    return Interval(low, high, "moving-block bootstrap") if low < high else NoInterval(RESOLUTION_LIMITED)


def _expanded_tail(blocks: float, confidence: float) -> float:
    """Probability outside each percentile."""
    return float(ndtr(-math.sqrt(blocks / (blocks - 1)) * stdtrit(blocks - 1, (1 + confidence) / 2)))


def _resampled_medians(values: NDArray[Any], length: int, generator: np.random.Generator) -> NDArray[np.float64]:
    n = int(values.size)
    resamples = min(RESAMPLES, max(LEAST_RESAMPLES, MOST_DRAWS // n))
    blocks = np.lib.stride_tricks.sliding_window_view(values, length)
    medians = np.empty(resamples)
    for index in range(resamples):
        starts = generator.integers(0, n - length + 1, size=-(-n // length))
        medians[index] = np.median(blocks[starts].ravel()[:n])
    return medians


def block_length(values: NDArray[Any]) -> int:
    """Calls over which neighbours depend on each other, as a block length for the bootstrap.

    Politis & White (2004) with the correction of Patton, Politis & White (2009), for blocks of fixed length, applied to
    the indicator "above the median": the median feels a trial only through the side on which it falls, and outliers
    cannot mislead the estimate.
    """
    n = int(values.size)
    if n < LEAST_BLOCKS:
        return 1
    above = (values > float(np.median(values))).astype(np.float64)
    series: NDArray[np.float64] = above - above.mean()
    patience = max(5, math.ceil(math.sqrt(math.log10(n))))
    most_lags = min(n - 1, math.ceil(math.sqrt(n)) + patience)
    covariances = np.array([series[lag:] @ series[: n - lag] for lag in range(most_lags + 1)]) / n
    if covariances[0] == 0:
        return 1
    bandwidth = _bandwidth(covariances, n, patience)
    lags = np.arange(1, bandwidth + 1)
    taper = np.minimum(1, 2 * (1 - lags / bandwidth))
    slope = 2 * float((taper * lags * covariances[1 : bandwidth + 1]).sum())
    spectrum = float(covariances[0]) + 2 * float((taper * covariances[1 : bandwidth + 1]).sum())
    if spectrum <= 0:
        return 1
    best = math.cbrt(2 * slope**2 / (4 / 3 * spectrum**2) * n)
    return max(1, min(math.ceil(best), math.ceil(min(3 * math.sqrt(n), n / 3))))


def _bandwidth(covariances: NDArray[np.float64], n: int, patience: int) -> int:
    """Twice the lag after which `patience` autocorrelations in a row are negligible (Politis & White's flat top)."""
    most = covariances.size - 1
    negligible = np.abs(covariances[1:] / covariances[0]) < 2 * math.sqrt(math.log10(n) / n)
    for lag in range(most - patience + 1):
        if negligible[lag : lag + patience].all():
            return min(max(1, 2 * lag), most)
    return most
