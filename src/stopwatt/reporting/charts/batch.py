"""What a batch costs and brings: latency, samples/s and energy a sample over it, with knees and where memory ends."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from stopwatt.analyse.analysis import Analysis
from stopwatt.analyse.batches import BatchLine, batch_lines_of, samples_per_second
from stopwatt.analyse.energy import scope_name, shown_energy
from stopwatt.analyse.estimate import counted
from stopwatt.analyse.grid import Point
from stopwatt.analyse.grid import place as grid_place
from stopwatt.reporting.charts.axes import EDGE, NUMBERS, UPRIGHT
from stopwatt.reporting.charts.batch_words import NO_RESULT, NO_ROOM, doubted, knee_words, stops, subtitle, title
from stopwatt.reporting.charts.frame import Span, blank, finished, sized, span, spread
from stopwatt.reporting.charts.level import Bounded, level_at, span_of
from stopwatt.reporting.charts.panels import Where
from stopwatt.reporting.charts.setups import Setups, setups_of
from stopwatt.reporting.charts.theme import ink

_WIDTH, _HEIGHT, _NAME_HEIGHT = 560, 150, 12
MOST_LINES = 200
"""Lines behind those in focus; more would be a grey block."""

Rows = Iterator[dict[str, Any]]


def batch(analysis: Analysis, focus: Where | None = None) -> Any:
    """Three panels over batch; the lines at the focus in colour, all others behind them in grey.

    Args:
        analysis: Of a grid in which the batch varies.
        focus: Coordinates of the lines in colour; those of the first line where absent.
    """
    facts = analysis.facts if len(analysis.machines) <= 1 else {}  # of several machines nobody knows whose they are
    lines = batch_lines_of(analysis.grid, facts)
    setups = setups_of(analysis)
    chosen = _in_focus(lines, setups, focus or {})
    others = [line for line in lines if line not in chosen][:MOST_LINES]
    figure = _Figure(setups, chosen, others, tuple(_quantities(chosen, others)))
    rows = [*figure.points("behind", others), *figure.points("line", chosen), *figure.marks(), *figure.names()]
    held = grid_place(_places(chosen[0], setups)) if chosen else ""
    where = f"at {held}" if held else ""
    grey = f"grey: {counted(len(others), 'other line')} of the grid" if others else ""
    return finished(figure.drawing(), rows, title(chosen, setups), subtitle(analysis, chosen, where, grey))


def _in_focus(lines: Sequence[BatchLine], setups: Setups, focus: Where) -> list[BatchLine]:
    """The lines that differ from the focus in nothing but the setup."""
    if not lines:
        return []
    wanted = focus or lines[0].line.fixed
    return [line for line in lines if all(wanted.get(name) == value for name, value in _places(line, setups).items())]


def _places(line: BatchLine, setups: Setups) -> Where:
    return {name: value for name, value in line.line.fixed.items() if name not in setups.axes}


@dataclass(frozen=True, slots=True)
class _Quantity:
    """What a panel shows.

    Attributes:
        name: Column of the rows; its interval is in `NAME_low` and `NAME_high`.
        head: Title of its axis.
        value: Of a cell of a line; `None` where it has none.
    """

    name: str
    head: str
    axis: Span
    value: Callable[[BatchLine, Point], Bounded | None]

    def columns(self, line: BatchLine, point: Point) -> dict[str, Any]:
        """What a cell adds to its row: nothing where it has no value."""
        found = self.value(line, point)
        if found is None:
            return {}
        low, high = (found.low, found.high) if found.low and found.high else (found.value, found.value)
        ends = {f"{self.name}_low": self.axis.of(low), f"{self.name}_high": self.axis.of(high)}
        return {self.name: self.axis.of(found.value)} | ends


def _latency(_: BatchLine, point: Point) -> Bounded | None:
    return level_at(point)


def _rate(line: BatchLine, point: Point) -> Bounded | None:
    rate = samples_per_second(point, line.metric)
    return None if rate is None else Bounded(rate.value, rate.low, rate.high)


def _quantities(chosen: Sequence[BatchLine], others: Sequence[BatchLine]) -> Iterator[_Quantity]:
    lines = [*chosen, *others]
    time = _span(lines, _latency, "s")
    yield _Quantity("latency", time.title("latency of a call"), time, _latency)
    yield _Quantity("rate", "samples/s", _span(lines, _rate, "1"), _rate)
    metric = shown_energy([point.row for line in chosen for point in line.line.points])
    if metric:

        def energy(_: BatchLine, point: Point) -> Bounded | None:
            found = point.row.estimates.get(metric)
            return None if found is None or not found.value else Bounded(found.value, found.low, found.high)

        joules = _span(lines, energy, "J")
        yield _Quantity("energy", joules.title(f"energy a sample, {scope_name(metric)}"), joules, energy)


def _span(lines: Sequence[BatchLine], value: Callable[[BatchLine, Point], Bounded | None], unit: str) -> Span:
    return span_of([one for line in lines for point in line.line.points if (one := value(line, point))], unit)


@dataclass(frozen=True, slots=True)
class _Figure:
    """What the rows and the drawing share."""

    setups: Setups
    chosen: Sequence[BatchLine]
    others: Sequence[BatchLine]
    quantities: tuple[_Quantity, ...]

    @property
    def height(self) -> int:
        """Of a panel in pixels: every line has a name at its end."""
        return max(_HEIGHT, _NAME_HEIGHT * len(self.chosen))

    def points(self, kind: str, lines: Sequence[BatchLine]) -> Rows:
        """The cells with a result."""
        for number, line in enumerate(lines):
            for point in line.line.points:
                columns = self._columns(line, point)
                if columns:
                    yield (
                        self._place(line, point)
                        | columns
                        | {
                            "kind": kind,
                            "line": number,
                            "suspect": doubted(point),
                            "about": _about(self.setups, line, point),
                            "link": f"#cell={point.row.cell.key}",
                        }
                    )

    def marks(self) -> Rows:
        """Knees, and batches without a result at the height of the last one with one."""
        for line in self.chosen:
            if line.knee.batch is not None:
                point = line.point(line.knee.batch)
                yield self._place(line, point) | self._columns(line, point) | {"kind": "knee"}
            for last, point, sign in stops(line):
                to = point.row.cell.setup.batch
                yield self._place(line, last) | self._columns(line, last) | {"kind": "stop", "to": to, "sign": sign}

    def names(self) -> Rows:
        """The name of each line at its end in each panel, moved where names would collide."""
        for quantity in self.quantities:
            ends = [end for line in self.chosen if (end := self._end(line, quantity)) is not None]
            places = [self.height * (1 - quantity.axis.at(value)) for _, value in ends]
            for (line, _), place in zip(ends, spread(places, self.height, _NAME_HEIGHT), strict=True):
                words = knee_words(line, self.setups, many=len(self.chosen) > 1) if quantity.name == "rate" else ""
                name = self.setups.name(line.line.points[0]) if len(self.chosen) > 1 else ""
                yield {
                    "kind": f"name of {quantity.name}",
                    "setup": self.setups.name(line.line.points[0]),
                    "name": words or name,
                    quantity.name: quantity.axis.back(1 - place / self.height),
                }

    def _end(self, line: BatchLine, quantity: _Quantity) -> tuple[BatchLine, float] | None:
        for point in reversed(line.line.points):
            value = quantity.value(line, point)
            if value is not None:
                return line, quantity.axis.of(value.value)
        return None

    def _place(self, line: BatchLine, point: Point) -> dict[str, Any]:
        return {"batch": point.row.cell.setup.batch, "setup": self.setups.name(line.line.points[0])}

    def _columns(self, line: BatchLine, point: Point) -> dict[str, Any]:
        return {name: value for one in self.quantities for name, value in one.columns(line, point).items()}

    def drawing(self) -> alt.VConcatChart:
        """The panels below each other, on one axis."""
        panels = [self._panel(one, last=one is self.quantities[-1]) for one in self.quantities]
        return alt.vconcat(*panels, spacing=28)

    def _panel(self, quantity: _Quantity, *, last: bool) -> alt.LayerChart:
        name, setups = quantity.name, self.setups
        x, y = self._x(last=last), _y(quantity)
        base = blank().transform_filter(f"isValid(datum.{name})").encode(x=x)
        behind = base.transform_filter("datum.kind == 'behind'").mark_line(
            aria=False, strokeWidth=1, opacity=0.3, color=ink("rule")
        )
        focus = base.transform_filter("datum.kind == 'line'").encode(color=setups.colour(legend=False))
        filled = focus.transform_filter(f"!({_hollow(name)})").mark_point(size=30, opacity=1)
        hollow = focus.transform_filter(_hollow(name)).mark_point(size=30, opacity=1, filled=False)
        points = {
            "y": y,
            "shape": setups.shape(legend=False),
            "href": alt.Href("link:N"),
            "description": alt.Description("about:N"),
        }
        stop = base.transform_filter("datum.kind == 'stop'").encode(y=y, color=setups.colour(legend=False))
        signs = {sign: stop.transform_filter(f"datum.sign == '{sign}'") for sign in (NO_ROOM, NO_RESULT)}
        to = alt.X("to:Q")
        ring = base.transform_filter("datum.kind == 'knee'").mark_point(
            aria=False, filled=False, size=150, strokeWidth=1.5, color=ink("ink")
        )
        named = blank().transform_filter(f"datum.kind == 'name of {name}'").encode(x=EDGE, y=y, text=alt.Text("name:N"))
        layers = [
            behind.encode(y=y, detail=[alt.Detail("line:N"), alt.Detail("setup:N")]),
            focus.mark_line(aria=False, strokeWidth=2).encode(y=y, strokeDash=setups.dash()),
            focus.mark_rule(aria=False, strokeWidth=1.5, clip=True).encode(
                y=alt.Y(f"{name}_low:Q"), y2=alt.Y2(f"{name}_high:Q")
            ),
            filled.encode(**points),
            hollow.encode(**points),
            signs[NO_ROOM].mark_rule(aria=False, strokeWidth=1.2, strokeDash=[2, 3]).encode(x2=alt.X2("to:Q")),
            signs[NO_ROOM].mark_text(aria=False, fontSize=17, fontWeight=700, text=NO_ROOM).encode(x=to),
            signs[NO_RESULT].mark_text(aria=False, fontSize=15, fontWeight=700, dy=-10, text=NO_RESULT).encode(x=to),
            ring.encode(y=y),
            *setups.written(named, align="left", dx=8),
        ]
        return sized(alt.layer(*layers), _WIDTH, self.height)

    def _x(self, *, last: bool) -> alt.X:
        lines = [*self.chosen, *self.others]
        sizes = sorted({point.row.cell.setup.batch for line in lines for point in line.line.points})
        ends = span([float(size) for size in sizes], "1")
        scale = alt.Scale(type="log", base=2, domain=[ends.low, ends.high], nice=False)
        axis = alt.Axis(
            values=sizes,
            tickCount=len(sizes),
            labelExpr=NUMBERS,
            grid=False,
            labelOverlap="greedy",
        )
        return alt.X("batch:Q", title="batch" if last else None, scale=scale, axis=axis)


def _y(quantity: _Quantity) -> alt.Y:
    shown = quantity.axis
    return alt.Y(
        f"{quantity.name}:Q",
        title=quantity.head,
        scale=alt.Scale(type="log", domain=[shown.low, shown.high], nice=False),
        axis=alt.Axis(values=list(shown.ticks), labelExpr=NUMBERS, **UPRIGHT),
    )


def _hollow(name: str) -> str:
    return "datum.suspect" if name == "energy" else "false"


def _about(setups: Setups, line: BatchLine, point: Point) -> str:
    level, rate = level_at(point), samples_per_second(point, line.metric)
    told = [level.text() if level is not None else "", f"{rate.value:,.0f} samples/s" if rate is not None else ""]
    name = setups.name(line.line.points[0])
    return f"{name}, batch {point.row.cell.setup.batch}: {', '.join(part for part in told if part)}"
