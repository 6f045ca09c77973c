"""Cells as points of a grid: which coordinates vary, and the lines along each of them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stopwatt.analyse.row import Row
from stopwatt.records import Cell, Scalar

WORKLOAD = "workload"
_SETUP = ("backend", "precision", "batch", "device", "threads", "boundary", "machine")


@dataclass(frozen=True, slots=True)
class Axis:
    """A coordinate with more than one value.

    Attributes:
        name: A workload parameter (`hidden`), or `workload`, `backend`, `precision`, `batch`, `device`, `threads`,
            `boundary`, `machine`.
        values: Numbers by size, anything else in the order of its first appearance.
    """

    name: str
    values: tuple[Scalar, ...]

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers, so that a growth along it has a meaning."""
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
        points: In the order of the rows.
    """

    axes: tuple[Axis, ...]
    fixed: Mapping[str, Scalar]
    points: tuple[Point, ...]

    def axis(self, name: str) -> Axis | None:
        """The axis of that name; `None` where it does not vary."""
        return next((axis for axis in self.axes if axis.name == name), None)

    def lines(self, axis: Axis) -> Iterator[Line]:
        """Every line along an axis with at least two points."""
        groups: dict[tuple[Scalar | None, ...], list[Point]] = defaultdict(list)
        others = [other.name for other in self.axes if other.name != axis.name]
        for point in self.points:
            if axis.name in point.where:
                groups[tuple(point.where.get(name) for name in others)].append(point)
        for members in groups.values():
            if len(members) > 1:
                where = members[0].where
                fixed = {name: where[name] for name in others if name in where}
                ordered = sorted(members, key=lambda point: axis.values.index(point.where[axis.name]))
                yield Line(axis, fixed, tuple(ordered))

    def label(self, point: Point) -> str:
        """What tells a point from the others: `layers=3, hidden=256, backend=eager`."""
        return place({axis.name: point.where[axis.name] for axis in self.axes if axis.name in point.where})


def place(where: Mapping[str, Scalar]) -> str:
    """Coordinates as people read them: `layers=3, seq=256`."""
    return ", ".join(f"{name}={value}" for name, value in where.items())


def coordinates(cell: Cell) -> dict[str, Scalar]:
    """Every coordinate of a cell."""
    setup = cell.setup
    return {
        WORKLOAD: cell.workload.source,
        **cell.workload.params,
        "backend": setup.backend_label,
        "precision": str(setup.precision),
        "batch": setup.batch,
        "device": setup.device,
        "threads": setup.threads,
        "boundary": str(cell.protocol.boundary),
        "machine": cell.machine,
    }


def arrange(rows: Sequence[Row]) -> Grid:
    """The grid that rows span."""
    points = tuple(Point(coordinates(row.cell), row) for row in rows)
    found: dict[str, dict[Scalar, None]] = {}
    for point in points:
        for name, value in point.where.items():
            found.setdefault(name, {})[value] = None
    names = [name for name in found if name not in (WORKLOAD, *_SETUP)]
    order = [name for name in (WORKLOAD, *names, *_SETUP) if name in found]
    axes = [Axis(name, _sorted(tuple(found[name]))) for name in order if len(found[name]) > 1]
    fixed = {name: next(iter(found[name])) for name in order if len(found[name]) == 1}
    return Grid(tuple(axes), fixed, points)


def _sorted(values: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    if all(_is_number(value) for value in values):
        return tuple(sorted(values, key=float))
    return values


def _is_number(value: Scalar) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
