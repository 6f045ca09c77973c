"""Which clusters of slow trials come together with what telemetry saw."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.estimate import Series
from stopwatt.analyse.labels import Label, Watched
from stopwatt.analyse.picture import labels_of
from stopwatt.analyse.shape import Form, Shape
from stopwatt.stats.coincidence import coincidence_p
from stopwatt.stats.ratios import holm

RISK = 0.01
"""Of one false coincidence in a cell, over all its clusters and labels."""


@dataclass(frozen=True, slots=True)
class Coincidence:
    """A cluster whose trials have a label more often than those of the main cluster.

    Attributes:
        cluster: Its place in `Shape.clusters`.
        inside, of_inside: Trials of the cluster that have the label, and those of which it is known.
        outside, of_outside: The same of the main cluster.
        p: Probability that so many have it by chance (`stats.coincidence`), adjusted for all that were looked at
            together (Holm).
    """

    cluster: int
    label: Label
    inside: int
    of_inside: int
    outside: int
    of_outside: int
    p: float

    @property
    def share(self) -> float:
        """Of the cluster."""
        return self.inside / self.of_inside

    @property
    def other_share(self) -> float:
        """Of the main cluster; 0 where none of its trials was watched."""
        return self.outside / self.of_outside if self.of_outside else 0.0


def coincidences_of(
    rounds: Sequence[Series], shape: Shape, watched: Sequence[Watched | None]
) -> tuple[Coincidence, ...]:
    """What each cluster beside the main one coincides with, the surest first.

    Args:
        rounds: Trials of the cell.
        shape: Of those.
        watched: Of each round; `None` where nothing was read.
    """
    if shape.form is Form.TOO_FEW or len(shape.clusters) < 2:  # noqa: PLR2004  (a main one and another)
        return ()
    marked = list(zip(labels_of(rounds, shape.labels), watched, strict=True))
    tested = list(_tests(shape, [(clusters, one) for clusters, one in marked if one is not None]))
    adjusted = holm([one.p for one in tested])
    found = [replace(one, p=p) for one, p in zip(tested, adjusted, strict=True) if p <= RISK]
    return tuple(sorted(found, key=lambda one: (one.p, -one.share)))


def _tests(shape: Shape, marked: Sequence[tuple[NDArray[np.int8], Watched]]) -> Iterator[Coincidence]:
    """Every slow cluster with every label that some trial has."""
    main = max(range(len(shape.clusters)), key=lambda place: shape.clusters[place].count)
    slow = [place for place in range(len(shape.clusters)) if shape.clusters[place].ratio > 1]
    for label in Label:
        seen = [(clusters, one.seen[label]) for clusters, one in marked if label in one.seen]
        known = [(clusters[told.known], told.flags[told.known]) for clusters, told in seen]
        if not any(flags.any() for _, flags in known):
            continue
        outside, of_outside = _counts(known, main)
        for place in slow:
            inside, of_inside = _counts(known, place)
            if inside:
                # Among these two clusters only: a third that has the label must not speak for this one.
                both = [
                    ((clusters == place)[kept], flags[kept])
                    for clusters, flags in known
                    if (kept := (clusters == place) | (clusters == main)).any()
                ]
                p = coincidence_p(both)
                yield Coincidence(place, label, inside, of_inside, outside, of_outside, p)


def _counts(known: Sequence[tuple[NDArray[np.int8], NDArray[np.bool_]]], place: int) -> tuple[int, int]:
    inside = sum(int(np.count_nonzero(flags[clusters == place])) for clusters, flags in known)
    return inside, sum(int(np.count_nonzero(clusters == place)) for clusters, _ in known)
