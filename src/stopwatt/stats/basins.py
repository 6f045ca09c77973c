"""The modes of a density, the valleys between them, and which of them are worth believing.

Every peak of a density has a basin: the values from the valley on its one side to the valley on its other. Peaks that a
density estimate shows by chance go away by merging basins: across shallow valleys, and where a basin holds too little.
"""

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from stopwatt.stats.density import Density

SHARES = (0.5, 0.75, 0.9, 1.0)
"""Parts of a basin whose shortest stretch is compared with the trough beside it."""


class Basins:
    """Peaks of a density from left to right and the valleys between neighbours; merging makes them fewer.

    Attributes:
        density: As given.
        peaks: Places of the peaks in bins of the histogram.
        heights: Of the density at the peaks.
        valleys: Places of the lowest points between neighbouring peaks, one fewer than peaks.
        floors: Of the density at the valleys.
    """

    def __init__(self, density: Density) -> None:
        heights = density.heights
        places = _peaks(heights)
        valleys = np.array([_valley(heights, a, b) for a, b in pairwise(places)], dtype=np.intp)
        self.density = density
        self.peaks: NDArray[np.intp] = places - density.margin
        self.heights: NDArray[np.float64] = heights[places]
        self.valleys: NDArray[np.intp] = valleys - density.margin
        self.floors: NDArray[np.float64] = heights[valleys]
        self._below = np.concatenate([[0], np.cumsum(density.histogram.counts)])

    @property
    def edges(self) -> NDArray[np.intp]:
        """Bins at which the basins begin, and the end of the last."""
        bins = self._below.size - 1
        found: NDArray[np.intp] = np.clip(np.concatenate([[0], self.valleys, [bins]]), 0, bins)
        return found

    @property
    def counts(self) -> NDArray[np.int64]:
        """Trials in each basin."""
        found: NDArray[np.int64] = np.diff(self._below[self.edges])
        return found

    @property
    def depths(self) -> NDArray[np.float64]:
        """Each valley's height as a share of the lower of its two peaks."""
        shares: NDArray[np.float64] = self.floors / np.minimum(self.heights[:-1], self.heights[1:])
        return shares

    def merge(self, valley: int) -> None:
        """Give up one valley; the higher of its two peaks stays."""
        lower = valley + 1 if self.heights[valley] >= self.heights[valley + 1] else valley
        self.peaks, self.heights = np.delete(self.peaks, lower), np.delete(self.heights, lower)
        self.valleys, self.floors = np.delete(self.valleys, valley), np.delete(self.floors, valley)

    def merge_shallow(self, depth: float) -> None:
        """Merge, the shallowest first, until every valley is below `depth` times the lower of its peaks."""
        while self.valleys.size:
            depths = self.depths
            shallowest = int(depths.argmax())
            if depths[shallowest] < depth:
                return
            self.merge(shallowest)

    def merge_light(self, least: float, most: int) -> None:
        """Merge the nearest neighbours until every basin holds at least `least` trials and at most `most` are left.

        Of the many small basins of a scattered tail, those that lie together become one before they fall to the body.
        """
        while self.valleys.size:
            light = self.counts < least
            if not light.any():
                if self.peaks.size <= most:
                    return
                light[:] = True
            distances = np.where(light[:-1] | light[1:], np.diff(self.peaks), np.inf)
            self.merge(int(distances.argmin()))

    def merge_near(self, apart: float) -> None:
        """Merge, the nearest first, until neighbouring peaks are at least so far apart, in units of ln."""
        least = apart / self.density.histogram.width
        while self.valleys.size:
            distances = np.diff(self.peaks)
            nearest = int(distances.argmin())
            if distances[nearest] >= least:
                return
            self.merge(nearest)

    def merge_explained(self, chance: float, least_width: float) -> None:
        """Merge, the likeliest chance first, until no trough is explained by chance (`trough_p` above `chance`)."""
        chances = [self.trough_p(valley, least_width) for valley in range(self.valleys.size)]
        while chances and max(chances) > chance:
            likeliest = chances.index(max(chances))
            self.merge(likeliest)
            del chances[likeliest]
            for valley in range(max(0, likeliest - 1), min(likeliest + 1, len(chances))):  # only these have changed
                chances[valley] = self.trough_p(valley, least_width)

    def trough_p(self, valley: int, least_width: float) -> float:
        """How well the trough between two peaks could be chance, if the density fell all the way outwards.

        Outwards is from the higher peak to the lower. If the density does not rise on the way, a trough of width g has
        at least the density of the stretch of width w behind it; so of the trials in both, at most a binomial share
        w / (g + w) lies in the stretch. The p-value is that of so few in the trough, conditional on the sum; the
        smallest over the troughs that end where the stretch begins, and over the shortest stretches that hold 50, 75,
        90 and 100 % of the outer basin. It is not corrected for that choice: its threshold is calibrated on simulated
        tails (`docs/results/detection.md`). Two trials are spent on defining the stretch.

        The idea is that of tests of a mode against the density beside it (Minnotte 1997, Nonparametric testing of the
        existence of modes, Ann. Statist. 25).

        Args:
            valley: Index of the valley.
            least_width: Shortest trough to look at, in units of ln.
        """
        upwards = bool(self.heights[valley] >= self.heights[valley + 1])
        counts = self.density.histogram.counts if upwards else self.density.histogram.counts[::-1]
        bins = counts.size
        below = np.concatenate([[0], np.cumsum(counts)])
        outer, inner = (valley + 1, valley) if upwards else (valley, valley + 1)
        begin, end = self.edges[outer], self.edges[outer + 1]
        peak = int(self.peaks[inner])
        if not upwards:
            begin, end, peak = bins - end, bins - begin, bins - 1 - peak
        least = max(1, math.ceil(least_width / self.density.histogram.width))
        stretches = [_shortest(below, int(begin), int(end), share) for share in SHARES]
        return min(_trough_p(below, max(0, peak), least, *stretch) for stretch in stretches)


def _trough_p(below: NDArray[np.int64], peak: int, least: int, start: int, stop: int) -> float:
    widths = np.arange(least, start - peak + 1)
    spent = 2
    behind = int(below[stop] - below[start]) - spent
    if widths.size == 0 or behind < 1:
        return 1.0
    inside = below[start] - below[start - widths]
    chances: NDArray[np.float64] = bdtr(inside, inside + behind, widths / (widths + stop - start))
    return float(chances.min())


def _shortest(below: NDArray[np.int64], begin: int, end: int, share: float) -> tuple[int, int]:
    """The shortest run of bins within [begin, end) that holds a share of its trials."""
    wanted = math.ceil(share * (below[end] - below[begin]))
    starts = np.arange(begin, end)
    stops = np.searchsorted(below, below[starts] + wanted)
    widths = np.where(stops <= end, stops - starts, below.size)
    best = int(widths.argmin())
    return int(starts[best]), int(stops[best])


def _peaks(heights: NDArray[np.float64]) -> NDArray[np.intp]:
    """Places of the local maxima; the middle of a flat one. The ends are 0 and never maxima."""
    ends = np.append(np.flatnonzero(np.diff(heights)), heights.size - 1)
    starts = np.concatenate([[0], ends[:-1] + 1])
    rises = np.diff(heights[ends]) > 0
    tops = np.flatnonzero(rises[:-1] & ~rises[1:]) + 1
    middles: NDArray[np.intp] = (starts[tops] + ends[tops]) // 2
    return middles


def _valley(heights: NDArray[np.float64], first: int, second: int) -> int:
    """The middle of the lowest stretch between two peaks."""
    between = heights[first:second]
    lowest = np.flatnonzero(between == between.min())
    return first + int(lowest[lowest.size // 2])
