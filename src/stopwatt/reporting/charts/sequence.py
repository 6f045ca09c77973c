"""Run sequence: every trial in the order of time, coloured by its cluster, above the labels of telemetry."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from stopwatt import units
from stopwatt.analyse.analysis import CellAnalysis
from stopwatt.analyse.labels import Label
from stopwatt.analyse.picture import thin
from stopwatt.analyse.strips import shares_of, stretches_of
from stopwatt.reporting.charts import marks
from stopwatt.reporting.charts.axes import EDGE, TOP, log_y, trial_ends, trial_x
from stopwatt.reporting.charts.frame import HEIGHT, WIDTH, Span, sized, span, spread
from stopwatt.reporting.charts.picture import CellFigure, Picture, table
from stopwatt.reporting.charts.sentences import about, ends_of, time_sentence
from stopwatt.reporting.charts.theme import ink

MOST_DRAWN = 1500
"""Trials drawn of a cell; a screen shows no more."""
_ROOM = 0.08
"""Share of the height above the longest and below the shortest trial."""
_LANE, _THICK = 14, 6
"""Pixels from one line of labels to the next, and of a line."""


def sequence_of(cell: CellAnalysis, most: int = MOST_DRAWN) -> Picture:
    """What a run sequence shows.

    Args:
        cell: With trials.
        most: Trials to draw, about.
    """
    shares = shares_of(cell.watched)
    axis = _with_lanes(span(ends_of(cell), room=_ROOM), len(shares))
    trials, rounds = _trials(cell, axis, most)
    n, drawn = sum(one.values.size for one in cell.series), len(trials["trial"])
    note = "" if drawn == n else f"; {drawn:,} of {n:,} trials drawn, all extremes and some of every cluster among them"
    return Picture(
        time_sentence(cell),
        f"{about(cell)}{note}",
        {"latency": axis.title("latency")},
        {"ends": [axis.low, axis.high], "ticks": axis.ticks, "reach": trial_ends(n)},
        {
            "trials": trials,
            "rounds": rounds,
            "clusters": _clusters(cell, axis, len(shares)),
            "lanes": _lanes(shares, axis),
            "stretches": _stretches(cell, list(shares), axis),
        },
    )


def _with_lanes(axis: Span, lanes: int) -> Span:
    """The axis with room for so many lines below what it shows."""
    if not lanes:
        return axis
    share = lanes * _LANE / HEIGHT
    low = axis.high * (axis.low / axis.high) ** (1 / (1 - share))
    return replace(axis, low=float(f"{low:.6g}"))


def _lanes(shares: Mapping[Label, float], axis: Span) -> dict[str, list[Any]]:
    """The name of each line of labels at its right end."""
    return {
        "at": [axis.back(_middle(place)) for place in range(len(shares))],
        "label": [f"{label}, {units.percent(share)}" for label, share in shares.items()],
    }


def _stretches(cell: CellAnalysis, labels: Sequence[Label], axis: Span) -> dict[str, list[Any]]:
    """Trials in a row with a label, as bars in its line."""
    found = stretches_of(cell.watched, [one.values.size for one in cell.series]) if cell.watched else ()
    middles = [_middle(labels.index(one.label)) for one in found]
    return {
        "begin": [one.begin for one in found],
        "end": [one.end for one in found],
        "low": [axis.back(middle - _THICK / HEIGHT / 2) for middle in middles],
        "high": [axis.back(middle + _THICK / HEIGHT / 2) for middle in middles],
    }


def _middle(place: int) -> float:
    """Height of a line, as a share of the figure's."""
    return (place + 0.5) * _LANE / HEIGHT


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


def _clusters(cell: CellAnalysis, axis: Span, lanes: int) -> dict[str, list[Any]]:
    clusters, marked = marks.clusters_of(cell), marks.marks_of(cell)
    named = marks.labelled(cell)
    centres = [axis.of(clusters[place].centre_s) for place in named]
    above = spread([HEIGHT * (1 - axis.at(centre)) for centre in centres], HEIGHT - lanes * _LANE)
    return {
        "centre": centres,
        "label_at": [axis.back(1 - pixel / HEIGHT) for pixel in above],
        "mark": [marked[place] for place in named],
        "label": [marks.label(clusters[place], main=place == marks.main_place(clusters)) for place in named],
    }


def _draw(words: Mapping[str, str]) -> alt.LayerChart:
    x = trial_x()
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
    lanes = (
        alt.Chart(table("lanes"))
        .mark_text(aria=False, align="left", dx=8, color=ink("bad"))
        .encode(x=EDGE, y=alt.Y("at:Q"), text=alt.Text("label:N"))
    )
    stretches = (
        alt.Chart(table("stretches"))
        .mark_rect(aria=False, color=ink("bad"), opacity=0.8)
        .encode(x=alt.X("begin:Q"), x2=alt.X2("end:Q"), y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    )
    chart = alt.layer(boundary, centres, points, stretches, names, labels, lanes).resolve_scale(color="independent")
    return sized(chart, WIDTH, HEIGHT)


SEQUENCE = CellFigure(
    "sequence",
    "every trial in the order of time, coloured by its cluster, above the labels of telemetry",
    sequence_of,
    _draw,
    words=("latency",),
    params=("ends", "ticks", "reach"),
    tables=("trials", "rounds", "clusters", "lanes", "stretches"),
)
