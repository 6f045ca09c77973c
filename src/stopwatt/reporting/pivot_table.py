"""A grid by two of its axes, on a terminal."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, log

from rich.console import RenderableType
from rich.text import Text

from stopwatt import units
from stopwatt.analyse.pivot import Pivot
from stopwatt.reporting.console import MISSING
from stopwatt.reporting.grid import Column
from stopwatt.reporting.grid import grid as listed

MOST_ROWS = 10
"""Rows of a pivot that a terminal shows: the first and the last of many."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a pivot shows: its name and base unit."""

    name: str
    unit: str


LATENCY = Shown("latency", "s")


def pivot_lines(pivot: Pivot, shown: Shown, of: int) -> Iterator[RenderableType]:
    """A heading and a table; nothing where no row has a value in every column.

    Args:
        pivot: What is shown.
        shown: Of it.
        of: Values of the axis of the columns, of which the pivot may have a part.
    """
    if not pivot.values:
        return
    middle = exp(sum(map(log, pivot.values.values())) / len(pivot.values))  # of what may span many powers of ten
    scale = units.scale_for([middle], shown.unit)
    counts = set(pivot.combinations.values())
    mean = f", geometric mean over {', '.join(pivot.over)}" if pivot.over else ""
    each = f" ({min(counts)} cells each)" if pivot.over and len(counts) == 1 else ""
    some = f" ({len(pivot.columns.axis.values)} of {of})" if len(pivot.columns.axis.values) < of else ""
    by = f"by {pivot.rows.name} and {pivot.columns.name}"
    yield Text(f"\n{shown.name} {scale.label} {by}{some}{mean}{each}", style="bold")
    heads = [Column(f"{pivot.columns.axis.name}={value}", right=True) for value in pivot.columns.axis.values]
    lines = [[str(row), *_cells(pivot, row, scale)] for row in pivot.rows.axis.values]
    if len(counts) > 1:
        heads.append(Column("cells each", right=True))
        for line, row in zip(lines, pivot.rows.axis.values, strict=True):
            line.append(str(pivot.combinations[row]))
    yield listed("", (Column(pivot.rows.name, right=pivot.rows.axis.numeric), *heads), shortened(lines, MOST_ROWS))


def _cells(pivot: Pivot, row: object, scale: units.Scale) -> list[str]:
    values = [pivot.values.get((row, column)) for column in pivot.columns.axis.values]  # type: ignore[arg-type]
    return [MISSING if value is None else units.column_value(value, scale) for value in values]


def shortened(lines: list[list[str]], most: int) -> list[list[str]]:
    """The first and the last of many."""
    if len(lines) <= most:
        return lines
    half = most // 2
    between = [f"... {len(lines) - 2 * half} more", *([" "] * (len(lines[0]) - 1))]
    return [*lines[:half], between, *lines[-half:]]
