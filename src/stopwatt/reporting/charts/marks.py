"""How the clusters of a cell are marked in every figure of it: one colour and shape each, and their labels."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from stopwatt import units
from stopwatt.analyse.analysis import CellAnalysis
from stopwatt.analyse.picture import labels_of
from stopwatt.analyse.shape import Cluster
from stopwatt.reporting.charts.theme import CLUSTERS, SHAPES, cluster_ink

LABELLED = 6
"""Clusters that get a label; more would hide the points."""


def clusters_of(cell: CellAnalysis) -> tuple[Cluster, ...]:
    """The clusters by centre; none where the shape is not known."""
    return cell.shape.clusters if cell.shape is not None else ()


def main_place(clusters: Sequence[Cluster]) -> int:
    """Place of the main cluster among the others."""
    return max(range(len(clusters)), key=lambda place: clusters[place].count, default=0)


def marks_of(cell: CellAnalysis) -> list[int]:
    """The mark of each cluster: 0 for the main one, 1, 2, ... for the others by their centre."""
    clusters = clusters_of(cell)
    main = main_place(clusters)
    others = [place for place in range(len(clusters)) if place != main]
    marks = [0] * max(1, len(clusters))
    for mark, place in enumerate(others, start=1):
        marks[place] = (mark - 1) % (CLUSTERS - 1) + 1
    return marks


def marked(cell: CellAnalysis) -> list[NDArray[np.int8]]:
    """The mark of every trial, by round."""
    marks = np.array(marks_of(cell), dtype=np.int8)
    return [marks[labels] for labels in labels_of(cell.series, cell.shape.labels if cell.shape is not None else None)]


def labelled(cell: CellAnalysis) -> list[int]:
    """Places of the clusters that get a label: those with the most trials, in the order of their centres."""
    clusters = clusters_of(cell)
    return sorted(sorted(range(len(clusters)), key=lambda place: -clusters[place].count)[:LABELLED])


def label(cluster: Cluster, *, main: bool) -> str:
    """`1.25 x, 5.0 %`; the main cluster by its centre."""
    name = units.quantity(cluster.centre_s, "s") if main else units.ratio(cluster.ratio)
    return f"{name}, {units.percent(cluster.mass)}"


def mark_colour(field: str = "mark", *, name: bool = False) -> alt.Color:
    """Colour by mark, without a legend: clusters are labelled where they are."""
    colours = [cluster_ink(mark, name=name) for mark in range(CLUSTERS)]
    return alt.Color(f"{field}:N", legend=None, scale=alt.Scale(domain=list(range(CLUSTERS)), range=colours))


def mark_shape(field: str = "mark") -> alt.Shape:
    """Shape by mark, which says the same without colours."""
    shapes: list[Any] = list(SHAPES[:CLUSTERS])
    return alt.Shape(f"{field}:N", legend=None, scale=alt.Scale(domain=list(range(CLUSTERS)), range=shapes))
