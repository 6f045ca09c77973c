"""Kernel density of the logarithm of trials, on a fine histogram: linear in n, in bounded memory.

Modes of latency are told apart by ratios (1.25 x, 2 x), so all is done on logarithms: a ratio is a distance there, and
nothing depends on the unit. A Gaussian kernel is applied to a histogram with at least 8 bins per bandwidth, which no
chart and no decision can tell from the exact sum over all trials (Silverman 1986, section 3.5).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FINE = 16
"""Bins per bandwidth, at most; at least half of it."""
REACH = 4.5
"""Bandwidths after which the kernel is cut off."""
MOST_BINS = 2**20
PIECE = 2**16


@dataclass(frozen=True, slots=True, eq=False)
class LogHistogram:
    """Trials counted by the logarithm of their ratio to the smallest.

    Attributes:
        counts: Bin i holds the trials with `i * width <= ln(trial / base) < (i + 1) * width`.
        width: In units of ln.
        base: The smallest trial.
    """

    counts: NDArray[np.int64]
    width: float
    base: float

    @property
    def n(self) -> int:
        """Trials."""
        return int(self.counts.sum())

    def value_at(self, place: float) -> float:
        """The value at a place in bins: that of bin i begins at i."""
        return self.base * math.exp(place * self.width)

    def coarser(self, factor: int) -> "LogHistogram":
        """The same with so many neighbouring bins added up."""
        if factor <= 1:
            return self
        padded = np.pad(self.counts, (0, -self.counts.size % factor))
        return LogHistogram(padded.reshape(-1, factor).sum(axis=1), self.width * factor, self.base)

    def rank(self, q: float) -> int:
        """The bin that holds the q-quantile."""
        return _rank(self.counts, q)

    def quantiles(self, count: int) -> NDArray[np.float64]:
        """So many evenly spaced quantiles, rising; within a bin the trials count as spread evenly."""
        below = np.concatenate([[0], np.cumsum(self.counts)])
        places = np.interp((np.arange(count) + 0.5) / count * below[-1], below, np.arange(below.size))
        rising: NDArray[np.float64] = self.base * np.exp(places * self.width)
        return rising

    def deviation(self) -> float:
        """1.4826 x the median absolute deviation of the logarithm: the standard deviation where it is normal."""
        away = np.abs(np.arange(self.counts.size) - self.rank(0.5))
        return 1.4826 * _rank(np.bincount(away, weights=self.counts), 0.5) * self.width


def _rank(counts: NDArray[Any], q: float) -> int:
    total = np.cumsum(counts)
    return int(np.searchsorted(total, q * total[-1]))


def log_histogram(values: NDArray[Any], width: float) -> LogHistogram:
    """Count trials by logarithm, in pieces: no array as long as the trials is made.

    Args:
        values: Positive and finite, at least one, in any order.
        width: Of a bin in units of ln; larger where the range would take more than 2^20 bins.
    """
    base = float(values.min())
    start = math.log(base)
    span = math.log(float(values.max())) - start
    width = max(width, span / (MOST_BINS - 1))
    bins = int(span / width) + 1
    counts = np.zeros(bins, dtype=np.int64)
    for begin in range(0, values.size, PIECE):
        places = (np.log(values[begin : begin + PIECE]) - start) / width
        counts += np.bincount(np.clip(places.astype(np.int64), 0, bins - 1), minlength=bins)
    return LogHistogram(counts, width, base)


@dataclass(frozen=True, slots=True, eq=False)
class Density:
    """A smoothed histogram.

    Attributes:
        histogram: What was smoothed, with 8 to 16 bins per bandwidth where it was fine enough.
        heights: Expected trials per bin; `margin` bins longer than the histogram on either side.
        margin: Place of the histogram's first bin in `heights`.
    """

    histogram: LogHistogram
    heights: NDArray[np.float64]
    margin: int


def smooth(histogram: LogHistogram, bandwidth: float) -> Density:
    """The density with a Gaussian kernel.

    Args:
        histogram: Of the trials.
        bandwidth: Standard deviation of the kernel in units of ln, more than 0.
    """
    coarse = histogram.coarser(int(bandwidth / histogram.width / FINE))
    sigma = bandwidth / coarse.width
    reach = math.ceil(REACH * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    heights = np.convolve(np.pad(coarse.counts, 1), kernel / kernel.sum())
    return Density(coarse, heights, reach + 1)
