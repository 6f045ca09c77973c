"""A distribution on one line of a table: whiskers, box, median, and each cluster of slow calls as a dot of its mass."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from stopwatt import units
from stopwatt.analyse.analysis import Analysis, CellAnalysis
from stopwatt.analyse.level import level_of
from stopwatt.analyse.picture import box_of
from stopwatt.reporting.charts import marks
from stopwatt.reporting.charts.frame import Span, span

WIDTH = 150
_LARGEST = 9.0
_SMALLEST = 1.2


@dataclass(frozen=True, slots=True)
class Dot:
    """A cluster: where, how large, and its mark."""

    x: float
    radius: float
    mark: int


@dataclass(frozen=True, slots=True)
class Strip:
    """Places in pixels on an axis that all rows share; a cell without trials has only a middle."""

    middle: float
    low: float | None = None
    q1: float | None = None
    q3: float | None = None
    high: float | None = None
    largest: float | None = None
    dots: tuple[Dot, ...] = ()


def strips_of(analysis: Analysis) -> tuple[list[Strip | None], tuple[tuple[float, str], ...]]:
    """A strip for every cell that has a latency, and the labelled ticks of their axis."""
    axis = span(list(_ends(analysis)), room=0.02)
    strips = [_strip(cell, axis) for cell in analysis.cells]
    ticks = [(round(WIDTH * axis.at(tick), 1), units.exact(tick * axis.scale.factor, "s")) for tick in _few(axis)]
    return strips, tuple(ticks)


def _few(axis: Span) -> list[float]:
    """The first and the last tick: there is no room for more words."""
    return [axis.ticks[0], axis.ticks[-1]] if len(axis.ticks) > 1 else list(axis.ticks)


def _ends(analysis: Analysis) -> Iterator[float]:
    for cell in analysis.cells:
        if cell.series:
            yield from (float(end) for one in cell.series for end in (one.values.min(), one.values.max()))
        elif (value := _typical(cell)) is not None:
            yield value


def _typical(cell: CellAnalysis) -> float | None:
    level = level_of(cell.row)
    return level.value if level is not None else None


def _strip(cell: CellAnalysis, axis: Span) -> Strip | None:
    def at(value_s: float) -> float:
        return round(WIDTH * axis.at(value_s / axis.scale.factor), 1)

    if not cell.series:
        typical = _typical(cell)
        return None if typical is None else Strip(at(typical))
    box = box_of(cell.series)
    largest = max(float(one.values.max()) for one in cell.series)
    clusters, marked = marks.clusters_of(cell), marks.marks_of(cell)
    dots = tuple(
        Dot(at(cluster.centre_s), round(max(_SMALLEST, _LARGEST * math.sqrt(cluster.mass)), 1), mark)
        for cluster, mark in zip(clusters, marked, strict=False)
        if mark
    )
    low, q1, middle, q3, high = map(at, (box.low_s, box.q1_s, box.median_s, box.q3_s, box.high_s))
    return Strip(middle, low, q1, q3, high, at(largest), dots)
