"""What one figure of a cell shows, apart from how it is drawn.

A figure of a cell is made in two steps: *what* it shows is a `Picture` (words, places of ticks, tables of points);
*how* it is drawn depends on nothing but the kind of figure. So a page with a thousand cells holds each drawing once,
and for every cell its picture.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.analysis import CellAnalysis
from stopwatt.reporting.charts.frame import titled
from stopwatt.reporting.charts.theme import complete

Column = Sequence[Any] | NDArray[Any]
Table = Mapping[str, Column]
"""Columns of equal length by name."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a figure shows.

    Attributes:
        title: One sentence.
        subtitle: Setup and n.
        words: Texts inside the drawing by name (titles of axes).
        params: Values inside the drawing by name (ends of axes, places of ticks).
        tables: Points, bars, labels.
    """

    title: str
    subtitle: str
    words: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)


def table(name: str) -> alt.NamedData:
    """A table of the picture as the data of a layer."""
    return alt.NamedData(name=name)


def value(name: str) -> alt.ExprRef:
    """A parameter of the picture, where it is used in a drawing."""
    return alt.ExprRef(expr=name)


def filled(drawing: Any, picture: Picture) -> Any:
    """A drawing with the tables, parameters and title of a picture."""
    chart = drawing.add_params(*[alt.param(name=name, value=value) for name, value in picture.params.items()])
    chart = titled(chart, picture.title, picture.subtitle)
    chart.datasets = {name: rows_of(columns) for name, columns in picture.tables.items()}
    return chart


def rows_of(columns: Table) -> list[dict[str, Any]]:
    """Columns as rows."""
    values = [column.tolist() if isinstance(column, np.ndarray) else column for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


@dataclass(frozen=True, slots=True)
class CellFigure:
    """One kind of figure of a single cell.

    Attributes:
        kind: Its name on the command line.
        line: What it shows, in one line.
        picture: Takes a cell that has trials.
        draw: Takes the words of a picture.
        words, params, tables: What every picture of this kind has.
    """

    kind: str
    line: str
    picture: Callable[[CellAnalysis], Picture]
    draw: Callable[[Mapping[str, str]], alt.LayerChart]
    words: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    @property
    def drawing(self) -> dict[str, Any]:
        """The drawing as a Vega-Lite document: `@name` for every word, `null` for every parameter, empty tables."""
        words = {name: f"@{name}" for name in self.words}
        chart: Any = self.draw(words)
        chart = chart.add_params(*[alt.param(name=name, value=None) for name in self.params])
        chart.datasets = {name: [] for name in self.tables}
        return complete(chart)

    def chart(self, cell: CellAnalysis) -> alt.LayerChart:
        """The figure of a cell."""
        picture = self.picture(cell)
        chart: alt.LayerChart = filled(self.draw(picture.words), picture)
        return chart
