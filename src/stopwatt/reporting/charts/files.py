"""A figure as a file of its own."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from markupsafe import escape

from stopwatt.errors import UsageError
from stopwatt.reporting.charts.render import to_png, to_svg
from stopwatt.reporting.charts.theme import DARK, LIGHT
from stopwatt.store.atomic import replacing

Colours = Mapping[str, str]


def write_figure(path: Path, chart: Any, *, dark: bool = False, overwrite: bool = False) -> None:
    """Write a chart.

    Args:
        path: Its ending names the format: .png, .svg or .html.
        chart: Any of the charts.
        dark: Light on dark.
        overwrite: Whether a file of that name may be replaced.

    Raises:
        UsageError: Another ending, or the name is taken.
        StoreError: It cannot be written; nothing is left behind.
    """
    made = check_format(path)(chart, DARK if dark else LIGHT)
    with replacing(path, overwrite=overwrite) as file:
        file.write(made)


def check_format(path: Path) -> Callable[[Any, Colours], bytes]:
    """What makes the file.

    Raises:
        UsageError: No such format.
    """
    if path.suffix.lower() not in _FORMATS:
        raise UsageError(
            f"a figure cannot be written as {path.suffix or 'a file without an ending'}",
            when=str(path),
            now=f"end the name in {', '.join(_FORMATS)}",
        )
    return _FORMATS[path.suffix.lower()]


def _svg(chart: Any, colours: Colours) -> bytes:
    return to_svg(chart, colours).encode()


def _html(chart: Any, colours: Colours) -> bytes:
    title = escape(str(chart.description))
    page = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>'
        f"body {{ margin: 1rem; background: {colours['paper']} }} svg {{ max-width: 100%; height: auto }}</style>"
        f'</head><body role="img" aria-label="{title}">{to_svg(chart, colours)}</body></html>\n'
    )
    return page.encode()


_FORMATS: Mapping[str, Callable[[Any, Colours], bytes]] = {".png": to_png, ".svg": _svg, ".html": _html}
