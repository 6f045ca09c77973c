"""Deadline curve: how often each deadline was missed, and how often it may be, at 95 % confidence."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from stopwatt import units
from stopwatt.analyse.analysis import CellAnalysis
from stopwatt.analyse.worst import Miss, WorstCase
from stopwatt.reporting.charts.axes import PERCENT, TOP, log_x, log_y
from stopwatt.reporting.charts.frame import HEIGHT, WIDTH, Span, sized, span
from stopwatt.reporting.charts.labels import side, sided
from stopwatt.reporting.charts.picture import CellFigure, Picture, table
from stopwatt.reporting.charts.sentences import about
from stopwatt.reporting.charts.theme import ink

_FAR = 5.0


def worst_case(cell: CellAnalysis) -> WorstCase | None:
    """Of paced arrivals where there were any, which is what a deadline is about; under load where there was one."""
    return max(cell.worst, key=lambda worst: (worst.metric == "response", bool(worst.load)), default=None)


def condition(worst: WorstCase | None) -> str:
    """`closed loop`, `paced`, `paced, under cpu load`: what the calls of a worst case met."""
    if worst is None or worst.metric == "latency":
        return "closed loop"
    return f"paced, under {worst.load} load" if worst.load else "paced"


def _picture(cell: CellAnalysis) -> Picture:
    worst = worst_case(cell)
    asked = worst.deadlines if worst is not None else ()
    curve = _with_asked(worst) if worst is not None else ()
    axis = span([miss.deadline_s for miss in curve])
    shares = span([share for miss in curve for share in (miss.share, miss.upper) if share > 0], "1", room=0.02)
    shown = [miss for miss in asked if miss in curve]
    return Picture(
        _title(worst),
        f"{about(cell)}; {condition(worst)}{_labelled(worst)}",
        {"deadline": axis.title("deadline")},
        {
            "ends": [axis.low, axis.high],
            "ticks": axis.ticks,
            "share_ends": [shares.low, min(shares.high, 1.0)],
            "share_ticks": [tick for tick in shares.ticks if tick <= 1],
        },
        {"curve": _curve(curve, axis), "asked": _asked(shown, axis), "names": _names(curve, axis)},
    )


def _labelled(worst: WorstCase | None) -> str:
    """`; 312 power-capped, 12 throttled among them`: a bound is about calls like those that it was taken from."""
    counts = worst.labelled if worst is not None else None
    told = ", ".join(f"{count:,} {label}" for label, count in (counts or {}).items())
    return f"; {told} among them" if told else ""


def _with_asked(worst: WorstCase) -> tuple[Miss, ...]:
    """The curve with the deadlines asked for, except those so far away that they would press it flat."""
    near = [miss for miss in worst.deadlines if worst.max_s / _FAR < miss.deadline_s < worst.max_s * _FAR]
    by_deadline = {miss.deadline_s: miss for miss in (*worst.curve, *near)}
    return tuple(by_deadline[deadline] for deadline in sorted(by_deadline))


def _title(worst: WorstCase | None) -> str:
    if worst is None:
        return "How often a deadline is missed"
    if worst.deadlines:
        miss = worst.deadlines[0]
        seen = f"{miss.misses:,} of {miss.n:,} calls missed {units.exact(miss.deadline_s, 's')}"
        return f"{seen}; at 95 % confidence at most {units.percent(miss.upper)} do"
    return f"The slowest of {worst.n:,} calls took {units.quantity(worst.max_s, 's')}"


def _curve(curve: Sequence[Miss], axis: Span) -> dict[str, list[Any]]:
    return {
        "deadline": [axis.of(miss.deadline_s) for miss in curve],
        "share": [float(f"{miss.share:.4g}") or None for miss in curve],
        "upper": [float(f"{miss.upper:.4g}") for miss in curve],
    }


def _asked(shown: Sequence[Miss], axis: Span) -> dict[str, list[Any]]:
    return {
        "deadline": [axis.of(miss.deadline_s) for miss in shown],
        "upper": [float(f"{miss.upper:.4g}") for miss in shown],
        "side": [side(axis.at(axis.of(miss.deadline_s))) for miss in shown],
        "label": [
            f"{units.exact(miss.deadline_s, 's')}: {miss.misses:,} missed, at most {units.percent(miss.upper)}"
            for miss in shown
        ],
    }


def _names(curve: Sequence[Miss], axis: Span) -> dict[str, list[Any]]:
    """Where the two lines are named: the bound at its end, what was seen at its last step."""
    seen = [miss for miss in curve if miss.misses]
    ends = [("bad", curve[-1], curve[-1].upper, "upper bound, 95 %")] if curve else []
    ends += [("accent", seen[-1], seen[-1].share, "missed")] if seen else []
    return {
        "deadline": [axis.of(miss.deadline_s) for _, miss, _, _ in ends],
        "share": [float(f"{share:.4g}") for _, _, share, _ in ends],
        "ink": [name for name, _, _, _ in ends],
        "label": [label for _, _, _, label in ends],
    }


def _draw(words: Mapping[str, str]) -> alt.LayerChart:
    x = log_x("deadline", words["deadline"])
    y = log_y("upper", "share of the calls that miss it", ends="share_ends", ticks="share_ticks", written=PERCENT)
    curve = alt.Chart(table("curve"))
    bound = curve.mark_line(
        aria=False, interpolate="step-after", strokeDash=[5, 3], strokeWidth=1.5, color=ink("bad")
    ).encode(x=x, y=y)
    between = curve.mark_area(aria=False, interpolate="step-after", opacity=0.12, color=ink("bad")).encode(
        x=x, y=y, y2=alt.Y2("share:Q")
    )
    seen = curve.mark_line(aria=False, strokeWidth=2, color=ink("accent"), interpolate="step-after").encode(
        x=x, y=alt.Y("share:Q")
    )
    named = alt.Chart(table("names")).encode(x=alt.X("deadline:Q"), y=alt.Y("share:Q"), text=alt.Text("label:N"))
    above = named.transform_filter("datum.ink == 'bad'").mark_text(
        aria=False, align="right", dy=-8, fontWeight=600, color=ink("bad")
    )
    below = named.transform_filter("datum.ink == 'accent'").mark_text(
        aria=False, align="right", dx=-8, fontWeight=600, color=ink("accent")
    )
    asked = alt.Chart(table("asked")).encode(x=alt.X("deadline:Q"))
    rules = asked.mark_rule(aria=False, color=ink("ink"), strokeDash=[2, 2])
    points = asked.mark_point(aria=False, size=50, color=ink("ink")).encode(y=alt.Y("upper:Q"))
    labels = sided(asked.encode(y=TOP, text=alt.Text("label:N")), baseline="top", dy=2, fontWeight=600)
    return sized(alt.layer(between, seen, bound, rules, points, *labels, above, below), WIDTH, HEIGHT)


DEADLINE = CellFigure(
    "deadline",
    "how often each deadline was missed, with the upper bound at 95 % confidence",
    _picture,
    _draw,
    words=("deadline",),
    params=("ends", "ticks", "share_ends", "share_ticks"),
    tables=("curve", "asked", "names"),
)
