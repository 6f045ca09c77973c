"""`stopwatt plot`: one figure of a report as a file."""

import json as json_format
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from stopwatt.errors import UsageError
from stopwatt.extensions import unknown
from stopwatt.store import Access, open_store

if TYPE_CHECKING:
    from stopwatt.reporting.charts.catalogue import Choice
    from stopwatt.reporting.report import Selected

SCHEMA = 1
"""Version of what `--json` prints."""


def plot(
    kind: str | None = None,
    /,
    *where: str,
    out: Path | None = None,
    x: Annotated[str, Parameter(show_default=False)] = "",
    y: Annotated[str, Parameter(show_default=False)] = "",
    metric: str = "latency",
    setup: Annotated[str, Parameter(show_default=False)] = "",
    run: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    deadline: Annotated[str, Parameter(show_default=False)] = "",
    store: str | None = None,
    dark: Annotated[bool, Parameter(negative=())] = False,
    force: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Draw one figure as PNG, SVG or HTML, without a browser and without a network; alone, list the kinds.

    A figure of one cell takes the most telling of the cells that are left.

    Three examples:

        stopwatt plot

        stopwatt plot histogram --out histogram.png --force

        stopwatt plot sequence backend=eager --out sequence.svg --force

    Args:
        kind: What to draw; `stopwatt plot` lists the kinds.
        where: Which cells: NAME=VALUE for a coordinate, or the beginning of a key. Default: all.
        out: The file; its ending names the format: .png, .svg or .html. Default: KIND.png.
        x: Axis of growth, boxes and heat maps: a coordinate. Default: the first that suits.
        y: Second axis of a heat map.
        metric: Of growth and heat maps: latency, latency_p99, energy_gpu, ...; of these also outliers, misses.
        setup: Of a heat map: one setup.
        run: Runs: ids, tags, `last`, `last~1`. Default: the latest.
        deadline: Times to meet, by comma (500us,1ms).
        store: Results database: a path or a URL. Default: $STOPWATT_STORE, else ./stopwatt.db.
        dark: Light on dark.
        force: Replace the file if it is there already.
        json: Print what was drawn (the chart as a Vega-Lite document) as JSON; without --out, write no file.

    """
    from stopwatt.cli.options import TimingOptions
    from stopwatt.reporting.charts.catalogue import KINDS, Choice
    from stopwatt.reporting.charts.files import check_format, write_figure
    from stopwatt.reporting.report import select

    if kind is None:
        _list_kinds(KINDS, json=json)
        return
    if kind not in KINDS:
        raise unknown("kind of figure", kind, KINDS)
    path = out or (None if json else Path(f"{kind}.png"))
    if path is not None:
        check_format(path)
    with open_store(store, access=Access.READ) as results:
        selected = select(results, run, deadlines=TimingOptions(deadline=deadline).deadlines, where=where)
    chart = _chart(kind, selected, Choice(x, y, metric, setup))
    if path is not None:
        write_figure(path, chart, dark=dark, overwrite=force)
    _tell(kind, path, chart, json=json)


def _chart(kind: str, selected: "Selected", choice: "Choice") -> Any:
    from dataclasses import replace

    from stopwatt.reporting.charts.catalogue import CELL_FIGURES, GRID_FIGURES, default_cell
    from stopwatt.reporting.charts.focus import focus_place

    if kind in CELL_FIGURES:
        cell = default_cell(selected.analysis, kind)
        if kind == "deadline" and not cell.worst:
            raise UsageError("this cell has no worst case", now="stopwatt plot survival shows its tail")
        return CELL_FIGURES[kind].chart(cell)
    return GRID_FIGURES[kind].draw(selected.analysis, replace(choice, focus=focus_place(selected.analysis)))


def _list_kinds(kinds: Mapping[str, str], *, json: bool) -> None:
    if json:
        print(
            json_format.dumps(
                {"schema": SCHEMA, "kinds": [{"kind": name, "line": line} for name, line in kinds.items()]}
            )
        )
        return
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.grid import Column, grid

    rows = [[name, line] for name, line in kinds.items()]
    console_for(sys.stdout).print(grid("", [Column("kind", whole=True), "what it shows"], rows))


def _tell(kind: str, path: Path | None, chart: Any, *, json: bool) -> None:
    if json:
        from stopwatt.reporting.charts.theme import complete

        about = {"schema": SCHEMA, "kind": kind, "path": str(path) if path is not None else None}
        print(json_format.dumps(about | {"says": chart.description, "chart": complete(chart)}, allow_nan=False))
    else:
        print(f"{path}: {chart.description}")
