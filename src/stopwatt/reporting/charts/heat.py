"""Heat map over two axes of the grid, with the numbers in it; small multiples over two more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from stopwatt.analyse.analysis import Analysis, CellAnalysis
from stopwatt.analyse.energy import ENERGY_METRICS
from stopwatt.analyse.estimate import Trust
from stopwatt.analyse.grid import Axis, Point, place
from stopwatt.energy import SCOPES
from stopwatt.metrics import CPU_ESTIMATE, METRICS
from stopwatt.reporting.charts.deadline import condition, worst_case
from stopwatt.reporting.charts.frame import Span, blank, finished, sized, span
from stopwatt.reporting.charts.level import Bounded, level_at
from stopwatt.reporting.charts.panels import Panels, Where, faceted, lay_out
from stopwatt.reporting.charts.sentences import extent, link
from stopwatt.reporting.charts.setups import SETUP_AXES, setups_of
from stopwatt.reporting.charts.theme import HEAT_STEPS, heat_inks, ink
from stopwatt.units import exact, quantity

LATENCY = "latency"
OUTLIERS = "outliers"
"""The share of trials beyond the upper fence."""
MISSES = "misses"
"""The share of trials that missed the first deadline asked for."""
_CELL = (46, 26)
_LARGE = (64, 30)
_FAILED = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True)
class Slice:
    """What a heat map shows of a grid.

    Attributes:
        x, y: The two axes.
        metric: Name of an estimate, or `outliers`.
        setup: Name of the setup; empty for all (where there is one).
    """

    x: Axis
    y: Axis
    metric: str = LATENCY
    setup: str = ""


def heat(analysis: Analysis, shown: Slice, focus: Where | None = None) -> Any:
    """A metric over two axes.

    Args:
        analysis: Of a grid.
        shown: What of it.
        focus: Values at which axes are held for which there is no place.
    """
    axes = [shown.x.name, shown.y.name]
    panels = lay_out(analysis, axes, ["column", "row"], focus or {}, rows_each=1)
    setups = setups_of(analysis)
    every = [
        (cell, point, value_of(cell, point, shown.metric))
        for cell, point in zip(panels.cells, panels.points, strict=True)
    ]
    # One scale for all setups: a colour means the same in the map of each.
    scale = span([value.value for _, _, value in every if value is not None], unit_of(shown.metric), room=0)
    found = [one for one in every if not shown.setup or setups.name(one[1]) == shown.setup]
    figure = _Figure(analysis, shown, panels, scale, _inverted(analysis, shown))
    rows = [_row(figure, *one) for one in found]
    return finished(faceted(_draw(figure, rows), panels), rows, _title(shown, found, analysis), _subtitle(figure, rows))


@dataclass(frozen=True, slots=True)
class _Figure:
    """What the rows and the drawing of one figure share."""

    analysis: Analysis
    shown: Slice
    panels: Panels
    scale: Span
    inverted: frozenset[str]


def unit_of(metric: str) -> str:
    """Base unit of a metric or an estimate."""
    if metric in (OUTLIERS, MISSES):
        return "%"
    return METRICS[metric].unit if metric in METRICS else METRICS[metric.rpartition("_")[0]].unit


def value_of(cell: CellAnalysis, point: Point, metric: str) -> Bounded | None:
    """A metric of a cell; `None` where it has none."""
    if metric == LATENCY:
        return level_at(point)
    if metric == OUTLIERS:
        shape = cell.shape
        return Bounded(100 * shape.outliers / shape.n) if shape is not None and shape.n else None
    if metric == MISSES:
        worst = worst_case(cell)
        return Bounded(100 * worst.deadlines[0].share) if worst is not None and worst.deadlines else None
    estimate = point.row.estimates.get(metric)
    return Bounded(estimate.value, estimate.low, estimate.high) if estimate and estimate.value is not None else None


def _row(figure: _Figure, cell: CellAnalysis, point: Point, value: Bounded | None) -> dict[str, Any]:
    shown, scale = figure.shown, figure.scale
    if value is None:
        said, text, place = str(point.row.status), _FAILED, None
    else:
        doubt = _doubt(point, shown.metric)
        said, text = value.text(unit_of(shown.metric)) + doubt, value.short(scale) + ("?" if doubt else "")
        place = scale.of(value.value)
    return {
        "x": str(point.where.get(shown.x.name, "")),
        "y": str(point.where.get(shown.y.name, "")),
        "value": place,
        "text": text,
        "known": value is not None,
        "inverted": point.row.cell.key in figure.inverted,
        "about": f"{figure.analysis.grid.label(point)}: {NAMES.get(shown.metric, shown.metric)} {said}",
        "link": link(cell),
        **figure.panels.labels(point),
    }


def _doubt(point: Point, metric: str) -> str:
    estimate = point.row.estimates.get(metric)
    return f", suspect: {estimate.doubt}" if estimate is not None and estimate.verdict is Trust.SUSPECT else ""


NAMES = {
    "latency": "latency",
    "latency_p90": "p90 latency",
    "latency_p99": "p99 latency",
    "latency_p99.9": "p99.9 latency",
    "latency_max": "largest latency",
    "throughput": "throughput",
    "host_memory": "host memory",
    "device_memory": "device memory",
    "cold_start": "cold start",
    **{
        f"{kind}_{scope}": f"{name} {words}"
        for scope, name in SCOPES.items()
        for kind, words in (
            ("energy", "energy a sample"),
            ("energy_net", "net energy a sample"),
            ("power", "power"),
            ("power_idle", "idle power"),
            ("power_active_idle", "active-idle power"),
            ("efficiency", "samples a joule"),
            ("energy_delay", "energy-delay product"),
        )
    },
    CPU_ESTIMATE: "estimated CPU energy a sample",
    OUTLIERS: "share of outliers",
    MISSES: "share of calls that missed the deadline",
}
"""What people call a metric."""


def _inverted(analysis: Analysis, shown: Slice) -> frozenset[str]:
    """Keys of the cells that are faster than a smaller neighbour along one of the two axes."""
    if shown.metric != LATENCY:
        return frozenset()
    axes = (shown.x.name, shown.y.name)
    return frozenset(found.large.row.cell.key for found in analysis.scaling.inversions if found.axis in axes)


def _draw(figure: _Figure, rows: Sequence[dict[str, Any]]) -> alt.LayerChart:
    shown = figure.shown
    x = alt.X("x:N", title=shown.x.name, sort=_order(shown.x), axis=alt.Axis(labelAngle=0, domain=False, ticks=False))
    y = alt.Y("y:N", title=shown.y.name, sort=_order(shown.y, rising=False), axis=alt.Axis(domain=False, ticks=False))
    steps = _steps(figure)
    shade = alt.Scale(type="threshold", domain=steps, range=heat_inks())
    written = alt.Scale(type="threshold", domain=steps, range=heat_inks(name=True))
    base = blank().encode(x=x, y=y)
    known = base.transform_filter("datum.known")
    tiles = known.mark_rect(stroke=ink("paper"), strokeWidth=2).encode(
        color=alt.Color("value:Q", scale=shade, legend=None),
        href=alt.Href("link:N"),
        description=alt.Description("about:N"),
    )
    numbers = known.mark_text(aria=False, fontSize=11).encode(
        text=alt.Text("text:N"), color=alt.Color("value:Q", scale=written, legend=None)
    )
    missing = (
        base.transform_filter("!datum.known")
        .mark_text(fontSize=13, color=ink("bad"))
        .encode(text=alt.Text("text:N"), description=alt.Description("about:N"))
    )
    layers: list[Any] = [tiles, numbers, missing]
    if any(row["inverted"] for row in rows):
        layers.append(
            base.transform_filter("datum.inverted").mark_rect(
                aria=False, filled=False, stroke=ink("bad"), strokeWidth=2.5
            )
        )
    wide, high = _LARGE if figure.panels.column is None else _CELL
    chart = alt.layer(*layers).resolve_scale(color="independent")
    return sized(chart, wide * len(shown.x.values), high * len(shown.y.values))


def _order(axis: Axis, *, rising: bool = True) -> list[str]:
    """Values as texts, the largest on top of a vertical axis."""
    values = [str(value) for value in axis.values]
    return values[::-1] if axis.numeric and not rising else values


def _steps(figure: _Figure) -> list[float]:
    """The values at which the colour changes: equal factors between the ends, for shares equal parts of the largest."""
    shares = [step / HEAT_STEPS for step in range(1, HEAT_STEPS)]
    if unit_of(figure.shown.metric) == "%":
        return [figure.scale.high * share for share in shares]
    return [figure.scale.back(share) for share in shares]


def _title(shown: Slice, found: Sequence[tuple[CellAnalysis, Point, Bounded | None]], analysis: Analysis) -> str:
    known = [(value, point) for _, point, value in found if value is not None]
    name = NAMES.get(shown.metric, shown.metric)
    on = f" on {shown.setup}" if shown.setup else ""
    if not known:
        return f"No cell has a value: {name}{on}"
    low, first = min(known, key=lambda pair: pair[0].value)
    high, last = max(known, key=lambda pair: pair[0].value)
    unit = unit_of(shown.metric)
    if first is last:
        return f"The {name}{on} is {quantity(low.value, unit)}"
    start, stop = (_place(analysis, shown, point) for point in (first, last))
    return f"The {name}{on} goes from {quantity(low.value, unit)} at {start} to {quantity(high.value, unit)} at {stop}"


def _place(analysis: Analysis, shown: Slice, point: Point) -> str:
    """A point's coordinates that are not the same for all of the map."""
    varying = [axis.name for axis in analysis.grid.axes if axis.name not in SETUP_AXES or not shown.setup]
    return place({name: point.where[name] for name in varying if name in point.where})


def _subtitle(figure: _Figure, rows: Sequence[dict[str, Any]]) -> str:
    parts = [
        figure.scale.title(NAMES.get(figure.shown.metric, figure.shown.metric)),
        _deadline(figure) if figure.shown.metric == MISSES else "",
        extent(figure.analysis),
        figure.panels.held,
        "framed: faster than a smaller neighbour" if any(row["inverted"] for row in rows) else "",
        "?: suspect" if any(row["text"].endswith("?") for row in rows) else "",
        "" if all(row["known"] for row in rows) else f"{_FAILED}: {_missing(figure)}",
    ]
    return "; ".join(part for part in parts if part)


def _missing(figure: _Figure) -> str:
    """Why tiles are empty: no result, or what a reading of energy says of itself."""
    metric = figure.shown.metric
    points = [point for point in figure.panels.points if metric in ENERGY_METRICS]
    whys = [point.row.estimates[metric].why for point in points if point.row.estimates[metric].value is None]
    return f"unavailable ({'; '.join(dict.fromkeys(whys))})" if whys else "no result"


def _deadline(figure: _Figure) -> str:
    """The deadline that the misses are of, and what the calls met."""
    worst = (worst_case(cell) for cell in figure.panels.cells)
    asked = next((one for one in worst if one is not None and one.deadlines), None)
    return f"deadline {exact(asked.deadlines[0].deadline_s, 's')}, {condition(asked)}" if asked is not None else ""
