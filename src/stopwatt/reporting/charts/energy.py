"""Energy over latency: which setups are beaten in neither, nor in how near their answers are to the reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from stopwatt.analyse.analysis import Analysis
from stopwatt.analyse.energy import own_energy, scope_name, shown_energy
from stopwatt.analyse.estimate import Estimate, Trust
from stopwatt.analyse.front import pareto_front
from stopwatt.analyse.grid import Point, place
from stopwatt.errors import UsageError
from stopwatt.reporting.charts.axes import NUMBERS, UPRIGHT
from stopwatt.reporting.charts.frame import HEIGHT, WIDTH, Span, blank, finished, sized
from stopwatt.reporting.charts.labels import side, sided
from stopwatt.reporting.charts.level import Bounded, level_at, span_of
from stopwatt.reporting.charts.panels import Where
from stopwatt.reporting.charts.sentences import listed, reasons
from stopwatt.reporting.charts.setups import Setups, setups_of
from stopwatt.reporting.charts.theme import ink

_BEATEN, _WRITTEN = 0.4, 0.75
"""Opacity of setups that are beaten, or whose energy is suspect; and of their names."""


def energy(analysis: Analysis, focus: Where) -> Any:
    """Energy a sample over latency of all setups of one workload and batch, with the Pareto front.

    Args:
        analysis: Of setups of which one has an energy.
        focus: Coordinates of the workload and the batch.

    Raises:
        UsageError: No setup has one; says why.
    """
    metric = shown_energy([point.row for point in analysis.grid.points])
    setups, here = setups_of(analysis), _here(analysis, focus)
    points = [point for point in here if _known(point, metric)]
    if not points:
        raise _no_energy(analysis)
    front = _front(points, metric)
    figure = _Figure(
        setups,
        metric,
        span_of([level for point in points if (level := level_at(point))], room=0.12),
        span_of([_bounded(_energy(point, metric)) for point in points], "J", room=0.12),
    )
    rows = [_row(figure, point, on_front=point.row.cell.key in front) for point in points]
    held = place({name: focus[name] for name in _others(analysis) if name in focus})
    few = f"{len(points)} setup" + "s" * (len(points) != 1)
    counts = few if len(points) == len(here) else f"{len(points)} of {len(here)} setups"
    parts = [f"at {held}" if held else "", counts, *_remarks(points, figure)]
    return finished(_draw(figure, rows), rows, _title(points, front, figure), "; ".join(part for part in parts if part))


@dataclass(frozen=True, slots=True)
class _Figure:
    """What the rows and the drawing of one figure share."""

    setups: Setups
    metric: str
    time: Span
    joules: Span


def drawable(analysis: Analysis, focus: Where) -> bool:
    """Whether there is something to draw."""
    metric = shown_energy([point.row for point in analysis.grid.points])
    return any(_known(point, metric) for point in _here(analysis, focus))


def _others(analysis: Analysis) -> list[str]:
    """Coordinates that do not tell setups apart."""
    setups = setups_of(analysis)
    return [axis.name for axis in analysis.grid.axes if axis.name not in setups.axes]


def _here(analysis: Analysis, focus: Where) -> list[Point]:
    """The setups of one workload and batch."""
    others = _others(analysis)
    return [point for point in analysis.grid.points if all(point.where.get(name) == focus.get(name) for name in others)]


def _known(point: Point, metric: str) -> bool:
    return bool(metric) and level_at(point) is not None and _energy(point, metric).value is not None


def _no_energy(analysis: Analysis) -> UsageError:
    """Why no setup can be drawn."""
    whys = [point.row.estimates[own_energy(point.row.cell.setup.device)].why for point in analysis.grid.points]
    return UsageError(
        "no setup has an energy to draw",
        when=reasons(whys),
        now="measure with --energy on a machine whose meters stopwatt meters calls believed",
    )


def _energy(point: Point, metric: str) -> Estimate:
    return point.row.estimates[metric]


def _bounded(estimate: Estimate) -> Bounded:
    return Bounded(estimate.value or 0.0, estimate.low, estimate.high)


def _front(points: Sequence[Point], metric: str) -> list[str]:
    """Keys of the setups that are not beaten, the fastest first."""
    rows = [point.row for point in points]
    deviation = ("deviation",) if _all_deviate(points) else ()
    return [row.cell.key for row in pareto_front(rows, ("latency", metric, *deviation))]


def _all_deviate(points: Sequence[Point]) -> bool:
    """Whether every deviation is known; else it decides nothing."""
    return all(point.row.estimates["deviation"].value is not None for point in points)


def _row(figure: _Figure, point: Point, *, on_front: bool) -> dict[str, Any]:
    time, joules = figure.time, figure.joules
    level, taken = level_at(point) or Bounded(0.0), _bounded(_energy(point, figure.metric))
    suspect = _energy(point, figure.metric).verdict is Trust.SUSPECT
    deviation = point.row.estimates["deviation"].value
    away = "" if deviation is None else ", exact" if deviation == 0 else f", deviation {deviation:.0e}"
    name = figure.setups.name(point)
    return {
        "latency": time.of(level.value),
        "low": time.of(level.low or level.value),
        "high": time.of(level.high or level.value),
        "energy": joules.of(taken.value),
        "least": joules.of(taken.low or taken.value),
        "most": joules.of(taken.high or taken.value),
        "setup": name,
        "name": f"{name}{' ?' if suspect else ''}{away}",
        "front": on_front,
        "suspect": suspect,
        "side": side(time.at(time.of(level.value))),
        "about": f"{name}: {level.text()}, {taken.text('J')} a sample{away}{', suspect' if suspect else ''}",
        "link": f"#cell={point.row.cell.key}",
    }


def _draw(figure: _Figure, rows: Sequence[dict[str, Any]]) -> alt.LayerChart:
    x, y = _axis("latency", figure.time.title("latency"), figure.time), _vertical(figure)
    colour = figure.setups.colour(legend=False)
    faded = alt.condition("datum.front", alt.value(1.0), alt.value(_BEATEN))
    written = alt.condition("datum.front", alt.value(1.0), alt.value(_WRITTEN))
    base = blank().encode(color=colour, opacity=faded)
    across = base.mark_rule(aria=False, strokeWidth=1.5, clip=True).encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"), y=y)
    along = base.mark_rule(aria=False, strokeWidth=1.5, clip=True).encode(x=x, y=alt.Y("least:Q"), y2=alt.Y2("most:Q"))
    points = base.mark_point(size=90).encode(
        x=x,
        y=y,
        shape=figure.setups.shape(legend=False),
        href=alt.Href("link:N"),
        description=alt.Description("about:N"),
    )
    rings = blank().transform_filter("datum.front").mark_point(aria=False, filled=False, size=260, color=ink("ink"))
    names = sided(blank().encode(x=x, y=y, text=alt.Text("name:N"), opacity=written), gap=12, dy=-9, fontWeight=600)
    layers = [across, along, points, *names]
    if len(rows) > 1:
        layers.insert(2, rings.encode(x=x, y=y))
    return sized(alt.layer(*layers), WIDTH, HEIGHT)


def _axis(field: str, title: str, span: Span) -> alt.X:
    scale = alt.Scale(type="log", domain=[span.low, span.high], nice=False)
    return alt.X(f"{field}:Q", title=title, scale=scale, axis=alt.Axis(values=list(span.ticks), labelExpr=NUMBERS))


def _vertical(figure: _Figure) -> alt.Y:
    span = figure.joules
    return alt.Y(
        "energy:Q",
        title=f"energy a sample, {scope_name(figure.metric)} ({span.scale.label})",
        scale=alt.Scale(type="log", domain=[span.low, span.high], nice=False),
        axis=alt.Axis(values=list(span.ticks), labelExpr=NUMBERS, **UPRIGHT),
    )


def _remarks(points: Sequence[Point], figure: _Figure) -> list[str]:
    bounded = any(_bounded(_energy(point, figure.metric)).bounds for point in points)
    suspect = any(_energy(point, figure.metric).verdict is Trust.SUSPECT for point in points)
    weighed = "latency, energy and deviation" if _all_deviate(points) else "latency and energy"
    return [
        "bars: 95 % intervals" if bounded else "",
        f"ringed: not beaten in {weighed}" if len(points) > 1 else "",
        "?: suspect, not weighed" if suspect else "",
    ]


def _title(points: Sequence[Point], front: Sequence[str], figure: _Figure) -> str:
    by_key = {point.row.cell.key: point for point in points}
    names = [figure.setups.name(by_key[key]) for key in front]
    if not names:
        return "Every energy here is suspect: no setup is told from another"
    if len(points) == 1:
        return f"Latency and energy of {names[0]}, the only setup with an energy"
    least = min(front, key=lambda key: _energy(by_key[key], figure.metric).value or 0.0)
    if least == front[0]:
        others = f"; nearer to the reference: {listed(names[1:])}" if len(names) > 1 else ""
        return f"{names[0]} is the fastest and takes the least energy{others}"
    return f"{names[0]} is the fastest, {figure.setups.name(by_key[least])} takes the least energy"
