"""Cells as points of a grid: which coordinates vary, and the lines along each of them."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stopwatt.analyse.row import Row
from stopwatt.records import Cell, Scalar
from stopwatt.units import quantity

WORKLOAD = "workload"
VERSION = "version"
IDLE = "idle"
MACHINE = "machine"
_SETUP = ("backend", "precision", "batch", "device", "threads", "boundary", IDLE, MACHINE, VERSION)
_SHOWN_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Axis:
    """A coordinate with more than one value.

    Attributes:
        name: A workload parameter (`hidden`), or `workload`, `backend`, `precision`, `batch`, `device`, `threads`,
            `boundary`, `idle` (s), `machine`, `version`.
        values: Numbers by size, anything else in the order of its first appearance.
    """

    name: str
    values: tuple[Scalar, ...]

    @property
    def numeric(self) -> bool:
        """Whether its values are finite numbers, so that a growth along it has a meaning."""
        return all(_is_number(value) for value in self.values)


@dataclass(frozen=True, slots=True)
class Point:
    """A cell at its place.

    Attributes:
        where: Every coordinate of the cell, also those that are the same for all.
    """

    where: Mapping[str, Scalar]
    row: Row


@dataclass(frozen=True, slots=True)
class Line:
    """Points along one axis that agree in every other coordinate, in the order of the axis.

    Attributes:
        fixed: The other coordinates that vary in the grid.
    """

    axis: Axis
    fixed: Mapping[str, Scalar]
    points: tuple[Point, ...]

    @property
    def label(self) -> str:
        """`layers=3, seq=256`."""
        return place(self.fixed)


@dataclass(frozen=True, slots=True)
class Grid:
    """Points and the coordinates that vary among them.

    Attributes:
        axes: In the order: workload, parameters, setup.
        fixed: What is the same for all points.
        points: In the order of the rows. No two of them agree in every coordinate.
    """

    axes: tuple[Axis, ...]
    fixed: Mapping[str, Scalar]
    points: tuple[Point, ...]

    def axis(self, name: str) -> Axis | None:
        """The axis of that name; `None` where it does not vary."""
        return next((axis for axis in self.axes if axis.name == name), None)

    def lines(self, axis: Axis, moving: Sequence[str] = ()) -> Iterator[Line]:
        """Every line along an axis with at least two points.

        Args:
            axis: One of `axes`.
            moving: Names of axes that change together with it (`tied`): points need not agree in them.
        """
        groups: dict[tuple[Scalar | None, ...], list[Point]] = defaultdict(list)
        others = [other.name for other in self.axes if other.name not in (axis.name, *moving)]
        for point in self.points:
            if axis.name in point.where:
                groups[tuple(point.where.get(name) for name in others)].append(point)
        order = {value: position for position, value in enumerate(axis.values)}
        for members in groups.values():
            if len(members) > 1:
                where = members[0].where
                fixed = {name: where[name] for name in others if name in where}
                ordered = sorted(members, key=lambda point: order[point.where[axis.name]])
                yield Line(axis, fixed, tuple(ordered))

    def tied(self, axis: Axis) -> tuple[str, ...]:
        """Names of the other numeric axes that rise exactly when this one does (a zip of two sizes)."""
        return tuple(other.name for other in self.axes if other.name != axis.name and _tied(self.points, axis, other))

    def scales(self) -> Iterator[tuple[Axis, tuple[str, ...]]]:
        """The numeric axes along which something grows, each with the names of those tied to it; a pause is no size.

        What is tied to an axis does not come again.
        """
        seen: set[str] = set()
        for axis in self.axes:
            if axis.numeric and axis.name not in {*seen, IDLE}:
                tied = self.tied(axis)
                seen |= {axis.name, *tied}
                yield axis, tied

    def label(self, point: Point) -> str:
        """What tells a point from the others: `layers=3, hidden=256, backend=eager`."""
        return place({axis.name: point.where[axis.name] for axis in self.axes if axis.name in point.where})


def place(where: Mapping[str, Scalar]) -> str:
    """Coordinates as people read them: `layers=3, seq=256`."""
    return ", ".join(f"{name}={shown(name, value)}" for name, value in where.items())


def coordinates(cell: Cell) -> dict[str, Scalar]:
    """Every coordinate of a cell. A parameter that is called like a part of the setup becomes `workload.NAME`."""
    setup = cell.setup
    params = {_free(name): value for name, value in cell.workload.params.items()}
    return {
        WORKLOAD: cell.workload.source,
        **params,
        "backend": setup.backend_label,
        "precision": str(setup.precision),
        "batch": setup.batch,
        "device": setup.device,
        "threads": setup.threads,
        "boundary": str(cell.protocol.boundary),
        IDLE: cell.protocol.idle_s,
        MACHINE: cell.machine,
    }


def arrange(rows: Sequence[Row]) -> Grid:
    """The grid that rows span.

    Cells that agree in every coordinate but are not the same (other code, software or rules of measuring) get a
    `version`: `1`, `2`, ... in the order in which they appear.
    """
    points = tuple(Point(where, row) for where, row in zip(_distinct(rows), rows, strict=True))
    found: dict[str, dict[Scalar, None]] = {}
    holders: Counter[str] = Counter()
    for point in points:
        holders.update(point.where.keys())
        for name, value in point.where.items():
            found.setdefault(name, {})[value] = None
    names = [name for name in found if name not in (WORKLOAD, *_SETUP)]
    order = [name for name in (WORKLOAD, *names, *_SETUP) if name in found]
    follows = _following(points, names)
    axes = [Axis(name, _sorted(tuple(found[name]))) for name in order if len(found[name]) > 1 and name not in follows]
    same = [name for name in order if len(found[name]) == 1 and holders[name] == len(points)]
    return Grid(tuple(axes), {name: next(iter(found[name])) for name in same}, points)


def _following(points: Sequence[Point], names: Sequence[str]) -> set[str]:
    """Parameters that only follow from the workload: of one value in each, where there are several workloads."""
    values: dict[tuple[str, Scalar], set[Scalar]] = defaultdict(set)
    for point in points:
        for name in names:
            if name in point.where:
                values[name, point.where[WORKLOAD]].add(point.where[name])
    workloads = {point.where[WORKLOAD] for point in points}
    varying = {name for (name, _), found in values.items() if len(found) > 1}
    return set(names) - varying if len(workloads) > 1 else set()


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Rows by the values of the axes that they span, the last changing fastest; numbers by size, names as they came.

    What is read from a store comes in the order in which it was measured, which is random.
    """
    grid = arrange(rows)
    order = [(axis.name, {value: number for number, value in enumerate(axis.values)}) for axis in grid.axes]
    places = [[order_of.get(point.where.get(name, ""), -1) for name, order_of in order] for point in grid.points]
    return [rows[number] for number in sorted(range(len(rows)), key=places.__getitem__)]


def _distinct(rows: Sequence[Row]) -> list[dict[str, Scalar]]:
    places = [coordinates(row.cell) for row in rows]
    keys = [tuple(sorted(where.items())) for where in places]
    if len(set(keys)) == len(keys):
        return places
    seen: Counter[tuple[tuple[str, Scalar], ...]] = Counter()
    for where, key in zip(places, keys, strict=True):
        seen[key] += 1
        where[VERSION] = str(seen[key])
    return places


def _free(name: str) -> str:
    return f"{WORKLOAD}.{name}" if name in (WORKLOAD, *_SETUP) else name


def _tied(points: Sequence[Point], axis: Axis, other: Axis) -> bool:
    if not (axis.numeric and other.numeric) or len(axis.values) != len(other.values):
        return False
    pairs = {(point.where.get(axis.name), point.where.get(other.name)) for point in points}
    return pairs == set(zip(axis.values, other.values, strict=True))


def _sorted(values: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    if all(_is_number(value) for value in values):
        return tuple(sorted(values, key=float))
    return values


def _is_number(value: Scalar) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def shown(name: str, value: Scalar) -> Scalar:
    """A coordinate's value as people read it: a machine by the first digits of its digest, a pause with its unit."""
    if name == IDLE:
        return quantity(float(value), "s")
    return str(value)[:_SHOWN_DIGITS] if name == MACHINE else value
