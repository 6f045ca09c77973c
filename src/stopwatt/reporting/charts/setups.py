"""Setups in the order that holds for a whole report: each has the same colour, dash and shape in every figure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import altair as alt

from stopwatt.analyse.analysis import Analysis
from stopwatt.analyse.grid import Point
from stopwatt.reporting.charts.frame import shortened
from stopwatt.reporting.charts.theme import DASHES, SETUPS, SHAPES, setup_ink

SETUP_AXES = ("backend", "precision", "device", "threads", "boundary", "machine")
"""Coordinates that a figure tells apart by colour; all others are places in it."""
_ALWAYS = "backend"
_WORDS = {"threads": "threads", "boundary": "boundary"}


@dataclass(frozen=True, slots=True)
class Setups:
    """The setups of an analysis.

    Attributes:
        axes: The coordinates that tell them apart.
        names: In the order of the report.
    """

    axes: tuple[str, ...]
    names: tuple[str, ...]

    def name(self, point: Point) -> str:
        """`onnxruntime`, or `onnxruntime int8` where the precision varies too."""
        parts = [_part(axis, str(point.where[axis])) for axis in self.axes if axis in point.where]
        return shortened(" ".join(parts))

    def place(self, point: Point) -> int:
        """Its place in the order."""
        return self.names.index(self.name(point))

    def colour(self, *, legend: bool = True, offset: int = 26) -> alt.Color:
        """Colour by the column `setup`."""
        inks = [setup_ink(place) for place in range(len(self.names))]
        shown = alt.Legend(title=None, offset=offset) if legend and len(self.names) > 1 else None
        return alt.Color("setup:N", scale=alt.Scale(domain=list(self.names), range=inks), legend=shown)

    def shape(self, *, legend: bool = True) -> alt.Shape:
        """Shape of points by the column `setup`."""
        shapes = [SHAPES[_turned(place) % len(SHAPES)] for place in range(len(self.names))]
        shown = alt.Legend(title=None) if legend and len(self.names) > 1 else None
        return alt.Shape("setup:N", scale=alt.Scale(domain=list(self.names), range=shapes), legend=shown)

    def written(self, base: alt.Chart, **mark: Any) -> list[alt.Chart]:
        """Text in the colours that are dark enough to read, a layer for each setup."""
        return [
            base.transform_filter(alt.datum.setup == name).mark_text(
                aria=False, fontSize=10, color=setup_ink(place, name=True), **mark
            )
            for place, name in enumerate(self.names)
        ]

    def dash(self) -> alt.StrokeDash:
        """Dashes of lines by the column `setup`."""
        dashes = [DASHES[_turned(place) % len(DASHES)] for place in range(len(self.names))]
        return alt.StrokeDash("setup:N", scale=alt.Scale(domain=list(self.names), range=dashes), legend=None)


def setups_of(analysis: Analysis) -> Setups:
    """The setups of an analysis in the order in which they first appear."""
    varying = [axis for axis in SETUP_AXES if analysis.grid.axis(axis) is not None]
    axes = (_ALWAYS, *(axis for axis in varying if axis != _ALWAYS))
    blank = Setups(axes, ())
    return Setups(axes, _once(blank.name(point) for point in analysis.grid.points))


def _turned(place: int) -> int:
    """The place moved on by one for each time that the colours begin anew: what shares a colour differs in the rest."""
    return place + place // SETUPS


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _part(axis: str, value: str) -> str:
    return f"{value} {_WORDS[axis]}" if axis in _WORDS else value[:12] if axis == "machine" else value
