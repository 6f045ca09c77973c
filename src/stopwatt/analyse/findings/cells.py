"""What many cells show alike: counting, naming and the extremes, for findings about single cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopwatt.analyse.findings.words import Place, counted, located
from stopwatt.analyse.grid import Grid, Point

if TYPE_CHECKING:
    from stopwatt.analyse.analysis import CellAnalysis


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """A cell with its place in the grid.

    Attributes:
        where: The coordinates that vary; empty for the only cell.
    """

    cell: "CellAnalysis"
    point: Point
    where: Place

    @property
    def key(self) -> str:
        """Key of the cell."""
        return self.cell.row.cell.key


def name_cells(grid: Grid, cells: Sequence["CellAnalysis"]) -> list[Named]:
    """The cells with their places.

    Args:
        grid: Of the cells.
        cells: In the order of its points.

    Raises:
        ValueError: The two do not belong together.
    """
    names = [axis.name for axis in grid.axes]
    return [
        Named(cell, point, {name: point.where[name] for name in names if name in point.where})
        for cell, point in zip(cells, grid.points, strict=True)
    ]


def having(members: Sequence[Named], every: Sequence[Named]) -> str:
    """`12 of 64 cells (at batch=1)`, `all 64 cells`, `layers=3, seq=64`; empty for the only cell there is."""
    if len(every) == 1:
        return ""
    count = counted(len(members), len(every), "cell")
    if len(members) == len(every) or len(members) > len(every) / 2:
        return count
    return f"{count} ({located([one.where for one in members], [one.where for one in every], told=True)})"


def keys(members: Sequence[Named]) -> tuple[str, ...]:
    """Keys of the cells."""
    return tuple(one.key for one in members)
