"""Pareto front: which setups are not beaten in both latency and deviation by another one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from stopwatt.analyse.analysis import Analysis
from stopwatt.analyse.front import pareto_front
from stopwatt.analyse.grid import Point
from stopwatt.analyse.grid import place as grid_place
from stopwatt.reporting.charts.axes import NUMBERS, UPRIGHT
from stopwatt.reporting.charts.frame import HEIGHT, WIDTH, Span, blank, finished, sized, span
from stopwatt.reporting.charts.labels import side, sided
from stopwatt.reporting.charts.level import bars_of, level_at, span_of
from stopwatt.reporting.charts.panels import Where
from stopwatt.reporting.charts.sentences import listed
from stopwatt.reporting.charts.setups import Setups, setups_of
from stopwatt.reporting.charts.theme import ink
from stopwatt.units import quantity

_BELOW = 0.3
"""Where no difference at all is drawn: this share of the smallest one there is."""


def pareto(analysis: Analysis, focus: Where) -> Any:
    """Deviation over latency of all setups of one workload and batch.

    Args:
        analysis: Of several setups.
        focus: Coordinates of the workload and the batch.
    """
    setups = setups_of(analysis)
    others = [axis.name for axis in analysis.grid.axes if axis.name not in setups.axes]
    points = [
        point
        for point in analysis.grid.points
        if all(point.where.get(name) == focus.get(name) for name in others) and _known(point)
    ]
    front = [row.cell.key for row in pareto_front([point.row for point in points])]
    time = span_of([level for point in points if (level := level_at(point))], room=0.12)
    deviations = [_deviation(point) for point in points]
    floor = _BELOW * min((one for one in deviations if one > 0), default=1e-7)
    away = span([floor, *deviations], "1", room=0.08)
    figure = _Figure(setups, time, away, floor)
    rows = [_row(figure, point, on_front=point.row.cell.key in front) for point in points]
    chart = _draw(figure, rows)
    held = grid_place({name: focus[name] for name in others if name in focus})
    parts = [f"at {held}" if held else "", f"{len(points)} setups", bars_of(points), "line: the Pareto front"]
    return finished(chart, rows, _title(points, front, setups), "; ".join(part for part in parts if part))


def _known(point: Point) -> bool:
    return level_at(point) is not None and point.row.estimates["deviation"].value is not None


def _deviation(point: Point) -> float:
    return point.row.estimates["deviation"].value or 0.0


@dataclass(frozen=True, slots=True)
class _Figure:
    """What the rows and the drawing of one figure share: setups, both axes, and where an exact answer is drawn."""

    setups: Setups
    time: Span
    away: Span
    floor: float


def _row(figure: _Figure, point: Point, *, on_front: bool) -> dict[str, Any]:
    time = figure.time
    level = level_at(point)
    value, low, high = (level.value, level.low or level.value, level.high or level.value) if level else (0.0, 0.0, 0.0)
    deviation = _deviation(point)
    name = figure.setups.name(point)
    return {
        "latency": time.of(value),
        "low": time.of(low),
        "high": time.of(high),
        "deviation": figure.away.of(deviation or figure.floor),
        "setup": name,
        "name": name,
        "front": on_front,
        "side": side(time.at(time.of(value))),
        "about": f"{name}: {quantity(value, 's')}, deviation {deviation:.0e}",
        "link": f"#cell={point.row.cell.key}",
    }


def _draw(figure: _Figure, rows: Sequence[dict[str, Any]]) -> alt.LayerChart:
    setups, time, away, floor = figure.setups, figure.time, figure.away, figure.floor
    x = alt.X(
        "latency:Q",
        title=time.title("latency"),
        scale=alt.Scale(type="log", domain=[time.low, time.high], nice=False),
        axis=alt.Axis(values=list(time.ticks), labelExpr=NUMBERS),
    )
    exact = any(row["deviation"] == away.of(floor) for row in rows)
    places = [away.of(floor)] * exact + [tick for tick in away.ticks if tick > away.of(floor) * 1.5]
    y = alt.Y(
        "deviation:Q",
        title="deviation from fp32 eager, relative to its largest value",
        scale=alt.Scale(type="log", domain=[away.low, away.high], nice=False),
        axis=alt.Axis(
            values=places,
            tickCount=len(places),
            labelExpr=f"datum.value < {floor * 1.2!r} ? 'exact' : format(datum.value, '.2~e')",
            **UPRIGHT,
        ),
    )
    base = blank().encode(x=x)
    line = base.transform_filter("datum.front").mark_line(
        aria=False, interpolate="step-after", strokeWidth=1.5, strokeDash=[4, 3], color=ink("rule")
    )
    bars = base.mark_rule(aria=False, strokeWidth=1.5, clip=True).encode(
        x=alt.X("low:Q"), x2=alt.X2("high:Q"), y=y, color=setups.colour(legend=False)
    )
    points = base.mark_point(size=90, opacity=1).encode(
        y=y,
        color=setups.colour(legend=False),
        shape=setups.shape(legend=False),
        href=alt.Href("link:N"),
        description=alt.Description("about:N"),
    )
    names = sided(base.encode(y=y, text=alt.Text("name:N")), gap=9, dy=-9, fontWeight=600)
    return sized(alt.layer(line.encode(y=y), bars, points, *names), WIDTH, HEIGHT)


def _title(points: Sequence[Point], front: Sequence[str], setups: Setups) -> str:
    on = [setups.name(point) for key in front for point in points if point.row.cell.key == key]
    if not on:
        return "No setup has both a latency and a deviation"
    if len(on) == 1:
        return f"{on[0]} is the fastest, and no setup is nearer to the reference"
    return f"{on[0]} is the fastest; whoever wants it nearer to the reference takes {listed(on[1:])}"
