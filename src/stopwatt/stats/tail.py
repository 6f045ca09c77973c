"""How often a deadline is missed, and how often it may be: exact bounds, widened where misses cluster in time.

The upper bound is Clopper & Pearson's (1934), one-sided. It takes the trials to be independent. Misses often are not:
they come in bursts, in one process of several, or only while something else runs; 20 misses in one burst are one
event, and a bound that counts them as 20 independent ones is too small. So the trials are cut into blocks of time, and
the counts of misses per block are compared with those of independent trials (the index of dispersion, Fisher 1925; a
"design effect" in survey statistics). Where the counts vary significantly more, by a factor D, the n trials count as
n / D, reduced further for the uncertainty of D itself (Korn & Graubard, "Confidence intervals for proportions with
small expected number of positive counts estimated from survey data", Survey Methodology 24, 1998).

A deadline that was missed rarely or never says little about how its misses would cluster. There the clustering of the
32 longest trials counts too, the nearest that is known.

All functions read the trials in pieces: beyond the trials themselves they take a few megabytes, whatever n is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, chdtrc, stdtrit

from stopwatt.stats.quantiles import CONFIDENCE

SAME = 1e-12
"""A trial is a miss if it exceeds the deadline by more than the rounding of floating-point numbers."""
BLOCKS = 512
SCALES = (16, 64, 256)
"""Numbers of blocks: bursts of all lengths from a few trials to an eighth of the series stand out at one of them."""
KNOWN = 32
"""Misses from which on a deadline's own clustering is enough."""
CLUSTERED_P = 0.01
PIECE = 2**18
BINS = 2048


@dataclass(frozen=True, slots=True)
class Exceedance:
    """How often trials were longer than a level.

    Attributes:
        level: In the unit of the trials.
        count: Trials above it.
        n: All trials.
        effective_n: Independent trials that they are worth; n where no clustering shows.
        upper: Upper 95 % bound of the probability; above 0 also where `count` is 0.
    """

    level: float
    count: int
    n: int
    effective_n: float
    upper: float


def upper_bound(count: float, n: float, confidence: float = CONFIDENCE) -> float:
    """Clopper & Pearson's one-sided upper bound of a probability: 0 of 1,000 gives 2.99e-3, 0 of 10^6 gives 3e-6.

    Args:
        count: Events among n; need not be whole (an effective number).
        n: Independent trials, more than 0.
        confidence: Of the bound.
    """
    return 1.0 if count >= n else float(betaincinv(count + 1, n - count, confidence))


def exceedances(rounds: Sequence[NDArray[Any]], levels: Sequence[float]) -> tuple[Exceedance, ...]:
    """How often each level was exceeded, and an upper bound of how often it may be.

    Args:
        rounds: Trials of each process in the order in which they happened; at least one trial in all. No block of time
            holds trials of two processes, so that differences between processes widen the bound too.
        levels: In any order, in the unit of the trials.

    Returns:
        One per level, in the order given.
    """
    reference = float(longest(rounds, KNOWN)[0].min())
    every = np.append(np.asarray(levels, dtype=np.float64), reference * (1 - 2 * SAME))
    order = np.argsort(every)
    rising, trials = block_counts(rounds, every[order])
    above = rising[:, np.argsort(order)]
    columns = np.ascontiguousarray(above.T)
    shares: dict[bytes, float] = {}  # between two clusters no trial lies, and many levels count the same trials
    for column in columns:
        if column.tobytes() not in shares:
            shares[column.tobytes()] = independent_share(column, trials)
    near = shares[columns[-1].tobytes()]
    found = zip(levels, columns, strict=False)  # the last column is the reference
    return tuple(_exceedance(float(level), one, trials, shares[one.tobytes()], near) for level, one in found)


def _exceedance(
    level: float, above: NDArray[np.int64], trials: NDArray[np.int64], own: float, near: float
) -> Exceedance:
    count, n = int(above.sum()), int(trials.sum())
    effective = max(1.0, n * (own if count >= KNOWN else min(own, near)))
    return Exceedance(level, count, n, effective, upper_bound(count * effective / n, effective))


def independent_share(above: NDArray[np.int64], trials: NDArray[np.int64]) -> float:
    """What the trials are worth as independent ones, as a share of n, from the counts per block of time."""
    count, n = int(above.sum()), int(trials.sum())
    scarce = min(count, n - count)  # where nearly every trial exceeds, those that do not are what can cluster
    sizes = {min(scale, scarce, len(trials)) for scale in SCALES} - {0, 1}
    return min((_share_at(size, above, trials, CLUSTERED_P / len(sizes)) for size in sizes), default=1.0)


def _share_at(blocks: int, above: NDArray[np.int64], trials: NDArray[np.int64], allowed: float) -> float:
    starts = np.linspace(0, len(trials), blocks, endpoint=False).astype(np.intp)
    counts, sizes = np.add.reduceat(above, starts), np.add.reduceat(trials, starts)
    rate = counts.sum() / sizes.sum()
    expected = rate * sizes
    statistic = float(((counts - expected) ** 2 / (expected * (1 - rate))).sum())
    if chdtrc(blocks - 1, statistic) > allowed:
        return 1.0
    few = float(stdtrit(blocks - 1, CONFIDENCE)) / float(stdtrit(1e9, CONFIDENCE))
    return min(1.0, (blocks - 1) / statistic) / few**2


def deadline_grid(rounds: Sequence[NDArray[Any]], points: int = 64) -> NDArray[np.float64]:
    """Levels for a curve, rising by equal factors from the median to a tenth beyond the largest trial.

    Args:
        rounds: Positive trials of each process, at least one in all.
        points: Number of levels.
    """
    low = min(float(values.min()) for values in rounds if values.size)
    high = max(float(values.max()) for values in rounds if values.size)
    edges = np.geomspace(low, high, BINS)
    above, trials = block_counts(rounds, edges, blocks=1)
    median = float(edges[np.flatnonzero(above.sum(axis=0) <= trials.sum() / 2)[0]])
    return np.geomspace(median, 1.1 * high, points)


def largest_per_interval(values: NDArray[Any], started: NDArray[Any], intervals: int) -> NDArray[np.float64]:
    """The largest trial of each of equal intervals of time, as long-running latency tests report it.

    Args:
        values: Trials.
        started: When each began, rising, from 0.
        intervals: Number of intervals from 0 to the last start.

    Returns:
        One value per interval; NaN where no trial began in it.
    """
    edges = np.linspace(0.0, float(started[-1]), intervals + 1)[:-1]
    starts = np.searchsorted(started, edges)
    ends = np.append(starts[1:], values.size)
    largest = np.full(intervals, np.nan)
    full = starts < ends
    largest[full] = np.maximum.reduceat(values, starts[full])
    return largest


def block_counts(
    rounds: Sequence[NDArray[Any]], levels: Sequence[float] | NDArray[np.float64], blocks: int = BLOCKS
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Trials above each rising level in each block of time.

    Args:
        rounds: Trials of each process; at least one trial in all.
        levels: Rising.
        blocks: Of all rounds together, about; no block holds trials of two rounds.

    Returns:
        Counts [blocks, levels], and the trials of each block [blocks].
    """
    n = sum(values.size for values in rounds)
    bounds = np.asarray(levels, dtype=np.float64) * (1 + SAME)
    width = len(bounds) + 1
    tables = []
    for values in rounds:
        own = min(max(1, round(blocks * values.size / n)), values.size)
        table = np.zeros(own * width, dtype=np.int64)
        for begin, piece in _pieces(values):
            block = np.arange(begin, begin + piece.size) * own // values.size
            table += np.bincount(block * width + np.searchsorted(bounds, piece), minlength=own * width)
        tables.append(table.reshape(own, width))
    passed = np.concatenate(tables)  # [blocks, number of levels below the trial]
    trials = passed.sum(axis=1)
    return trials[:, None] - np.cumsum(passed, axis=1)[:, :-1], trials


def longest(rounds: Sequence[NDArray[Any]], count: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The longest trials of all rounds, in the order in which they happened, and their places among all trials.

    Args:
        rounds: Trials of each process.
        count: How many; fewer where there are fewer.
    """
    values, places, before = np.empty(0), np.empty(0, dtype=np.intp), 0
    for one in rounds:
        for begin, piece in _pieces(one):
            values = np.concatenate([values, piece])
            places = np.concatenate([places, np.arange(before + begin, before + begin + piece.size)])
            if values.size > count:
                top = np.sort(np.argpartition(values, values.size - count)[-count:])
                values, places = values[top], places[top]
        before += one.size
    return values, places


def _pieces(values: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    for begin in range(0, values.size, PIECE):
        yield begin, values[begin : begin + PIECE]
