"""Clusters of trials that lie well apart: 1 x, 1.25 x, 2 x.

Two families of methods are used together, because each alone fails where the other does not. A kernel density of the
logarithm proposes the clusters (it finds 1 % of the trials at 1.25 x, but takes the gaps of a scattered tail for
valleys); a test of every trough against a tail that merely falls confirms them.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.stats.basins import Basins
from stopwatt.stats.density import FINE, PIECE, log_histogram, smooth
from stopwatt.stats.ticks import spread_ticks

LEAST_BANDWIDTH = 0.01
"""Modes nearer than a few per cent are the business of `body`."""
DEPTH = 0.25
LEAST_COUNT = 5
LEAST_MASS = 0.005
APART = math.log(1.1)
CHANCE = 1e-3
MOST = 50
COARSE = 0.0025
"""Ticks longer than this share of the median trial are spread; shorter ones vanish in the bandwidth."""


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """A division of the positive numbers into clusters.

    Attributes:
        modes: Where the density of each is highest, rising, in the unit of the trials.
        bounds: Values between neighbours, one fewer than modes; a trial at a bound belongs to the cluster above.
        counts: Trials of each; none is empty.
        refused: Further clusters that the density proposed, but that a falling tail explains as well.
    """

    modes: tuple[float, ...]
    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    refused: int = 0

    @property
    def main(self) -> int:
        """Index of the cluster with the most trials."""
        return max(range(len(self.counts)), key=self.counts.__getitem__)

    def label(self, values: NDArray[Any]) -> NDArray[np.int8]:
        """Index of the cluster of each value."""
        labels = np.empty(values.size, dtype=np.int8)
        for begin in range(0, values.size, PIECE):
            labels[begin : begin + PIECE] = np.searchsorted(self.bounds, values[begin : begin + PIECE], side="right")
        return labels


def find_clusters(values: NDArray[Any], tick: float = 0.0, chance: float = CHANCE) -> Clusters:
    """The clusters of a series, one where nothing speaks for more.

    The density is that of the logarithm, with a bandwidth of 0.9 x 1.4826 MAD n^-0.2 (Silverman 1986, equation 3.31,
    with a scale that outliers do not reach), at least 1 %. Peaks are merged unless the valley between them is below
    25 % of the lower one, and where they are less than 10 % apart; a cluster holds at least 0.5 % of the trials and 5
    of them. Then every trough is tested against a density that falls outwards (`Basins.trough_p`, p <= 0.001); where
    that explains it, the two clusters are one.

    Linear in n; beyond the trials it takes a few megabytes, with a coarse tick a few times as much as the trials.

    Args:
        values: Positive and finite, at least one, in any order; trials of several processes aligned.
        tick: Step of the clock in the unit of the values, 0 where it does not matter.
        chance: Largest p-value of a trough; 1 believes every valley of the density.
    """
    histogram = log_histogram(values, LEAST_BANDWIDTH / FINE)
    if tick > COARSE * histogram.value_at(histogram.rank(0.5)):
        histogram = log_histogram(spread_ticks(values, tick), LEAST_BANDWIDTH / FINE)
    bandwidth = max(0.9 * histogram.deviation() * values.size**-0.2, LEAST_BANDWIDTH)
    basins = Basins(smooth(histogram, bandwidth))
    basins.merge_shallow(DEPTH)
    basins.merge_near(APART)
    basins.merge_light(max(LEAST_COUNT, LEAST_MASS * values.size), MOST)
    proposed = basins.peaks.size
    basins.merge_explained(chance, APART / 2)
    return _counted(values, basins, refused=proposed - basins.peaks.size)


def _counted(values: NDArray[Any], basins: Basins, refused: int) -> Clusters:
    """The basins as clusters. One that only the spreading of ticks had filled is given up."""
    place = basins.density.histogram.value_at
    while True:
        modes = tuple(place(peak + 0.5) for peak in basins.peaks)
        found = Clusters(modes, tuple(place(float(valley)) for valley in basins.valleys), (), refused)
        labels = found.label(values)
        counts = tuple(int(np.count_nonzero(labels == place)) for place in range(len(modes)))
        if all(counts):
            return replace(found, counts=counts)
        basins.merge(min(counts.index(0), len(modes) - 2))
