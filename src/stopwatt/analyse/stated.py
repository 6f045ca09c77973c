"""Means that somebody else computed: what they are worth without their trials."""

from collections.abc import Sequence
from dataclasses import replace

from stopwatt.analyse.estimate import Estimate, counted
from stopwatt.records import Measured, Measurement
from stopwatt.stats.intervals import LEAST_ROUNDS

MEAN = "mean_latency"
TRIALS = "mean_latency_trials"
DEVIATION = "mean_latency_sd"
"""The readings of a round of an imported table: the mean, and where it says so the trials behind it and their standard
deviation."""


def as_stated(estimate: Estimate, rounds: Sequence[Measurement]) -> Estimate:
    """The same estimate of `MEAN`, with the trials that are said to stand behind it.

    From 3 rounds on the interval is that of the rounds' means. With fewer there is none, even if a standard deviation
    is stated: whether the trials depended on each other is not known, and an interval that takes them for independent
    may be far too narrow.
    """
    counts = [reading.value for one in rounds if isinstance(reading := one.readings.get(TRIALS), Measured)]
    trials = int(sum(counts)) if len(counts) == estimate.rounds else None
    behind = "" if trials is None else f" of {counted(trials, 'trial')}"
    means = "stated mean" if estimate.rounds == 1 else f"{estimate.rounds} stated means"
    n = estimate.n if trials is None else trials
    if estimate.rounds >= LEAST_ROUNDS:
        method = f"t on {means}" if estimate.low is not None else f"geometric mean of {means}"
        return replace(estimate, n=n, method=method + behind)
    method = means if estimate.rounds == 1 else f"geometric mean of {means}"
    return replace(estimate, n=n, method=method + behind, why="no interval: only means are stated, not their trials")
