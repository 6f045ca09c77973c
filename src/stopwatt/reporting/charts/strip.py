"""Strips: clock, power, temperature and foreign load below each other, along the trials, with their labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import altair as alt
import numpy as np

from stopwatt import units
from stopwatt.analyse.analysis import CellAnalysis
from stopwatt.analyse.labels import RAN, Label, Numbers
from stopwatt.analyse.picture import thin
from stopwatt.analyse.strips import Stretch, Strip, shares_of, stretches_of, strips_of
from stopwatt.reporting.charts.axes import EDGE, TOP, trial_ends, trial_x
from stopwatt.reporting.charts.frame import WIDTH, shortened, sized
from stopwatt.reporting.charts.picture import CellFigure, Picture, table
from stopwatt.reporting.charts.sentences import about, listed
from stopwatt.reporting.charts.theme import ink

MOST_DRAWN = 2400
"""Readings drawn of all strips together."""
HEIGHT = 290
_ROUNDS, _NAME, _GAP, _LABEL = 16, 17, 6, 14
"""Pixels: for the names of the rounds, for the name of a strip, between two of them, and for a line of labels."""
_TOLD = 2


def has_strips(cell: CellAnalysis) -> bool:
    """Whether any instrument ran beside a cell's trials."""
    return any(cell.watched)


@dataclass(frozen=True, slots=True)
class _Lane:
    """A part of the height, in pixels from above; what it returns are shares of the height from below."""

    top: float
    bottom: float

    @property
    def name(self) -> float:
        """Where its name stands."""
        return round(1 - (self.top + _NAME / 2) / HEIGHT, 4)

    @property
    def middle(self) -> float:
        """Where the name of a line of labels stands."""
        return round(1 - (self.top + self.bottom) / 2 / HEIGHT, 4)

    @property
    def bar(self) -> tuple[float, float]:
        """Lower and upper end of the bars in a line of labels."""
        thin = (self.bottom - self.top) / 4
        return round(1 - (self.bottom - thin) / HEIGHT, 4), round(1 - (self.top + thin) / HEIGHT, 4)

    def at(self, shares: Numbers) -> Numbers:
        """Where values are between the least (0) and the largest (1)."""
        inside = self.bottom - _GAP - (self.top + _NAME)
        return np.round(1 - (self.bottom - _GAP - inside * shares) / HEIGHT, 4)


def _lanes(strips: int, labels: int) -> list[_Lane]:
    """Parts of the height for strips and, below them, for labels, which need less."""
    free = HEIGHT - _ROUNDS
    heights = [(free - labels * _LABEL) / max(1, strips)] * strips + [_LABEL] * labels
    edges = np.cumsum([_ROUNDS, *heights]).tolist()
    return [_Lane(top, bottom) for top, bottom in pairwise(edges)]


def _picture(cell: CellAnalysis) -> Picture:
    sizes = [one.values.size for one in cell.series]
    watched = cell.watched or (None,) * len(sizes)
    strips, shares = strips_of(watched, sizes), shares_of(watched)
    lanes = _lanes(len(strips), len(shares))
    of_label = dict(zip(shares, lanes[len(strips) :], strict=True))
    return Picture(
        _title(cell, shares),
        about(cell),
        params={"reach": trial_ends(sum(sizes))},
        tables={
            "readings": _readings(strips, lanes),
            "names": {"y": [lane.name for lane, _ in zip(lanes, strips, strict=False)], "name": [*map(_range, strips)]},
            "labels": {
                "y": [lane.middle for lane in of_label.values()],
                "label": [f"{label}, {units.percent(share)}" for label, share in shares.items()],
            },
            "stretches": _stretches(stretches_of(watched, sizes), of_label),
            "rounds": {
                "first": (np.cumsum([0, *sizes[:-1]]) + 0.5).tolist(),
                "name": [f"round {one.round + 1}" for one in cell.series],
            },
        },
    )


def _title(cell: CellAnalysis, shares: Mapping[Label, float]) -> str:
    if not has_strips(cell):
        return "No instrument was read beside these trials"
    if not shares:
        return "What the instruments said while the trials ran: nothing that labels a trial"
    first, *others = (f"{units.percent(share)}{{}} {RAN[label]}" for label, share in list(shares.items())[:_TOLD])
    more = f"; {len(shares) - _TOLD} more conditions" if len(shares) > _TOLD else ""
    return listed([first.format(" of the trials"), *(other.format("") for other in others)]) + more


def _range(strip: Strip) -> str:
    """`GPU clock, 1,410 to 1,980 MHz`."""
    whole = strip.low.is_integer() and strip.high.is_integer()
    places = 0 if whole else units.decimals_for(strip.high, None)
    low, high = f"{strip.low:,.{places}f}", f"{strip.high:,.{places}f}"
    return f"{shortened(strip.name)}, {low if low == high else f'{low} to {high}'} {strip.unit}"


def _readings(strips: Sequence[Strip], lanes: Sequence[_Lane]) -> dict[str, Any]:
    """Every strip between its own least and largest value; one that hardly changes lies in the middle."""
    most = max(30, MOST_DRAWN // max(1, sum(len(strip.pieces) for strip in strips)))
    trials, heights, lines = [np.zeros(0)], [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    for strip, lane in zip(strips, lanes, strict=False):
        for places, values in strip.pieces:
            kept = thin(values, np.zeros(values.size, dtype=np.int8), most)
            trials.append(np.round(places[kept], 1))
            heights.append(lane.at(strip.share(values[kept])))
            lines.append(np.full(kept.size, len(lines)))
    return {"trial": np.concatenate(trials), "y": np.concatenate(heights), "line": np.concatenate(lines)}


def _stretches(stretches: Sequence[Stretch], lanes: Mapping[Label, _Lane]) -> dict[str, list[Any]]:
    return {
        "begin": [one.begin for one in stretches],
        "end": [one.end for one in stretches],
        "low": [lanes[one.label].bar[0] for one in stretches],
        "high": [lanes[one.label].bar[1] for one in stretches],
    }


def _draw(_: Mapping[str, str]) -> alt.LayerChart:
    x = trial_x()
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False))
    readings = (
        alt.Chart(table("readings"))
        .mark_line(aria=False, interpolate="step-after", strokeWidth=1.4, color=ink("accent"))
        .encode(x=x, y=y, detail=alt.Detail("line:N"))
    )
    stretches = (
        alt.Chart(table("stretches"))
        .mark_rect(aria=False, color=ink("bad"), opacity=0.8)
        .encode(x=alt.X("begin:Q"), x2=alt.X2("end:Q"), y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    )
    names = (
        alt.Chart(table("names"))
        .mark_text(aria=False, align="left", baseline="middle", dx=4, color=ink("ink"), fontWeight=600)
        .encode(x=alt.XValue(0), y=alt.Y("y:Q"), text=alt.Text("name:N"))  # type: ignore[no-untyped-call]
    )
    labels = (
        alt.Chart(table("labels"))
        .mark_text(aria=False, align="left", baseline="middle", dx=8, color=ink("bad"))
        .encode(x=EDGE, y=alt.Y("y:Q"), text=alt.Text("label:N"))
    )
    rounds = alt.Chart(table("rounds")).encode(x=alt.X("first:Q"))
    boundary = rounds.mark_rule(aria=False, color=ink("faint"))
    numbers = rounds.mark_text(aria=False, align="left", baseline="top", dx=4, dy=-2, color=ink("quiet")).encode(
        y=TOP, text=alt.Text("name:N")
    )
    return sized(alt.layer(boundary, readings, stretches, names, labels, numbers), WIDTH, HEIGHT)


STRIP = CellFigure(
    "strip",
    "clock, power, temperature and foreign load along the trials, with the labels of telemetry",
    _picture,
    _draw,
    params=("reach",),
    tables=("readings", "names", "labels", "stretches", "rounds"),
)
