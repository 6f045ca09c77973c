"""A grid of cells seen along two of its axes, and which axes are worth it."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, log

from stopwatt.analyse.grid import Axis, Grid
from stopwatt.analyse.level import level_of
from stopwatt.analyse.row import Row
from stopwatt.records import Scalar

Place = tuple[Scalar, Scalar]


@dataclass(frozen=True, slots=True)
class Effect:
    """How much an axis matters.

    Attributes:
        span: Slowest / fastest along a line of the axis, the geometric mean of all its lines.
        tied: Names of axes that rise with it (a zip).
    """

    axis: Axis
    span: float
    tied: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`hidden`, or `hidden+seq` where both rise together."""
        return "+".join((self.axis.name, *self.tied))


@dataclass(frozen=True, slots=True)
class Pivot:
    """A metric by two axes.

    Attributes:
        rows, columns: The axes.
        over: The other axes that vary.
        values: Geometric mean by (row, column), over those combinations of the other axes that have a value in every
            column of the row: a row compares like with like.
        combinations: How many these are, by row.
    """

    rows: Effect
    columns: Effect
    over: tuple[str, ...]
    values: Mapping[Place, float]
    combinations: Mapping[Scalar, int]


def effects_of(grid: Grid) -> list[Effect]:
    """The axes along which latencies were measured, by falling effect."""
    found = []
    tied = {axis.name: others for axis, others in grid.scales()}
    hidden = {name for others in tied.values() for name in others}
    for axis in grid.axes:
        if axis.name not in hidden:
            spans = list(_spans(grid, axis, tied.get(axis.name, ())))
            if spans:
                found.append(Effect(axis, exp(sum(spans) / len(spans)), tied.get(axis.name, ())))
    return sorted(found, key=lambda effect: -effect.span)


def _spans(grid: Grid, axis: Axis, tied: tuple[str, ...]) -> list[float]:
    """ln(slowest / fastest) of each line with at least two latencies."""
    spans = []
    for line in grid.lines(axis, tied):
        levels = [level.value for point in line.points if (level := level_of(point.row)) is not None]
        if len(levels) > 1:
            spans.append(log(max(levels) / min(levels)))
    return spans


def latency_of(row: Row) -> float | None:
    """The typical latency of a cell in seconds."""
    level = level_of(row)
    return None if level is None else level.value


def pivot_of(grid: Grid, rows: Effect, columns: Effect, value: Callable[[Row], float | None] = latency_of) -> Pivot:
    """The grid by two of its axes.

    Args:
        grid: Of cells.
        rows: The axis of the rows.
        columns: The axis of the columns.
        value: What is shown of a cell, positive; `None` where it has none.
    """
    used = {rows.axis.name, columns.axis.name, *rows.tied, *columns.tied}
    over = tuple(axis.name for axis in grid.axes if axis.name not in used)
    levels: dict[Place, dict[tuple[Scalar | None, ...], float]] = defaultdict(dict)
    for point in grid.points:
        level = value(point.row)
        if level is not None and {rows.axis.name, columns.axis.name} <= point.where.keys():
            place = point.where[rows.axis.name], point.where[columns.axis.name]
            levels[place][tuple(point.where.get(name) for name in over)] = level
    values: dict[Place, float] = {}
    combinations: dict[Scalar, int] = {}
    for row in rows.axis.values:
        shared = set.intersection(*(set(levels[row, column]) for column in columns.axis.values))
        combinations[row] = len(shared)
        for column in columns.axis.values if shared else ():
            values[row, column] = exp(sum(log(levels[row, column][one]) for one in shared) / len(shared))
    return Pivot(rows, columns, over, values, combinations)
