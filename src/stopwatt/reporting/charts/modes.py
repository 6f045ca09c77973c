"""The clusters of all cells together: the same ratio in many cells has one cause."""

from collections.abc import Iterator
from typing import Any

import altair as alt

from stopwatt import units
from stopwatt.analyse.analysis import Analysis
from stopwatt.analyse.shape import Form
from stopwatt.reporting.charts import marks
from stopwatt.reporting.charts.axes import NUMBERS, UPRIGHT
from stopwatt.reporting.charts.frame import WIDTH, blank, finished, sized, span
from stopwatt.reporting.charts.panels import MOST_ROWS, pairs
from stopwatt.reporting.charts.sentences import extent, link
from stopwatt.reporting.charts.setups import setups_of

_HEIGHT = 260
_AREAS = [12, 500]


def modes(analysis: Analysis) -> Any:
    """Every cluster but the main one of every cell: its ratio over the cell's usual latency, its mass as area."""
    rows = list(_rows(analysis))[:MOST_ROWS]
    ratios = span([1.0, *(row["ratio"] for row in rows)], "1", room=0.08)
    usual = span([row["usual_s"] for row in rows])
    for row in rows:
        row["usual"] = usual.of(row.pop("usual_s"))
    setups = setups_of(analysis)
    x = alt.X(
        "usual:Q",
        title=usual.title("usual latency of the cell"),
        scale=alt.Scale(type="log", domain=[usual.low, usual.high], nice=False),
        axis=alt.Axis(values=list(usual.ticks), labelExpr=NUMBERS, grid=False),
    )
    y = alt.Y(
        "ratio:Q",
        title="centre of the cluster / centre of the main one",
        scale=alt.Scale(type="log", domain=[ratios.low, ratios.high], nice=False),
        axis=alt.Axis(values=list(ratios.ticks), labelExpr=f"{NUMBERS} + ' x'", **UPRIGHT),
    )
    points = (
        blank()
        .mark_point(filled=True, opacity=0.5)
        .encode(
            x=x,
            y=y,
            size=alt.Size("mass:Q", scale=alt.Scale(range=_AREAS, zero=True), legend=None),
            color=setups.colour(),
            shape=setups.shape(),
            href=alt.Href("link:N"),
            description=alt.Description("about:N"),
        )
    )
    note = "area: share of the calls in the cluster"
    return finished(sized(alt.layer(points), WIDTH, _HEIGHT), rows, _title(analysis), f"{extent(analysis)}; {note}")


def _rows(analysis: Analysis) -> Iterator[dict[str, Any]]:
    setups = setups_of(analysis)
    for cell, point in pairs(analysis):
        clusters = marks.clusters_of(cell)
        main = marks.main_place(clusters)
        for place, cluster in enumerate(clusters):
            if place != main:
                yield {
                    "usual_s": clusters[main].centre_s,
                    "ratio": float(f"{cluster.ratio:.5g}"),
                    "mass": float(f"{cluster.mass:.3g}"),
                    "setup": setups.name(point),
                    "about": f"{analysis.grid.label(point)}: {units.ratio(cluster.ratio)}, "
                    f"{units.percent(cluster.mass)} of the calls",
                    "link": link(cell),
                }


def _title(analysis: Analysis) -> str:
    shapes = [cell.shape for cell in analysis.cells if cell.shape is not None]
    several = [shape for shape in shapes if shape.form is Form.CLUSTERS]
    if not several:
        return f"None of {len(shapes):,} cells has clusters of slow calls"
    return f"{len(several):,} of {len(shapes):,} cells have clusters of calls apart from the usual ones"
