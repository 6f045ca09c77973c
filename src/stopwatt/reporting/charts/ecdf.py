"""Empirical distribution function, a line for each round."""

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np

from stopwatt import units
from stopwatt.analyse.analysis import CellAnalysis
from stopwatt.analyse.picture import ecdf_of
from stopwatt.reporting.charts.axes import PERCENT, UPRIGHT, log_x
from stopwatt.reporting.charts.frame import HALF, HEIGHT, LABEL_HEIGHT, Span, sized, span, spread
from stopwatt.reporting.charts.labels import side, sided
from stopwatt.reporting.charts.picture import CellFigure, Picture, table
from stopwatt.reporting.charts.sentences import about, ends_of
from stopwatt.reporting.charts.theme import ink

_NAMED = {"latency": (0.5, "p50"), "latency_p90": (0.9, "p90"), "latency_p99": (0.99, "p99")}


def _picture(cell: CellAnalysis) -> Picture:
    axis = span(ends_of(cell))
    steps = [ecdf_of(one.values, len(cell.series)) for one in cell.series]
    lines = {
        "round": np.repeat([one.round + 1 for one in cell.series], [one.below.size for one in steps]),
        "latency": axis.array(np.concatenate([one.values_s for one in steps])),
        "below": np.concatenate([one.below for one in steps]).round(5),
    }
    return Picture(
        _title(cell),
        about(cell),
        {"latency": axis.title("latency")},
        {"ends": [axis.low, axis.high], "ticks": axis.ticks},
        {"lines": lines, "quantiles": _quantiles(cell, axis)},
    )


def _title(cell: CellAnalysis) -> str:
    median, p99 = cell.row.estimates["latency"], cell.row.estimates["latency_p99"]
    if median.value is None:
        return "The share of calls that are done within a time"
    half = f"Half of the calls are done within {units.quantity(median.value, 's')}"
    if p99.value is not None:
        return f"{half}, 99 % within {units.quantity(p99.value, 's')}"
    return f"{half}; to say it of 99 % takes {p99.needs} trials" if p99.needs else half


def _quantiles(cell: CellAnalysis, axis: Span) -> dict[str, list[Any]]:
    found = [(q, name, cell.row.estimates[metric].value) for metric, (q, name) in _NAMED.items()]
    known = [(q, name, value) for q, name, value in found if value is not None]
    pixels = spread([HEIGHT * (1 - q) + LABEL_HEIGHT for q, _, _ in known], HEIGHT)
    return {
        "latency": [axis.of(value) for _, _, value in known],
        "label_at": [round(1 - pixel / HEIGHT, 3) for pixel in pixels],
        "below": [q for q, _, _ in known],
        "side": [side(axis.at(axis.of(value))) for _, _, value in known],
        "label": [f"{name} {units.quantity(value, 's')}" for _, name, value in known],
    }


def _draw(words: Mapping[str, str]) -> alt.LayerChart:
    x = log_x("latency", words["latency"])
    y = alt.Y(
        "below:Q",
        title="share of the calls done",
        axis=alt.Axis(labelExpr=PERCENT, values=[0, 0.25, 0.5, 0.75, 1], **UPRIGHT),
    )
    lines = (
        alt.Chart(table("lines"))
        .mark_line(aria=False, interpolate="step-after", strokeWidth=1.5, opacity=0.8, color=ink("accent"))
        .encode(x=x, y=y.scale(domain=[0, 1]), detail=alt.Detail("round:N"))
    )
    quantiles = alt.Chart(table("quantiles")).encode(x=alt.X("latency:Q"), y=alt.Y("below:Q"))
    points = quantiles.mark_point(aria=False, filled=True, size=40, color=ink("ink"))
    named = alt.Chart(table("quantiles")).encode(x=alt.X("latency:Q"), y=alt.Y("label_at:Q"), text=alt.Text("label:N"))
    halo = sided(named, gap=6, stroke=ink("paper"), strokeWidth=4, strokeJoin="round")
    labels = sided(named, gap=6, color=ink("ink"))
    return sized(alt.layer(lines, points, *halo, *labels), HALF, HEIGHT)


ECDF = CellFigure(
    "ecdf",
    "the share of calls done within a time, a line for each round",
    _picture,
    _draw,
    words=("latency",),
    params=("ends", "ticks"),
    tables=("lines", "quantiles"),
)
