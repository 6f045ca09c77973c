"""Cost of batch: latency and samples/s over the batch size, with the sweet spot."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from stopwatt.analyse.analysis import Analysis
from stopwatt.analyse.batchcost import BatchCost
from stopwatt.analyse.estimate import counted
from stopwatt.analyse.grid import Point
from stopwatt.analyse.grid import place as grid_place
from stopwatt.analyse.rate import rate_of
from stopwatt.reporting.charts.axes import NUMBERS, UPRIGHT
from stopwatt.reporting.charts.frame import Span, blank, finished, sized, span
from stopwatt.reporting.charts.level import bars_of, level_at
from stopwatt.reporting.charts.panels import Where
from stopwatt.reporting.charts.sentences import extent
from stopwatt.reporting.charts.setups import Setups, setups_of
from stopwatt.reporting.charts.theme import ink
from stopwatt.units import ratio

_SIZE = (300, 220)
MOST_LINES = 200
"""Lines behind those in focus; more would be a grey block."""


def batch(analysis: Analysis, focus: Where | None = None) -> Any:
    """Latency and samples/s over batch; the lines at the focus in colour, all others behind them in grey.

    Args:
        analysis: Of a grid in which the batch varies.
        focus: Coordinates of the lines in colour; those of the first line where absent.
    """
    costs = analysis.scaling.batches
    setups = setups_of(analysis)
    chosen = _in_focus(costs, setups, focus or {})
    others = [cost for cost in costs if cost not in chosen][:MOST_LINES]
    rows = [row for cost in others for row in _rows(cost, setups, "behind")]
    rows += [row for cost in chosen for row in (*_rows(cost, setups, "line"), *_knee(cost, setups))]
    latency = span([row["latency_s"] for row in rows])
    rate = span([row["rate"] for row in rows], "1")
    for row in rows:
        row["latency"] = latency.of(row.pop("latency_s"))
        row |= {name: latency.of(row[name]) for name in ("low", "high") if name in row}
    sizes = sorted({row["batch"] for row in rows})
    panels = _Panels(setups, sizes)
    chart = alt.hconcat(
        panels.draw("latency", "low", "high", latency.title("latency of a call"), latency),
        panels.draw("rate", "rate_low", "rate_high", "samples/s, one call at a time", rate),
        spacing=60,
    )
    return finished(chart, rows, _title(chosen, setups), _subtitle(analysis, chosen, others))


def _in_focus(costs: Sequence[BatchCost], setups: Setups, focus: Where) -> list[BatchCost]:
    """The lines that differ from the focus in nothing but the setup."""
    if not costs:
        return []
    wanted = focus or costs[0].line.fixed
    return [cost for cost in costs if all(wanted.get(name) == value for name, value in _places(cost, setups).items())]


def _places(cost: BatchCost, setups: Setups) -> Where:
    return {name: value for name, value in cost.line.fixed.items() if name not in setups.axes}


def _rows(cost: BatchCost, setups: Setups, kind: str) -> Iterator[dict[str, Any]]:
    for point in cost.line.points:
        place = _at(point, setups)
        if place is not None:
            yield place | {"kind": kind, "line": cost.line.label}


def _at(point: Point, setups: Setups) -> dict[str, Any] | None:
    level, rate = level_at(point), rate_of(point)
    if level is None or rate is None:
        return None
    return {
        "batch": point.row.cell.setup.batch,
        "latency_s": level.value,
        "low": level.low or level.value,
        "high": level.high or level.value,
        "rate": rate.value,
        "rate_low": rate.low or rate.value,
        "rate_high": rate.high or rate.value,
        "setup": setups.name(point),
        "about": f"{setups.name(point)}, batch {rate.batch}: {level.text()}, {rate.value:,.0f} samples/s",
    }


def _knee(cost: BatchCost, setups: Setups) -> Iterator[dict[str, Any]]:
    point = next((point for point in cost.line.points if point.row.cell.setup.batch == cost.knee), None)
    place = _at(point, setups) if point is not None else None
    if place is not None:
        yield place | {"kind": "knee", "name": f"sweet spot {cost.knee}"}


@dataclass(frozen=True, slots=True)
class _Panels:
    """What both panels share."""

    setups: Setups
    sizes: Sequence[int]

    def draw(self, field: str, low: str, high: str, title: str, axis: Span) -> alt.LayerChart:
        """One panel."""
        y = alt.Y(
            f"{field}:Q",
            title=title,
            scale=alt.Scale(type="log", domain=[axis.low, axis.high], nice=False),
            axis=alt.Axis(values=list(axis.ticks), labelExpr=NUMBERS, **UPRIGHT),
        )
        x = self._x()
        base = blank().encode(x=x)
        behind = base.transform_filter("datum.kind == 'behind'").mark_line(
            aria=False, strokeWidth=1, opacity=0.3, color=ink("rule")
        )
        focus = base.transform_filter("datum.kind == 'line'").encode(color=self.setups.colour())
        lines = focus.mark_line(aria=False, strokeWidth=2).encode(y=y, strokeDash=self.setups.dash())
        bars = focus.mark_rule(aria=False, strokeWidth=1.5, clip=True).encode(
            y=alt.Y(f"{low}:Q"), y2=alt.Y2(f"{high}:Q")
        )
        points = focus.mark_point(size=34, opacity=1).encode(
            y=y, color=self.setups.colour(), shape=self.setups.shape(), description=alt.Description("about:N")
        )
        knee = base.transform_filter("datum.kind == 'knee'")
        rings = knee.mark_point(aria=False, filled=False, size=170, strokeWidth=1.5, color=ink("ink")).encode(y=y)
        names = self.setups.written(knee.encode(y=y, text=alt.Text("name:N")), align="left", baseline="top", dx=8, dy=6)
        return sized(
            alt.layer(
                behind.encode(y=y, detail=[alt.Detail("line:N"), alt.Detail("setup:N")]),
                lines,
                bars,
                points,
                rings,
                *names,
            ),
            *_SIZE,
        )

    def _x(self) -> alt.X:
        ends = span([float(size) for size in self.sizes], "1")
        scale = alt.Scale(type="log", domain=[ends.low, ends.high], nice=False)
        axis = alt.Axis(values=list(self.sizes), tickCount=len(self.sizes), grid=False, labelOverlap="greedy")
        return alt.X("batch:Q", title="batch", scale=scale, axis=axis)


def _title(chosen: Sequence[BatchCost], setups: Setups) -> str:
    if not chosen:
        return "Latency and samples/s over batch"
    cost = max(chosen, key=lambda cost: cost.gain)
    on = f" on {setups.name(cost.line.points[0])}" if len(chosen) > 1 else ""
    if cost.knee == cost.smallest:
        return f"A larger batch does not pay{on}: batch {cost.knee} gives nearly the most samples/s"
    return (
        f"Batch {cost.knee} is the sweet spot{on}: {ratio(cost.gain)} the samples/s of batch {cost.smallest} "
        f"for {ratio(cost.cost)} the latency"
    )


def _subtitle(analysis: Analysis, chosen: Sequence[BatchCost], others: Sequence[BatchCost]) -> str:
    setups = setups_of(analysis)
    held = grid_place(_places(chosen[0], setups)) if chosen else ""
    grey = f"grey: {counted(len(others), 'other line')} of the grid" if others else ""
    parts = [f"at {held}" if held else "", extent(analysis), bars_of(analysis.grid.points), grey]
    return "; ".join(part for part in parts if part)
