"""Intervals of a typical value: across rounds where there are enough, within one round otherwise.

Rounds are fresh processes, and processes differ (memory layout, caches, clock boost) by more than the trials of one of
them can tell (Kalibera & Jones, Rigorous Benchmarking in Reasonable Time, 2013): so the unit that is counted is the
round. Pooling the trials of several rounds gives intervals that are far too narrow.
"""

import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from stopwatt.stats.autocorrelation import looks_independent
from stopwatt.stats.bootstrap import bootstrap_median
from stopwatt.stats.quantiles import (
    CONFIDENCE,
    MEDIAN,
    RESOLUTION_LIMITED,
    Interval,
    NeedsTrials,
    NoInterval,
    percentile,
)

LEAST_ROUNDS = 3
SAME = 1e-12
"""Relative differences below this are the rounding of floating-point numbers."""
LARGEST_LOG = math.log(sys.float_info.max)


def geometric_mean(values: NDArray[Any]) -> float:
    """Geometric mean of positive values: the centre of `across_rounds`, and the same for times and for rates."""
    if np.ptp(values) == 0:
        return float(values[0])  # spared the rounding of logarithms
    return math.exp(float(np.log(values).mean()))


def across_rounds(values: NDArray[Any], confidence: float = CONFIDENCE) -> Interval | NoInterval:
    """t-interval on the logarithms of one positive value per round, at least 3 rounds.

    Args:
        values: A median (or another summary) per round.
        confidence: Of the two-sided interval.
    """
    rounds = int(values.size)
    if rounds < LEAST_ROUNDS:
        return NoInterval(f"needs {LEAST_ROUNDS} rounds (has {rounds})")
    logs = np.log(values)
    if np.ptp(logs) < SAME:
        return NoInterval(f"all {rounds} rounds gave the same value")
    half = float(stdtrit(rounds - 1, (1 + confidence) / 2)) * float(logs.std(ddof=1)) / math.sqrt(rounds)
    centre = float(logs.mean())
    if centre + half > LARGEST_LOG:
        return NoInterval(f"the {rounds} rounds differ beyond all measure")
    return Interval(math.exp(centre - half), math.exp(centre + half), f"t on {rounds} rounds")


def within_round(values: NDArray[Any], confidence: float = CONFIDENCE, seed: int = 0) -> Interval | NoInterval:
    """Interval of the median of one round; it says nothing about other rounds.

    Exact order statistics where the trials look independent (`autocorrelation.ljung_box`), a moving-block bootstrap
    where they do not.

    Args:
        values: Trials without bad ones, in the order in which they happened.
        confidence: Of the two-sided interval.
        seed: Of the bootstrap.
    """
    if values.size > 1 and np.ptp(values) == 0:
        return NoInterval(RESOLUTION_LIMITED)
    if not looks_independent(values):
        return bootstrap_median(values, confidence, seed)
    median = percentile(values, MEDIAN, confidence)
    return NoInterval(str(median)) if isinstance(median, NeedsTrials) else median.interval
