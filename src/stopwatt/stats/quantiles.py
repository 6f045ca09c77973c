"""Quantiles from order statistics: no assumption on the distribution, and no value that n does not support.

Between the sorted trials x(1) <= ... <= x(n) lies the true q-quantile; how many trials fall below it is binomial(n, q).
So `P(x(l) <= quantile <= x(u)) >= P(l <= binomial(n, q) <= u - 1)` for independent trials of any distribution
(David & Nagaraja, Order Statistics, 3rd ed. 2003, section 7.1).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc

CONFIDENCE = 0.95
MEDIAN = 0.5
RESOLUTION_LIMITED = "resolution-limited: the values are equal, so their spread is below the clock's tick"


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval and the method that made it."""

    low: float
    high: float
    method: str


@dataclass(frozen=True, slots=True)
class NoInterval:
    """Why there is none. Never an interval of width zero."""

    why: str


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile that its trials support.

    Attributes:
        q: Between 0 and 1.
        value: The ceil(n q)-th smallest trial (the median: the mean of the two in the middle where n is even).
        n: Trials.
    """

    q: float
    value: float
    interval: Interval | NoInterval
    n: int


@dataclass(frozen=True, slots=True)
class NeedsTrials:
    """A quantile that its trials do not support.

    Attributes:
        n: Trials there are.
        needed: Trials that it takes.
    """

    q: float
    n: int
    needed: int

    def __str__(self) -> str:
        return f"needs {self.needed} trials (has {self.n})"


Percentile = Quantile | NeedsTrials


def needed_trials(q: float, confidence: float = CONFIDENCE, over: int = 0) -> int:
    """The least n at which the (over + 1)-largest trial is an upper confidence bound of the q-quantile.

    That is the least n with `P(binomial(n, 1 - q) <= over) <= 1 - confidence`. With `over=0`: the least n that gives
    a finite bound at all (p99 at 95 %: 299). With `over=1` and 99 %: the rule of MLPerf LoadGen's early stopping
    (`loadgen/early_stopping.cc` in mlcommons/inference; p99: 662).

    Args:
        q: Between 0 and 1, both excluded.
        confidence: Of the one-sided bound.
        over: Trials allowed above the bound.

    Raises:
        ValueError: `q` or `confidence` is not between 0 and 1, or `over` is negative.
    """
    if not (0 < q < 1 and 0 < confidence < 1 and over >= 0):
        raise ValueError(f"no number of trials for q={q}, confidence={confidence}, over={over}")

    def enough(n: int) -> bool:
        return float(bdtr(over, n, 1 - q)) <= 1 - confidence

    high = over + 1
    while not enough(high):
        high *= 2
    return _least(enough, over + 1, high)


def interval_ranks(n: int, q: float, confidence: float = CONFIDENCE) -> tuple[int, int] | None:
    """Ranks (l, u), from 1, of the trials that bound the q-quantile; `None` where n is too small for a finite bound.

    Each side may miss with half of what the confidence leaves. Where even the outermost trial misses more often than
    that on one side, the other side gets the rest, so that a finite interval exists from the n on at which
    `q**n + (1 - q)**n <= 1 - confidence`: for the tails (p90 and beyond) from `needed_trials(q)` on.
    """
    allowed = 1 - confidence
    all_above, all_below = (1 - q) ** n, q**n
    if n < 1 or all_above + all_below > allowed:
        return None
    half = allowed / 2
    miss_below = allowed - all_below if all_below > half else max(half, all_above)
    miss_above = allowed - all_above if all_above > half else max(half, all_below)
    lower = _least(lambda rank: float(bdtr(rank - 1, n, q)) > miss_below, 2, n + 1) - 1
    upper = _least(lambda rank: float(bdtrc(rank - 1, n, q)) <= miss_above, 1, n)
    return lower, upper


def percentile(values: NDArray[Any], q: float, confidence: float = CONFIDENCE) -> Percentile:
    """The q-quantile with its distribution-free interval, or how many trials that would take.

    The trials are taken to be independent; for a median of trials that may not be, ask `intervals.within_round`.

    Args:
        values: Trials without bad ones (`trials.validate_trials`), in any order.
        q: Between 0 and 1, both excluded.
        confidence: Of the two-sided interval.
    """
    n = int(values.size)
    ranks = interval_ranks(n, q, confidence)
    if ranks is None:
        return NeedsTrials(q=q, n=n, needed=_needed_both_sides(q, confidence))
    value_rank = math.ceil(round(n * q, 9))
    low, value, high = (float(x) for x in _ranked(values, (ranks[0], value_rank, ranks[1])))
    interval = Interval(low, high, "order statistics") if low < high else NoInterval(RESOLUTION_LIMITED)
    return Quantile(q=q, value=float(np.median(values)) if q == MEDIAN else value, interval=interval, n=n)


def _needed_both_sides(q: float, confidence: float) -> int:
    n = needed_trials(max(q, 1 - q), confidence)
    while interval_ranks(n, q, confidence) is None:
        n += 1
    return n


def _ranked(values: NDArray[Any], ranks: tuple[int, ...]) -> list[Any]:
    places = [rank - 1 for rank in ranks]
    ordered = np.partition(values, places)
    return [ordered[place] for place in places]


def _least(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The least integer from `low` to `high` for which a monotone condition holds; it holds for `high`."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
