"""The trials of several processes on one scale.

Processes differ in level: memory layout, caches and clocks make one a few per cent slower than the other, for all of
its trials. Pooled as they are, they show modes that no process has. So each round is divided by the level of its main
mode before the trials are looked at together; how far the levels differ is a finding of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.estimate import Series
from stopwatt.stats.clusters import Clusters, find_clusters
from stopwatt.stats.intervals import geometric_mean
from stopwatt.stats.ticks import infer_tick

AT_HOME = 0.1
"""A round with at least this share of its trials in the main cluster of all rounds has its level there."""
LEAST_LATTICE = 8
"""Distinct values on a lattice that it takes to believe a tick coarser than the one the clock showed."""


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """Rounds on one scale.

    Attributes:
        values: Trials of each round, in order, multiplied so that all rounds have the same level.
        pooled: The same in one array.
        levels: Main mode of each round as it was measured, in the unit of the trials.
        tick: Step of the clock in the unit of the trials; 0 where none shows.
        clusters: Of the pooled trials.
        within: Standard deviation of the logarithm within the main cluster, from its quartiles.
    """

    values: tuple[NDArray[np.float64], ...]
    pooled: NDArray[np.float64]
    levels: NDArray[np.float64]
    tick: float
    clusters: Clusters
    within: float

    @property
    def between(self) -> float:
        """Standard deviation of the logarithms of the levels; 0 for one round."""
        return float(np.log(self.levels).std(ddof=1)) if self.levels.size > 1 else 0.0

    @property
    def main_values(self) -> NDArray[np.float64]:
        """The pooled trials of the main cluster."""
        found: NDArray[np.float64] = self.pooled[self.clusters.label(self.pooled) == self.clusters.main]
        return found


def align(rounds: Sequence[Series], tick: float | None) -> Aligned:
    """Bring rounds to one level and find their clusters together.

    A round's level is that of its trials in the main cluster of all rounds as they were measured; a round that has
    hardly any there, because all of it ran at another level, is aligned by its own main cluster.

    Args:
        rounds: At least one.
        tick: Step of the clock that measured them, in the unit of the trials; `None` where it is not known.
    """
    step = _tick(rounds, tick)
    pooled = np.concatenate([series.values for series in rounds]) if len(rounds) > 1 else rounds[0].values
    clusters = find_clusters(pooled, step)
    levels = np.array([_level(series.values, clusters, step) for series in rounds])
    values = tuple(series.values for series in rounds)
    if len(rounds) > 1:
        common = geometric_mean(levels)
        values = tuple(one * (common / level) for one, level in zip(values, levels, strict=True))
        pooled = np.concatenate(values)
        clusters = find_clusters(pooled, step)
    main = pooled[clusters.label(pooled) == clusters.main]
    low, high = np.quantile(main, [0.25, 0.75])
    return Aligned(values, pooled, levels, step, clusters, math.log(high / low) / 1.349)


def _tick(rounds: Sequence[Series], known: float | None) -> float:
    """The coarser of what the clock showed and what the trials show, where they show it beyond doubt."""
    least = LEAST_LATTICE if known else 2
    return max([known or 0.0, *(infer_tick(series.values, least) for series in rounds)])


def _level(values: NDArray[np.float64], clusters: Clusters, tick: float) -> float:
    at_home = values[clusters.label(values) == clusters.main]
    if at_home.size < AT_HOME * values.size:
        own = find_clusters(values, tick)
        at_home = values[own.label(values) == own.main]
    low, high = np.quantile(at_home, [0.25, 0.75])
    middle = at_home[(at_home >= low) & (at_home <= high)]
    return geometric_mean(middle if middle.size else at_home)  # between the quartiles of two trials there is none
