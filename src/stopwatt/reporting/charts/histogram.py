"""Histogram on two logarithmic axes, with the modes marked: 2 % of the calls are as easy to see as 90 %."""

from collections.abc import Mapping
from typing import Any

import altair as alt

from stopwatt.analyse.analysis import CellAnalysis
from stopwatt.analyse.picture import histogram_of
from stopwatt.reporting.charts import marks
from stopwatt.reporting.charts.axes import log_x, log_y
from stopwatt.reporting.charts.frame import HEIGHT, LABEL_HEIGHT, WIDTH, Span, sized, span
from stopwatt.reporting.charts.labels import side, sided
from stopwatt.reporting.charts.picture import CellFigure, Picture, table
from stopwatt.reporting.charts.sentences import about, shape_sentence

_FLOOR = 0.7
"""Where bars begin: below 1, so that a bin with one trial has a bar."""
_LABEL_ROOM = 4.0
"""Times the highest bar: room for labels above."""
_LABEL_WIDTH = 170


def _picture(cell: CellAnalysis) -> Picture:
    found = histogram_of(cell.series, cell.shape.labels if cell.shape is not None else None)
    axis = span([float(found.edges_s[0]), float(found.edges_s[-1])], room=0.02)
    counted = span([_FLOOR, float(found.counts.max()) * _LABEL_ROOM], "1", room=0)
    marked = marks.marks_of(cell)
    filled = [place for place, count in enumerate(found.counts) if count]
    bins: dict[str, list[Any]] = {
        "low": [axis.of(found.edges_s[place]) for place in filled],
        "count": [int(found.counts[place]) for place in filled],
        "mark": [marked[int(found.clusters[place])] for place in filled],
    }
    return Picture(
        shape_sentence(cell),
        about(cell),
        {"latency": axis.title("latency")},
        {
            "ends": [axis.low, axis.high],
            "ticks": axis.ticks,
            "bin": float(f"{found.edges_s[1] / found.edges_s[0]:.6g}"),
            "count_ends": [counted.low, counted.high],
            "count_ticks": [tick for tick in counted.ticks if tick >= 1],
        },
        {"bins": bins, "modes": _modes(cell, axis)},
    )


def _modes(cell: CellAnalysis, axis: Span) -> dict[str, list[Any]]:
    clusters, marked = marks.clusters_of(cell), marks.marks_of(cell)
    named = marks.labelled(cell)
    centres = [axis.of(clusters[place].centre_s) for place in named]
    sides = [side(axis.at(centre)) for centre in centres]
    starts = [
        WIDTH * axis.at(centre) - (_LABEL_WIDTH if turned == "left" else 0)
        for centre, turned in zip(centres, sides, strict=True)
    ]
    return {
        "centre": centres,
        "row": [LABEL_HEIGHT * row + 1 for row in _rows(starts)],
        "side": sides,
        "mark": [marked[place] for place in named],
        "label": [
            f"{marks.label(clusters[place], main=place == marks.main_place(clusters))}, {clusters[place].count:,} calls"
            for place in named
        ],
    }


def _rows(starts: list[float]) -> list[int]:
    """The line in which each label stands: the first one in which it does not run into the label before."""
    ends: list[float] = []
    rows = []
    for start in starts:
        row = next((row for row, end in enumerate(ends) if start > end), len(ends))
        ends[row : row + 1] = [start + _LABEL_WIDTH]
        rows.append(row)
    return rows


def _draw(words: Mapping[str, str]) -> alt.LayerChart:
    x = log_x("low", words["latency"], grid=False)
    y = log_y("count", "calls in the bin", ends="count_ends", ticks="count_ticks")
    bars = (
        alt.Chart(table("bins"))
        .transform_calculate(high="datum.low * bin")
        .mark_rect(aria=False, cornerRadius=1)
        .encode(x=x, x2=alt.X2("high:Q"), y=y, y2=alt.Y2Datum(_FLOOR), color=marks.mark_colour())
    )
    modes = alt.Chart(table("modes")).encode(x=alt.X("centre:Q"))
    rules = modes.mark_rule(aria=False, strokeDash=[2, 2], opacity=0.8).encode(color=marks.mark_colour())
    named = modes.encode(y=alt.Y("row:Q", scale=None), text=alt.Text("label:N"), color=marks.mark_colour(name=True))
    labels = sided(named, baseline="top", fontWeight=600)
    chart = alt.layer(alt.layer(rules, bars), *labels).resolve_scale(color="independent", y="independent")
    return sized(chart, WIDTH, HEIGHT)


HISTOGRAM = CellFigure(
    "histogram",
    "counts on two logarithmic axes, with the modes marked",
    _picture,
    _draw,
    words=("latency",),
    params=("ends", "ticks", "bin", "count_ends", "count_ticks"),
    tables=("bins", "modes"),
)
