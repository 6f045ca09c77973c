"""What a figure of trials is drawn from: bins, steps, boxes, and fewer trials with the telling ones among them."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.estimate import Series
from stopwatt.stats.intervals import geometric_mean

MOST_BINS, LEAST_BINS = 90, 25
FENCE = 1.5
"""Interquartile ranges from the quartiles to the fences beyond which a trial is an outlier (Tukey 1977)."""
_NARROWEST = 1e-4
_RANKS = 45
_FEWEST_RANKS = 20
_OUTLIERS_DRAWN = 60

Labels = Mapping[int, NDArray[np.int8]]
"""Round number -> cluster of each trial, as in `Shape.labels`."""


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Counts in bins of equal width on the logarithm of latency.

    Attributes:
        edges_s: Seconds, rising, [bins + 1].
        counts: Trials of all rounds, [bins].
        clusters: Index of the cluster that most of a bin's trials belong to, [bins]; 0 for an empty one.
    """

    edges_s: NDArray[np.float64]
    counts: NDArray[np.int64]
    clusters: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Ecdf:
    """An empirical distribution function, thinned in the middle but not at its ends.

    Attributes:
        values_s: Trials, rising.
        below: Share of the trials that are at most so long.
    """

    values_s: NDArray[np.float64]
    below: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """A box plot of a cell; where there are several rounds, quartiles are geometric means of theirs.

    Attributes:
        low_s, high_s: Whiskers: the outermost trials inside the fences of their round.
        below, above: Trials outside the lower and the upper fence of their round.
        outliers_s: Those above, the largest always among them; at most 60.
    """

    low_s: float
    q1_s: float
    median_s: float
    q3_s: float
    high_s: float
    n: int
    below: int
    above: int
    outliers_s: NDArray[np.float64]

    def from_median(self, value_s: float) -> float:
        """Relative distance of a time from the median: 0.25 for 1.25 x."""
        return value_s / self.median_s - 1


def histogram_of(rounds: Sequence[Series], labels: Labels | None = None) -> Histogram:
    """Bins of all trials as they were measured, as wide as Freedman & Diaconis (1981) say for their logarithms.

    Args:
        rounds: At least one.
        labels: Clusters; one for all where absent.
    """
    values = np.concatenate([one.values for one in rounds])
    marks = np.concatenate(labels_of(rounds, labels)).astype(np.int64)
    edges = np.exp(_edges(np.log(values), marks))
    edges[0], edges[-1] = min(edges[0], values.min()), max(edges[-1], values.max())
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, edges.size - 2)
    table = np.zeros((int(marks.max()) + 1, edges.size - 1), dtype=np.int64)
    np.add.at(table, (marks, place), 1)
    return Histogram(edges, table.sum(axis=0), table.argmax(axis=0))


def _edges(logs: NDArray[np.float64], marks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Bins for the spread within the clusters: quartiles of several modes together would make three bins of them."""
    low, high = float(logs.min()), float(logs.max())
    centred = logs.copy()
    for index in np.unique(marks):
        centred[marks == index] -= np.median(logs[marks == index])
    q1, q3 = (float(x) for x in np.quantile(centred, [0.25, 0.75]))
    fine, coarse = (high - low) / MOST_BINS, (high - low) / LEAST_BINS
    wide = max(min(max(2 * (q3 - q1) * logs.size ** (-1 / 3), fine), coarse), _NARROWEST)
    bins = max(1, min(MOST_BINS, math.ceil((high - low) / wide)))
    if high - low < wide:  # one bin around all of them
        low, high = low - wide / 2, low + wide / 2
    return np.linspace(low, high, bins + 1)


def ecdf_of(values: NDArray[np.float64], rounds: int = 1) -> Ecdf:
    """The distribution function of one round at some 130 of its trials, at fewer where many rounds are drawn together.

    Args:
        values: Trials in any order, at least one.
        rounds: Drawn together.
    """
    ordered = np.sort(values)
    n = ordered.size
    each = max(_FEWEST_RANKS, _RANKS // rounds)
    near = np.unique(np.geomspace(1, n, each).round().astype(np.int64))  # ranks, dense at the beginning
    even = np.linspace(1, n, each).round().astype(np.int64)
    ranks = np.unique(np.concatenate([near, even, n + 1 - near]))
    kept = ordered[ranks - 1]
    below = np.searchsorted(ordered, kept, side="right") / n
    return Ecdf(kept, below)


def box_of(rounds: Sequence[Series]) -> Box:
    """The box plot of a cell.

    Args:
        rounds: At least one.
    """
    quartiles = np.array([np.quantile(one.values, [0.25, 0.5, 0.75]) for one in rounds])
    reach = FENCE * (quartiles[:, 2] - quartiles[:, 0])
    inside, above, below = [], [], 0
    for one, low, high in zip(rounds, quartiles[:, 0] - reach, quartiles[:, 2] + reach, strict=True):
        inside.append(one.values[(one.values >= low) & (one.values <= high)])
        above.append(one.values[one.values > high])
        below += int((one.values < low).sum())
    kept, outliers = np.concatenate(inside), np.sort(np.concatenate(above))
    q1, median, q3 = (geometric_mean(quartiles[:, place]) for place in range(3))
    n = kept.size + outliers.size + below
    drawn = _evenly(outliers, _OUTLIERS_DRAWN)
    return Box(float(kept.min()), q1, median, q3, float(kept.max()), n, below, outliers.size, drawn)


def _evenly(ordered: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """At most so many of them, the first and the last included."""
    if ordered.size <= most:
        return ordered
    return ordered[np.linspace(0, ordered.size - 1, most).round().astype(np.int64)]


def thin(values: NDArray[np.float64], clusters: NDArray[np.int8], most: int) -> NDArray[np.int64]:
    """Places of at most about `most` trials that look like all of them, rising.

    Kept are the trials of every cluster but the largest (where those are very many, evenly, with the extremes of each
    cluster), the smallest and the largest of each of many stretches of time, and of the rest every k-th.

    Args:
        values: Trials of one round in their order, [n].
        clusters: Of each trial, [n].
        most: At least 30.
    """
    n = values.size
    if n <= most:
        return np.arange(n)
    main = np.bincount(clusters).argmax()
    others = [np.flatnonzero(clusters == index) for index in np.unique(clusters) if index != main]
    kept = [_telling(places, values, most // (3 * len(others))) for places in others]
    stretches = np.array_split(np.arange(n), max(1, most // 9))
    kept += [np.array([part[values[part].argmin()], part[values[part].argmax()]]) for part in stretches]
    kept.append(np.linspace(0, n - 1, most // 3).round().astype(np.int64))
    return np.unique(np.concatenate(kept))


def _telling(places: NDArray[np.int64], values: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Evenly so many of a cluster's trials, and its extremes."""
    extremes = [places[values[places].argmin()], places[values[places].argmax()]]
    even = places[np.linspace(0, places.size - 1, min(most, places.size)).round().astype(np.int64)]
    return np.concatenate([even, extremes])


def labels_of(rounds: Sequence[Series], labels: Labels | None) -> list[NDArray[np.int8]]:
    """The clusters of each round's trials; those of a number that was measured twice stand one after the other.

    Args:
        rounds: In their order.
        labels: As in `Shape.labels`; one cluster for all where absent.
    """
    found, before = [], defaultdict[int, int](int)
    for one in rounds:
        start, n = before[one.round], one.values.size
        before[one.round] += n
        known = None if labels is None else labels.get(one.round)
        found.append(np.zeros(n, dtype=np.int8) if known is None else known[start : start + n])
    return found
