"""A chart as a figure of the page: its words as HTML, its marks as inline SVG in the colours of the page."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

import altair as alt

from stopwatt.reporting.charts.theme import complete
from stopwatt.reporting.html.words import unbroken

_HALF = 480
"""Figures narrower than this stand two beside each other."""
_FOREIGN_BASE = "https://vega.github.io/vega-datasets/"
"""What the renderer puts before a link that names only a place in the page."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        id: Place in the page.
        title, subtitle: What it says, and what it was made from.
        document: The chart as Vega-Lite.
        number: In the order of the page.
        svg: Markup, made by the renderer from the document: every text in it is escaped. Empty before it is drawn.
        width: In pixels at full size.
    """

    id: str
    title: str
    subtitle: str
    document: str
    number: int = 0
    svg: str = ""
    width: int = 0
    half: bool = False

    def drawn(self, svg: str) -> Self:
        """The figure with its markup as a part of the page: slim, named, with links and ids of its own."""
        size = re.search(r'width="([\d.]+)" height="([\d.]+)"', svg)
        width = round(float(size[1])) if size else 0
        head = f'<svg role="img" aria-labelledby="{self.id}-title" style="max-width:{width}px" '
        inline = re.sub(r'<svg (.*?)width="[\d.]+" height="[\d.]+" ', rf"{head}\g<1>", slim(svg), count=1)
        inline = re.sub(r'\b(id="|url\(#)', rf"\g<1>{self.id}-", inline)
        return replace(self, svg=inline, width=width)


def figure_of(name: str, chart: Any) -> Figure:
    """A figure that is still to be drawn.

    Args:
        name: Place in the page: letters, digits and hyphens.
        chart: Any of the charts, with its title.
    """
    title, subtitle = chart.title.text, chart.title.subtitle
    bare = chart.copy(deep=False)
    bare.title = alt.Undefined
    return Figure(name, _joined(title), _joined(subtitle), json.dumps(complete(bare)))


def paired(figures: Iterable[Figure]) -> tuple[Figure, ...]:
    """The figures with neighbours that are both narrow set side by side."""
    found: list[Figure] = []
    waiting = False  # whether the last one is narrow and has no neighbour yet
    for figure in figures:
        narrow = figure.width < _HALF
        if narrow and waiting:
            found[-1] = replace(found[-1], half=True)
        found.append(replace(figure, half=narrow and waiting))
        waiting = narrow and not waiting
    return tuple(found)


def _joined(lines: Any) -> str:
    return unbroken(" ".join(lines)) if isinstance(lines, list) else ""


def slim(svg: str) -> str:
    """The same picture in half the bytes: without defaults, what the page's style says, and small parts of pixels."""
    for pattern, new in _SLIMMER:
        svg = pattern.sub(new, svg)
    return svg


def _tenths(attribute: re.Match[str]) -> str:
    return _FRACTION.sub(lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), attribute[0])


_FRACTION = re.compile(r"-?\d+\.\d{2,}")


_Replacement = str | Callable[[re.Match[str]], str]
_SLIMMER: tuple[tuple[re.Pattern[str], _Replacement], ...] = (
    # The figure as a whole has a name; its parts are for the eye.
    (re.compile(r' role="graphics-(?:symbol|object|document)"| aria-roledescription="[^"]*"| aria-hidden="true"'), ""),
    (re.compile(r' aria-label="[^"]*(?:-axis|legend|Title text|Subtitle text|Header text)[^"]*"'), ""),
    (re.compile(r' font-family="[^"]*"| pointer-events="none"| opacity="1"| stroke-width="1"'), ""),
    (re.compile(r'<path class="(?:background" d="M0,0h0v0h0Z"|foreground" d="" display="none")/>|<g/>'), ""),
    (re.compile(r' class="(?:mark-[^"]*|background)"| [xy]2="0"| transform="translate\(0,0\)"'), ""),
    (re.compile(r'(<path(?:(?! stroke=)[^>])*?) stroke-width="[\d.]+"/>'), r"\1/>"),
    (re.compile(r' (?:transform|d|x2|y2)="[^"]*"'), _tenths),
    # The table is the way for the keyboard, and its row says what a mark that links to a cell has to say.
    (
        re.compile(rf'<a xlink:href="{re.escape(_FOREIGN_BASE)}#([^"]*)"[^>]*>(<\w+)(?: aria-label="[^"]*")?'),
        r'<a tabindex="-1" href="#\1">\2',
    ),
)
