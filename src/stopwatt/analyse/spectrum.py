"""The percentile spectrum: every quantile that the trials of a cell support, and from where on they support none."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.estimate import Series
from stopwatt.stats.autocorrelation import looks_independent
from stopwatt.stats.intervals import LEAST_ROUNDS, across_rounds, geometric_mean
from stopwatt.stats.quantiles import Interval, NeedsTrials, interval_ranks, percentile

_PER_NINE = 6
_MOST_NINES = 6

_ranks = lru_cache(maxsize=8192)(interval_ranks)  # the cells of a grid have equally many trials


@dataclass(frozen=True, slots=True)
class SpectrumPoint:
    """One quantile.

    Attributes:
        q: Between 0 and 1.
        nines: -log10(1 - q): 1 for 90 %, 2 for 99 %.
        value_s: Seconds; `None` where n does not support it.
        low_s, high_s: 95 % interval; `None` where there is none.
        needs: Trials that it would take, where there are too few.
    """

    q: float
    nines: float
    value_s: float | None = None
    low_s: float | None = None
    high_s: float | None = None
    needs: int | None = None


def spectrum_of(rounds: Sequence[Series]) -> tuple[SpectrumPoint, ...]:
    """Quantiles evenly spaced in nines, from p25 to the first standard one (p90, p99, ...) that n does not support.

    Each is what `estimate.tail` says of it, got from one sorting: with an interval where every round supports it,
    without one where only all rounds together do.

    Args:
        rounds: At least one.
    """
    ordered = [np.sort(one.values) for one in rounds]
    independent = all(looks_independent(one.values) for one in rounds)
    points = []
    for step in range(1, _PER_NINE * _MOST_NINES + 1):
        point = _point(ordered, step / _PER_NINE, independent=independent)
        if point.value_s is not None or step % _PER_NINE == 0:
            points.append(point)
        if point.value_s is None and step % _PER_NINE == 0:
            break
    return tuple(points)


def _point(ordered: Sequence[NDArray[np.float64]], nines: float, *, independent: bool) -> SpectrumPoint:
    q = 1 - math.pow(10, -nines)
    ranks = [_ranks(values.size, q) for values in ordered]
    found = [pair for pair in ranks if pair is not None]
    if len(found) < len(ordered):
        return _pooled(ordered, q, nines)
    values = np.array([_quantile(one, q) for one in ordered])
    if len(ordered) >= LEAST_ROUNDS:
        interval = across_rounds(values)
        bounds = (interval.low, interval.high) if isinstance(interval, Interval) else (None, None)
    elif independent:
        lows = [float(one[low - 1]) for one, (low, _) in zip(ordered, found, strict=True)]
        highs = [float(one[high - 1]) for one, (_, high) in zip(ordered, found, strict=True)]
        bounds = (min(lows), max(highs))
    else:
        bounds = (None, None)
    return SpectrumPoint(q, nines, geometric_mean(values), *bounds)


def _pooled(ordered: Sequence[NDArray[np.float64]], q: float, nines: float) -> SpectrumPoint:
    found = percentile(np.concatenate(ordered), q)
    if isinstance(found, NeedsTrials):
        return SpectrumPoint(q, nines, needs=found.needed)
    return SpectrumPoint(q, nines, found.value)


def _quantile(ordered: NDArray[np.float64], q: float) -> float:
    """The ceil(n q)-th smallest, as `stats.quantiles.percentile` takes it."""
    return float(ordered[math.ceil(round(ordered.size * q, 9)) - 1])
