"""A chart as a file: PNG and SVG by vl-convert, without a browser and without a network."""

import json
import re
from collections.abc import Mapping
from typing import Any

from stopwatt.reporting.charts.theme import LIGHT, complete, paint

PNG_SCALE = 2.0
_LINK = re.compile(r"<a [^>]*>|</a>")


def to_svg(chart: Any, colours: Mapping[str, str] = LIGHT) -> str:
    """A chart as SVG of its own, on paper: without the links into a page that it may have."""
    import vl_convert  # a program of 50 MB, for pictures only

    svg: str = vl_convert.vegalite_to_svg(paint(json.dumps(complete(chart)), colours))
    head = svg.index(">") + 1
    ground = f'<rect width="100%" height="100%" fill="{colours["paper"]}"/>'
    return svg[:head] + ground + _LINK.sub("", svg[head:])


def to_png(chart: Any, colours: Mapping[str, str] = LIGHT) -> bytes:
    """A chart as PNG at twice the resolution of a screen."""
    import vl_convert

    document = json.loads(paint(json.dumps(complete(chart)), colours))
    document["config"]["background"] = colours["paper"]
    png: bytes = vl_convert.vegalite_to_png(document, scale=PNG_SCALE)
    return png
