"""Run sequence: every trial in the order in which it happened, coloured by its cluster."""

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.analysis import CellAnalysis
from stopwatt.analyse.picture import thin
from stopwatt.reporting.charts import marks
from stopwatt.reporting.charts.axes import EDGE, TOP, log_y
from stopwatt.reporting.charts.frame import HEIGHT, WIDTH, Span, sized, span, spread
from stopwatt.reporting.charts.picture import CellFigure, Picture, table
from stopwatt.reporting.charts.sentences import about, ends_of, time_sentence
from stopwatt.reporting.charts.theme import ink

MOST_DRAWN = 1500
"""Trials drawn of a cell; a screen shows no more."""


def sequence_of(cell: CellAnalysis, most: int = MOST_DRAWN) -> Picture:
    """What a run sequence shows.

    Args:
        cell: With trials.
        most: Trials to draw, about.
    """
    axis = span(ends_of(cell), room=0.08)
    trials, rounds = _trials(cell, axis, most)
    n, drawn = sum(one.values.size for one in cell.series), len(trials["trial"])
    note = "" if drawn == n else f"; {drawn:,} of {n:,} trials drawn, all extremes and some of every cluster among them"
    return Picture(
        time_sentence(cell),
        f"{about(cell)}{note}",
        {"latency": axis.title("latency")},
        {"ends": [axis.low, axis.high], "ticks": axis.ticks},
        {"trials": trials, "rounds": rounds, "clusters": _clusters(cell, axis)},
    )


def _trials(cell: CellAnalysis, axis: Span, most: int) -> tuple[dict[str, NDArray[Any]], dict[str, list[Any]]]:
    total = sum(one.values.size for one in cell.series)
    places, latencies, drawn = [], [], []
    rounds: dict[str, list[Any]] = {"first": [], "name": []}
    before = 0
    for one, marked in zip(cell.series, marks.marked(cell), strict=True):
        kept = thin(one.values, marked, max(30, most * one.values.size // total))
        places.append(before + kept + 1)
        latencies.append(one.values[kept])
        drawn.append(marked[kept])
        rounds["first"].append(before + 0.5)
        rounds["name"].append(f"round {one.round + 1}")
        before += one.values.size
    latency = axis.array(np.concatenate(latencies))
    return {"trial": np.concatenate(places), "latency": latency, "mark": np.concatenate(drawn)}, rounds


def _clusters(cell: CellAnalysis, axis: Span) -> dict[str, list[Any]]:
    clusters, marked = marks.clusters_of(cell), marks.marks_of(cell)
    named = marks.labelled(cell)
    centres = [axis.of(clusters[place].centre_s) for place in named]
    above = spread([HEIGHT * (1 - axis.at(centre)) for centre in centres], HEIGHT)
    return {
        "centre": centres,
        "label_at": [axis.back(1 - pixel / HEIGHT) for pixel in above],
        "mark": [marked[place] for place in named],
        "label": [marks.label(clusters[place], main=place == marks.main_place(clusters)) for place in named],
    }


def _draw(words: Mapping[str, str]) -> alt.LayerChart:
    x = alt.X("trial:Q", title="trial, in the order of time", axis=alt.Axis(grid=False, tickMinStep=1, format=",d"))
    y = log_y("latency", words["latency"])
    rounds = alt.Chart(table("rounds")).encode(x=alt.X("first:Q"))
    boundary = rounds.mark_rule(aria=False, color=ink("faint"))
    names = rounds.mark_text(aria=False, align="left", baseline="top", dx=4, dy=-2, color=ink("quiet")).encode(
        y=TOP, text=alt.Text("name:N")
    )
    clusters = alt.Chart(table("clusters"))
    centres = clusters.mark_rule(aria=False, strokeDash=[3, 3], opacity=0.7).encode(
        y=alt.Y("centre:Q"), color=marks.mark_colour()
    )
    labels = clusters.mark_text(aria=False, align="left", dx=8, fontWeight=600).encode(
        x=EDGE, y=alt.Y("label_at:Q"), text=alt.Text("label:N"), color=marks.mark_colour(name=True)
    )
    points = (
        alt.Chart(table("trials"))
        .mark_point(aria=False, size=16, opacity=0.75)
        .encode(x=x, y=y, color=marks.mark_colour(), shape=marks.mark_shape())
    )
    chart = alt.layer(boundary, centres, points, names, labels).resolve_scale(color="independent")
    return sized(chart, WIDTH, HEIGHT)


SEQUENCE = CellFigure(
    "sequence",
    "every trial in the order of time, coloured by its cluster",
    sequence_of,
    _draw,
    words=("latency",),
    params=("ends", "ticks"),
    tables=("trials", "rounds", "clusters"),
)
