"""A chart as a file: PNG and SVG by vl-convert, without a browser and without a network."""

import json
import re
from collections.abc import Mapping
from typing import Any

import vl_convert

from stopwatt.reporting.charts.theme import LIGHT, complete, paint

PNG_SCALE = 2.0
_FOREIGN_BASE = "https://vega.github.io/vega-datasets/"
"""What the renderer puts before a link that names only a place in the page."""


def to_svg(chart: Any, colours: Mapping[str, str] | None = LIGHT) -> str:
    """A chart as SVG.

    Args:
        chart: Any Altair chart.
        colours: Values of the named colours; `None` leaves the names for a page that defines them.
    """
    text = json.dumps(complete(chart))
    svg: str = vl_convert.vegalite_to_svg(text if colours is None else paint(text, colours))
    svg = re.sub(rf'xlink:href="{re.escape(_FOREIGN_BASE)}#', 'href="#', svg)
    return svg if colours is None else _on_paper(svg, colours["paper"])


def to_png(chart: Any, colours: Mapping[str, str] = LIGHT) -> bytes:
    """A chart as PNG at twice the resolution of a screen."""
    document = json.loads(paint(json.dumps(complete(chart)), colours))
    document["config"]["background"] = colours["paper"]
    png: bytes = vl_convert.vegalite_to_png(document, scale=PNG_SCALE)
    return png


def _on_paper(svg: str, colour: str) -> str:
    """With a ground: a file of its own is looked at on any."""
    head = svg.index(">") + 1
    return f'{svg[:head]}<rect width="100%" height="100%" fill="{colour}"/>{svg[head:]}'
