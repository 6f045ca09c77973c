"""The table that lists things: verbs other than `bench` have no other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from stopwatt.reporting.console import MISSING
from stopwatt.reporting.fitting import Fitting
from stopwatt.text import printable


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: Its head.
        right: Aligned right: numbers.
        whole: Never broken into lines: identifiers.
    """

    name: str
    right: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row of plain texts (names from outside may look like markup); a quiet one is what is not there.

    Attributes:
        style: Of the theme, for a row that has to be seen.
    """

    cells: Sequence[str]
    quiet: bool = False
    style: str = ""


def grid(title: str, columns: Sequence[Column | str], rows: Iterable[Row | Sequence[str]]) -> Table:
    """A table with one rule, under its head.

    Args:
        title: Above it; empty for none.
        columns: A text stands for a column of texts that may be broken.
        rows: Empty cells are shown as missing, and so is everything where there is no row.

    Returns:
        A table where there is room for one, else a few lines of `name: value` for each row.
    """
    table = Fitting(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    heads = [column if isinstance(column, Column) else Column(column) for column in columns]
    for head in heads:
        table.add_column(head.name, justify="right" if head.right else "left", overflow="fold", no_wrap=head.whole)
    found = [row if isinstance(row, Row) else Row(row) for row in rows] or [Row([""] * len(heads))]
    for row in found:
        cells = [Text(printable(cell) or MISSING) for cell in row.cells]
        table.add_row(*cells, style="quiet" if row.quiet else row.style or None)
    return table
