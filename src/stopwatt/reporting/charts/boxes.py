"""Box plots along an axis, drawn so that box, whiskers and the outlier mass can all be seen.

The box of a steady cell is 1 % high and its outliers lie 100 % above it. On a linear axis the box is a line, on a
logarithmic one too. So the axis is the distance from the cell's own median, linear within 1 % of it and logarithmic
beyond (a symmetric logarithm); the medians themselves stand below each box, the counts above.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from stopwatt.analyse.analysis import Analysis, CellAnalysis
from stopwatt.analyse.grid import Axis, Point
from stopwatt.analyse.grid import place as grid_place
from stopwatt.analyse.picture import Box, box_of
from stopwatt.records import Scalar
from stopwatt.reporting.charts.axes import BOTTOM, TOP, UPRIGHT
from stopwatt.reporting.charts.frame import LABEL_HEIGHT, blank, finished, shortened, sized
from stopwatt.reporting.charts.panels import Where, pairs
from stopwatt.reporting.charts.sentences import link
from stopwatt.reporting.charts.setups import Setups, setups_of
from stopwatt.reporting.charts.theme import ink
from stopwatt.units import percent, quantity

MOST_BOXES = 32
"""Boxes of one figure; of a longer axis it shows values evenly from the first to the last."""
LINEAR = 0.01
"""Distance from the median within which the axis is linear."""
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000)
_ROOM = 1.15
_BOX = 76
_HEIGHT = 300


def boxes(analysis: Analysis, axis: Axis, focus: Where) -> Any:
    """A box for every value of the axis and every setup, all other coordinates held.

    Args:
        analysis: Of a grid.
        axis: One of its axes.
        focus: Values at which all other axes but those of the setups are held.
    """
    setups = setups_of(analysis)
    chosen = list(_chosen(analysis, axis, setups, focus))
    rows = [row for cell, point in chosen for row in _rows(analysis, axis, setups, cell, point)]
    return finished(
        _draw(axis, setups, rows), rows, _title(axis, setups, chosen), _subtitle(analysis, axis, focus, chosen)
    )


def _chosen(analysis: Analysis, axis: Axis, setups: Setups, focus: Where) -> Iterator[tuple[CellAnalysis, Point]]:
    """Cells with trials that differ from the focus only in the axis and in the setup."""
    others = [one.name for one in analysis.grid.axes if one.name != axis.name and one.name not in setups.axes]
    shown = shown_values(axis, setups)
    for cell, point in pairs(analysis):
        near = all(point.where.get(name) == focus.get(name) for name in others)
        if cell.series and near and point.where.get(axis.name) in shown:
            yield cell, point


def shown_values(axis: Axis, setups: Setups) -> tuple[Scalar, ...]:
    """The values of an axis that have room."""
    each = 1 if axis.name in setups.axes else len(setups.names)
    most = max(2, MOST_BOXES // max(1, each))
    if len(axis.values) <= most:
        return axis.values
    places = [round(place * (len(axis.values) - 1) / (most - 1)) for place in range(most)]
    return tuple(axis.values[place] for place in places)


def _rows(analysis: Analysis, axis: Axis, setups: Setups, cell: CellAnalysis, point: Point) -> Iterator[dict[str, Any]]:
    box = box_of(cell.series)
    place = {"x": shortened(str(point.where.get(axis.name, "")), 20), "setup": setups.name(point)}
    about = f"{analysis.grid.label(point)}: {_counts(box)}"
    ends = {name: box.from_median(getattr(box, f"{name}_s")) for name in ("low", "q1", "median", "q3", "high")}
    yield place | ends | {"kind": "box", "about": about, "link": link(cell)}
    yield place | {"kind": "count", "text": [percent(box.above / box.n), f"{box.above:,} of {box.n:,}"]}
    yield place | {"kind": "median", "text": quantity(box.median_s, "s")}
    for value in box.outliers_s:
        yield place | {"kind": "outlier", "from_median": box.from_median(float(value))}


def _counts(box: Box) -> str:
    return f"median {quantity(box.median_s, 's')}, {box.above:,} of {box.n:,} beyond the upper fence"


def _draw(axis: Axis, setups: Setups, rows: Sequence[dict[str, Any]]) -> alt.LayerChart:
    several = len(setups.names) > 1 and axis.name not in setups.axes
    names = [name for name in setups.names if any(row["setup"] == name for row in rows)]
    values = [shortened(str(value), 20) for value in shown_values(axis, setups)]
    x = alt.X("x:N", title=axis.name, sort=values, axis=alt.Axis(labelAngle=0, offset=24, domain=False, ticks=False))
    y = _y("low", rows)
    base = blank().encode(x=x, xOffset=alt.XOffset("setup:N", sort=names) if several else alt.Undefined)
    box = base.transform_filter("datum.kind == 'box'").encode(color=setups.colour(legend=several, offset=58))
    whiskers = box.mark_rule(aria=False, strokeWidth=1.5).encode(y=y, y2=alt.Y2("high:Q"))
    body = box.mark_bar(size=18, cornerRadius=1, fillOpacity=0.85).encode(
        y=alt.Y("q1:Q"), y2=alt.Y2("q3:Q"), href=alt.Href("link:N"), description=alt.Description("about:N")
    )
    middle = box.mark_tick(aria=False, thickness=2, size=18).encode(
        y=alt.Y("median:Q"), color=alt.ColorValue(ink("paper"))
    )
    outliers = (
        base.transform_filter("datum.kind == 'outlier'")
        .mark_tick(aria=False, size=14, thickness=1, opacity=0.6)
        .encode(y=alt.Y("from_median:Q"), color=setups.colour(legend=several, offset=58))
    )
    counts = base.transform_filter("datum.kind == 'count'").mark_text(
        aria=False, baseline="bottom", dy=-17, fontSize=10, lineHeight=12, color=ink("ink")
    )
    medians = base.transform_filter("datum.kind == 'median'").mark_text(
        aria=False, baseline="top", dy=8, fontSize=10, color=ink("quiet")
    )
    layers = [
        whiskers,
        body,
        middle,
        outliers,
        counts.encode(y=TOP, text=alt.Text("text:N")),
        medians.encode(y=BOTTOM, text=alt.Text("text:N")),
    ]
    width = _BOX * len(values) * (len(names) if several else 1)
    return sized(alt.layer(*layers), max(width, 3 * _BOX), _HEIGHT)


def _y(field: str, rows: Sequence[dict[str, Any]]) -> alt.Y:
    ends = [row[name] for row in rows for name in ("low", "high", "from_median") if name in row] or [0.0]
    low, high = min(*ends, -LINEAR) * _ROOM, max(*ends, LINEAR) * _ROOM
    scale = alt.Scale(type="symlog", constant=LINEAR, domain=[low, high], nice=False)
    places = _ticks(low, high)
    axis = alt.Axis(values=places, tickCount=len(places), labelExpr=_SIGNED, **UPRIGHT | {"titleY": -38})
    return alt.Y(f"{field}:Q", title="distance from the median of the cell", scale=scale, axis=axis)


def _ticks(low: float, high: float) -> list[float]:
    """The median, and to both sides what there is room for."""
    pixels = _HEIGHT / (_symlog(high) - _symlog(low))
    found = [0.0]
    for side in (1, -1):
        last = 0.0
        for size in _TICKS:
            if low <= side * size <= high and pixels * abs(_symlog(size) - _symlog(last)) >= LABEL_HEIGHT + 2:
                last = size
                found.append(side * size)
    return sorted(found)


def _symlog(value: float) -> float:
    return math.copysign(math.log1p(abs(value) / LINEAR), value)


_SIGNED = "datum.value == 0 ? 'median' : format(100 * datum.value, '+.4~g') + ' %'"


def _title(axis: Axis, setups: Setups, chosen: Sequence[tuple[CellAnalysis, Point]]) -> str:
    found = [(box_of(cell.series), point) for cell, point in chosen]
    if not found:
        return "No cell has trials"
    most, point = max(found, key=lambda pair: pair[0].above / pair[0].n)
    if not most.above:
        return "No trial lies beyond the upper fence of its cell"
    least = min(box.above / box.n for box, _ in found)
    share = percent(most.above / most.n)
    if least == most.above / most.n:
        return f"{share} of the calls are outliers"
    where = f"{axis.name}={point.where[axis.name]}" if axis.name in point.where else "one cell"
    on = "" if axis.name in setups.axes else f" on {setups.name(point)}"
    return f"{percent(least)} to {share} of the calls are outliers, the most at {where}{on}"


def _subtitle(analysis: Analysis, axis: Axis, focus: Where, chosen: Sequence[tuple[CellAnalysis, Point]]) -> str:
    held = [
        one.name for one in analysis.grid.axes if one.name != axis.name and one.name not in setups_of(analysis).axes
    ]
    fixed = grid_place({name: focus[name] for name in held if name in focus})
    n = sum(series.values.size for cell, _ in chosen for series in cell.series)
    setups = setups_of(analysis)
    shown, there = len(shown_values(axis, setups)), len(axis.values)
    parts = [
        f"at {fixed}" if fixed else "",
        f"{shown} of {there} values of {axis.name}" if shown < there else "",
        f"n = {n:,}",
        "box: quartiles; whiskers: the last trial within 1.5 quartile distances; above: trials beyond them",
        "the axis is linear within 1 % of the median and logarithmic beyond",
    ]
    return "; ".join(part for part in parts if part)
