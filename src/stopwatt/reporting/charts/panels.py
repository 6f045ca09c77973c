"""Which coordinates of a grid become columns, rows and lines of small multiples, and which are held fixed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from stopwatt.analyse.analysis import Analysis, CellAnalysis
from stopwatt.analyse.grid import Axis, Point, place
from stopwatt.records import Scalar
from stopwatt.reporting.charts.frame import ROWS, shortened
from stopwatt.reporting.charts.setups import SETUP_AXES

MOST_PANELS_ACROSS = 6
MOST_ROWS = 4000
"""Rows of data in one figure: beyond 5,000 the document becomes heavier than what can be seen in it."""

Where = Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Panels:
    """Small multiples over a grid.

    Attributes:
        lines, column, row: Axes for lines within a panel, panels side by side, panels below each other.
        fixed: Values of the axes that found no place.
        cells: Those at the fixed values.
    """

    cells: tuple[CellAnalysis, ...]
    points: tuple[Point, ...]
    lines: Axis | None = None
    column: Axis | None = None
    row: Axis | None = None
    fixed: Where | None = None

    def labels(self, point: Point) -> dict[str, str]:
        """The panel and the line of a point, by column of data."""
        return {
            "column": panel_label(self.column, point),
            "row": panel_label(self.row, point),
            "line": panel_label(self.lines, point),
        }

    def order(self, name: str) -> list[str]:
        """Labels of the columns or rows in the order of their axis."""
        axis: Axis | None = getattr(self, name)
        return [] if axis is None else [_label(axis, value) for value in axis.values]

    @property
    def held(self) -> str:
        """`at seq=128`, or nothing."""
        return f"at {place(self.fixed)}" if self.fixed else ""


def panel_label(axis: Axis | None, point: Point) -> str:
    """`layers = 2`."""
    return "" if axis is None or axis.name not in point.where else _label(axis, point.where[axis.name])


def _label(axis: Axis, value: Scalar) -> str:
    return f"{axis.name} = {shortened(str(value), 24)}"


def lay_out(analysis: Analysis, used: Sequence[str], slots: Sequence[str], focus: Where, rows_each: int = 1) -> Panels:
    """Give the axes that a figure does not use a place in it.

    Args:
        analysis: Of the grid.
        used: Axes that the figure shows itself.
        slots: Of `lines`, `column`, `row`, in the order in which they are filled.
        focus: Values at which axes without a place are held.
        rows_each: Rows of data that a cell takes.
    """
    given = [axis for axis in analysis.grid.axes if axis.name not in used and axis.name not in SETUP_AXES]
    placed = dict(zip(slots, sorted(given, key=lambda axis: len(axis.values)), strict=False))
    fitting = {slot: axis for slot, axis in placed.items() if slot == "lines" or _fits(axis)}
    while True:
        held = {axis.name: focus[axis.name] for axis in given if axis not in fitting.values() and axis.name in focus}
        chosen = [(cell, point) for cell, point in pairs(analysis) if _at(point, held)]
        if len(chosen) * rows_each <= MOST_ROWS or not fitting:
            break
        fitting.popitem()
    cells, points = zip(*chosen, strict=True) if chosen else ((), ())
    return Panels(cells, points, fitting.get("lines"), fitting.get("column"), fitting.get("row"), held)


def pairs(analysis: Analysis) -> Iterator[tuple[CellAnalysis, Point]]:
    """Each cell with its place."""
    return zip(analysis.cells, analysis.grid.points, strict=True)


def _fits(axis: Axis) -> bool:
    return len(axis.values) <= MOST_PANELS_ACROSS


def _at(point: Point, held: Where) -> bool:
    return all(point.where.get(name) == value for name, value in held.items())


def faceted(chart: alt.LayerChart, panels: Panels) -> Any:
    """The chart once for each panel; alone where there is only one."""
    encodings: dict[str, Any] = {}
    if panels.column is not None:
        encodings["column"] = alt.Column("column:N", title=None, sort=panels.order("column"))
    if panels.row is not None:
        encodings["row"] = alt.Row("row:N", title=None, sort=panels.order("row"), header=alt.Header(labelAngle=-90))
    if not encodings:
        return chart
    return chart.properties(data=alt.NamedData(name=ROWS)).facet(**encodings, spacing=14)
