"""Growth along an axis of the grid: latency or another metric on two logarithmic axes, kinks and inversions marked."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from stopwatt.analyse.analysis import Analysis
from stopwatt.analyse.energy import ENERGY_METRICS
from stopwatt.analyse.estimate import Trust, counted
from stopwatt.analyse.grid import Axis, Point
from stopwatt.analyse.growth import Growth, growths_of
from stopwatt.analyse.steps import Inversion
from stopwatt.errors import UsageError
from stopwatt.reporting.charts.axes import EDGE, NUMBERS, UPRIGHT
from stopwatt.reporting.charts.frame import Span, blank, finished, sized, span, spread
from stopwatt.reporting.charts.heat import LATENCY, NAMES, unit_of
from stopwatt.reporting.charts.level import bars_of, level_at, span_of
from stopwatt.reporting.charts.panels import Panels, Where, faceted, lay_out
from stopwatt.reporting.charts.sentences import extent, link, reasons
from stopwatt.reporting.charts.setups import Setups, setups_of
from stopwatt.reporting.charts.theme import ink

_PANEL = (180, 135)
_ALONE = (600, 280)
_NAME_HEIGHT = 11
_MOST_SIZES = 12
"""Values of an axis that are all written; a longer one is labelled 1, 2, 5."""

Rows = Iterator[dict[str, Any]]


def growth(analysis: Analysis, axis: Axis, focus: Where | None = None, metric: str = LATENCY) -> Any:
    """A metric over one axis, a line for each place of the others, small multiples where they are several.

    Args:
        analysis: Of a grid.
        axis: One of its numeric axes.
        focus: Values at which axes are held for which there is no place.
        metric: Name of an estimate. What is suspect is left out, and counted.

    Raises:
        UsageError: No cell has it; says why.
    """
    panels = lay_out(analysis, [axis.name], ["lines", "column", "row"], focus or {}, rows_each=2)
    grown = _latency(analysis) if metric == LATENCY else _other(analysis, metric)
    levels = [level for point in panels.points if (level := level_at(point, metric))]
    figure = _Figure(analysis, axis, panels, setups_of(analysis), span_of(levels, grown.unit), grown)
    rows = [*figure.cells(), *figure.inversions(), *figure.kinks(), *figure.names()]
    return finished(faceted(figure.drawing(), panels), rows, _title(figure), _subtitle(figure))


@dataclass(frozen=True, slots=True)
class _Grown:
    """What grows, and what is known of it.

    Attributes:
        name: As people read it.
        left_out: How many cells have a value that is suspect.
    """

    metric: str
    name: str
    unit: str
    growths: tuple[Growth, ...]
    inversions: tuple[Inversion, ...] = ()
    left_out: int = 0


def _latency(analysis: Analysis) -> _Grown:
    return _Grown(LATENCY, LATENCY, "s", analysis.scaling.growths, analysis.scaling.inversions)


def _other(analysis: Analysis, metric: str) -> _Grown:
    """Without inversions: a step that costs less is one of latency, or says nothing."""
    points, name = analysis.grid.points, NAMES.get(metric, metric)
    if not any(level_at(point, metric) for point in points):
        found = [point.row.estimates[metric] for point in points if metric in point.row.estimates]
        why = reasons(one.doubt or one.why or "0 has no place on a logarithmic axis" for one in found)
        now = "name another --metric" if metric not in ENERGY_METRICS else "see stopwatt meters, measure with --energy"
        raise UsageError(f"no cell has a {name} to draw", when=why, now=now)
    left_out = sum(point.row.estimates[metric].verdict is Trust.SUSPECT for point in points)
    return _Grown(metric, name, unit_of(metric), growths_of(analysis.grid, metric=metric), left_out=left_out)


@dataclass(frozen=True, slots=True)
class _Figure:
    """What the rows and the drawing of one figure share."""

    analysis: Analysis
    axis: Axis
    panels: Panels
    setups: Setups
    vertical: Span
    grown: _Grown

    @property
    def alone(self) -> bool:
        """Whether there is only one panel."""
        return self.panels.column is None and self.panels.row is None

    def at(self, point: Point) -> dict[str, Any] | None:
        """Where a point stands; nowhere without a value."""
        level = level_at(point, self.grown.metric)
        if level is None or self.axis.name not in point.where:
            return None
        place = {"size": point.where[self.axis.name], "level": self.vertical.of(level.value)}
        return place | self.panels.labels(point) | {"setup": self.setups.name(point)}

    def cells(self) -> Rows:
        """The points with their intervals."""
        for cell, point in zip(self.panels.cells, self.panels.points, strict=True):
            place, level = self.at(point), level_at(point, self.grown.metric)
            if place is not None and level is not None:
                bounds = [level.low, level.high] if level.low and level.high else [level.value] * 2
                low, high = map(self.vertical.of, bounds)
                about = f"{self.analysis.grid.label(point)}: {level.text(self.grown.unit)}"
                yield {"kind": "cell", "low": low, "high": high, "about": about, "link": link(cell)} | place

    def inversions(self) -> Rows:
        """Strokes from the smaller to the larger problem that is faster."""
        shown = {id(point.row) for point in self.panels.points}
        for found in self.grown.inversions:
            start, stop = self.at(found.small), self.at(found.large)
            if found.axis == self.axis.name and id(found.small.row) in shown and start and stop:
                yield start | {"kind": "inversion", "next": stop["size"], "then": stop["level"]}

    def kinks(self) -> Rows:
        """Rings where the slope changes."""
        shown = {id(point.row) for point in self.panels.points}
        for found in self.grown.growths:
            if found.line.axis.name == self.axis.name:
                for point in found.line.points:
                    place = self.at(point)
                    if place and place["size"] in found.kinks and id(point.row) in shown:
                        yield place | {"kind": "kink"}

    def names(self) -> Rows:
        """Each line's name at its end, moved where names would collide; in the last column only, as it is in all."""
        last = self.panels.order("column")[-1:]
        panels: dict[tuple[str, str], dict[tuple[str, str], dict[str, Any]]] = defaultdict(dict)
        for point in self.panels.points:
            place = self.at(point)
            if place is not None and place["column"] in (last or [""]):
                line = place["line"], place["setup"]
                before = panels[place["column"], place["row"]].get(line)
                if before is None or before["size"] <= place["size"]:
                    panels[place["column"], place["row"]][line] = place
        for lines in panels.values():
            yield from self._named(list(lines.values()))

    def _named(self, ends: Sequence[dict[str, Any]]) -> Rows:
        height = self.size[1]
        places = spread([height * (1 - self.vertical.at(end["level"])) for end in ends], height, _NAME_HEIGHT)
        for end, place in zip(ends, places, strict=True):
            yield end | {
                "kind": "name",
                "label_at": self.vertical.back(1 - place / height),
                "name": end["line"] or end["setup"],
            }

    @property
    def size(self) -> tuple[int, int]:
        """Of a panel, in pixels."""
        return _ALONE if self.alone else _PANEL

    def drawing(self) -> alt.LayerChart:
        """The layers of a panel."""
        x, y = self._x(), self._y()
        base, setups = blank(), self.setups
        direct = self.panels.lines is None and self.alone  # the lines are named by their setups: no legend
        cells = base.transform_filter("datum.kind == 'cell'").encode(x=x, color=setups.colour(legend=not direct))
        lines = cells.mark_line(aria=False, strokeWidth=1.5, opacity=0.85).encode(
            y=y, strokeDash=setups.dash(), detail=alt.Detail("line:N")
        )
        bars = cells.mark_rule(aria=False, strokeWidth=1.5, clip=True).encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
        points = cells.mark_point(size=28, opacity=1).encode(
            y=y,
            color=setups.colour(legend=not direct),
            shape=setups.shape(legend=not direct),
            href=alt.Href("link:N"),
            description=alt.Description("about:N"),
        )
        inversions = base.transform_filter("datum.kind == 'inversion'").mark_rule(
            aria=False, strokeWidth=8, opacity=0.35, strokeCap="round", color=ink("bad")
        )
        kinks = base.transform_filter("datum.kind == 'kink'").mark_point(
            aria=False, filled=False, size=130, strokeWidth=1.2, color=ink("ink")
        )
        names = base.transform_filter("datum.kind == 'name'")
        layers = [
            inversions.encode(x=x, x2=alt.X2("next:Q"), y=y, y2=alt.Y2("then:Q")),
            lines,
            bars,
            points,
            kinks.encode(x=x, y=y),
            *setups.written(names.encode(x=EDGE, y=alt.Y("label_at:Q"), text=alt.Text("name:N")), align="left", dx=6),
        ]
        return sized(alt.layer(*layers), *self.size)

    def _x(self) -> alt.X:
        sizes = [float(value) for value in self.axis.values]
        if min(sizes) <= 0:
            return alt.X("size:Q", title=self.axis.name, axis=alt.Axis(grid=False))
        ends = span(sizes, "1")
        places = sizes if len(sizes) <= _MOST_SIZES else list(ends.ticks)
        shown = alt.Axis(values=places, tickCount=len(places), labelExpr=NUMBERS, grid=False, labelOverlap="greedy")
        scale = alt.Scale(type="log", domain=[ends.low, ends.high], nice=False)
        return alt.X("size:Q", title=self.axis.name, axis=shown, scale=scale)

    def _y(self) -> alt.Y:
        title = UPRIGHT if self.alone else {}
        scale = alt.Scale(type="log", domain=[self.vertical.low, self.vertical.high], nice=False)
        axis = alt.Axis(values=list(self.vertical.ticks), labelExpr=NUMBERS, **title)
        return alt.Y("level:Q", title=self.vertical.title(self.grown.name), scale=scale, axis=axis)


def _title(figure: _Figure) -> str:
    axis, grown = figure.axis, figure.grown
    exponents = [one.exponent for one in grown.growths if one.line.axis.name == axis.name]
    inversions = sum(found.axis == axis.name for found in grown.inversions)
    steps = sum(len(line.points) - 1 for line in figure.analysis.grid.lines(axis))
    name = grown.name[:1].upper() + grown.name[1:]
    says = f"{name} over {axis.name}"
    if exponents:
        low, high = (f"{round(end(exponents), 2) + 0:.2f}" for end in (min, max))  # + 0: never "-0.00"
        grows = "grows" if grown.metric == LATENCY or min(exponents) > 0 else "goes"
        says = f"{name} {grows} with {axis.name} to the power {low if low == high else f'{low} to {high}'}"
    return f"{says}; at {inversions:,} of {steps:,} steps the larger problem is faster" if inversions else says


def _subtitle(figure: _Figure) -> str:
    axis, grown, panels = figure.axis, figure.grown, figure.panels
    parts = [extent(figure.analysis), panels.held, bars_of(panels.points, grown.metric)]
    if any(found.axis == axis.name for found in grown.inversions):
        parts.append("broad strokes: inversions")
    if any(one.kinks for one in grown.growths if one.line.axis.name == axis.name):
        parts.append("rings: kinks")
    if grown.left_out:
        parts.append(f"left out: {counted(grown.left_out, 'cell')} with a suspect value")
    return "; ".join(part for part in parts if part)
