"""Does the level change within a round? Segments of constant level, and a trend."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from stopwatt.stats.autocorrelation import looks_independent, midranks
from stopwatt.stats.bootstrap import block_length
from stopwatt.stats.steady import block_medians
from stopwatt.stats.trend import mann_kendall

LEAST_SEGMENT = 10
LEAST_BLOCKS = 20
LEAST_BLOCKED_SEGMENT = 3
PENALTY = 3.0
PENALTY_OF_BLOCKS = 5.0
MOST_VALUES = 1000
MOST_PLACES = 200
TREND_P = 0.01


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of a series over time.

    Attributes:
        starts: Index of the first trial of each segment; the first is 0.
        trend_p: p-value of "no trend" (Mann-Kendall).
        change: Median of the last tenth of the trials / median of the first - 1; where a segment ends within a tenth,
            of the part of it that belongs to the outermost segment.
    """

    starts: tuple[int, ...]
    trend_p: float
    change: float

    @property
    def changed(self) -> bool:
        """Whether there are several segments or a trend (p < 0.01)."""
        return len(self.starts) > 1 or self.trend_p < TREND_P


def find_levels(values: NDArray[Any]) -> Levels:
    """Segments of constant level, and whether there is a trend.

    The segmentation minimises the squared error of the normal scores of the ranks, plus 3 ln n for each segment; none
    is shorter than 10 trials. Ranks make it indifferent to outliers. Trials that depend on their neighbours wander
    without any change of level: so where those of the longest segment do, the medians of blocks are segmented
    instead, at 5 ln n; the length of the blocks is that over which neighbours depend once the levels are taken out.
    The trend is tested on at most 100 such medians, of blocks twice as long where the trials depend on each other.

    Series of more than 1,000 trials are first reduced to the medians of 1,000 blocks.

    Args:
        values: Positive and finite, in the order in which they happened, at least one.
    """
    series = block_medians(values, MOST_VALUES)
    per_value = max(1, int(values.size) // MOST_VALUES) if values.size > MOST_VALUES else 1
    starts = segment(series, PENALTY, LEAST_SEGMENT)
    if looks_independent(max(np.split(series, starts[1:]), key=len)):
        return _levels(values, starts, per_value, mann_kendall(block_medians(series)).p)
    length = block_length(_without_levels(series, starts))
    blocks = block_medians(series, max(1, series.size // length))
    least = max(LEAST_BLOCKED_SEGMENT, LEAST_SEGMENT // length)
    starts = segment(blocks, PENALTY_OF_BLOCKS, least) if blocks.size >= LEAST_BLOCKS else (0,)
    pairs = block_medians(series, max(1, series.size // (2 * length)))  # neighbouring blocks still agree a little
    return _levels(values, starts, per_value * length, mann_kendall(block_medians(pairs)).p)


def _levels(values: NDArray[Any], starts: tuple[int, ...], block: int, trend_p: float) -> Levels:
    """Starts in blocks become starts in trials; what the blocks left out stands at the beginning."""
    left_out = values.size % block if block > 1 else 0
    first_trials = tuple(left_out + start * block if start else 0 for start in starts)
    return Levels(first_trials, trend_p, _change(values, first_trials))


def segment(values: NDArray[Any], penalty: float, least: int) -> tuple[int, ...]:
    """Starts of the segments of constant level, the first 0.

    Minimises the sum of the segments' squared errors plus `penalty` x ln n per segment over all segmentations: the
    optimum that PELT finds (Killick, Fearnhead & Eckley 2012, J. Am. Stat. Assoc. 107), here by plain dynamic
    programming (Jackson et al. 2005) over at most 200 places, at which one segment may end and the next begin. That is
    quicker than pruning where the usual answer is "one segment": then nothing is ever pruned.

    Args:
        values: At least one.
        penalty: In units of ln n.
        least: Values of the shortest segment.
    """
    n = int(values.size)
    grid = -(-n // MOST_PLACES)
    if n < 2 * least:
        return (0,)
    scores = ndtri((midranks(values) - 0.5) / n)
    places = np.append(np.arange(0, n, grid), n)
    sums = np.concatenate([[0.0], np.cumsum(scores)])[places]
    lengths = places[:, None] - places[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        gains = np.where(lengths >= least, (sums[:, None] - sums[None, :]) ** 2 / lengths, -np.inf)
    cost = penalty * math.log(n)
    best = np.zeros(places.size)
    before = np.zeros(places.size, dtype=np.intp)
    for end in range(1, places.size):
        totals = best[:end] - gains[end, :end]
        before[end] = totals.argmin()
        best[end] = totals[before[end]] + cost
    return _traced(places, before)


def _traced(places: NDArray[np.intp], before: NDArray[np.intp]) -> tuple[int, ...]:
    starts = []
    end = places.size - 1
    while end > 0:
        end = int(before[end])
        starts.append(int(places[end]))
    return tuple(reversed(starts))


def _without_levels(values: NDArray[np.float64], starts: tuple[int, ...]) -> NDArray[np.float64]:
    """Each value less the median of its segment."""
    parts = np.split(values, starts[1:])
    return np.concatenate([part - np.median(part) for part in parts])


def _change(values: NDArray[Any], starts: tuple[int, ...]) -> float:
    n = int(values.size)
    tenth = -(-n // 10)
    first = values[: min(tenth, *starts[1:2], n)]
    last = values[max(n - tenth, starts[-1]) :]
    return float(np.median(last) / np.median(first)) - 1
