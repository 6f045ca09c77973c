"""Axes that several figures share."""

from typing import Any

import altair as alt

from stopwatt.reporting.charts.picture import value

NUMBERS = "format(datum.value, ',.6~r')"
PERCENT = "format(100 * datum.value, '.6~r') + ' %'"
"""How places of an axis are written."""


UPRIGHT: dict[str, Any] = {
    "titleAngle": 0,
    "titleAlign": "left",
    "titleAnchor": "start",
    "titleBaseline": "bottom",
    "titleX": 0,
    "titleY": -7,
}
"""The name of a vertical axis above it: nobody likes to read sideways. Small multiples have no room for it."""


TOP = alt.YValue(0)  # type: ignore[no-untyped-call]
BOTTOM = alt.YValue("height")  # type: ignore[no-untyped-call]
EDGE = alt.XValue("width")  # type: ignore[no-untyped-call]
"""Places in a figure that do not depend on the data: its upper, lower and right edge."""


def log_scale(ends: str = "ends") -> alt.Scale:
    """A logarithmic scale between the ends that a picture's parameter names."""
    return alt.Scale(type="log", domain=value(ends), nice=False)


def log_x(field: str, title: str, *, grid: bool = True, ends: str = "ends", ticks: str = "ticks") -> alt.X:
    """A logarithmic horizontal axis."""
    return alt.X(
        f"{field}:Q",
        title=title,
        scale=log_scale(ends),
        axis=alt.Axis(values=value(ticks), labelExpr=NUMBERS, grid=grid),
    )


def log_y(field: str, title: str, *, ends: str = "ends", ticks: str = "ticks", written: str = NUMBERS) -> alt.Y:
    """A logarithmic vertical axis."""
    return alt.Y(
        f"{field}:Q",
        title=title,
        scale=log_scale(ends),
        axis=alt.Axis(values=value(ticks), labelExpr=written, **UPRIGHT),
    )


def trial_x(field: str = "trial", ends: str = "reach") -> alt.X:
    """The trials of all rounds, one after the other: the same place in figures that stand below each other."""
    return alt.X(
        f"{field}:Q",
        title="trial, in the order of time",
        scale=alt.Scale(domain=value(ends), nice=False),
        axis=alt.Axis(grid=False, tickMinStep=1, format=",d"),
    )


def trial_ends(n: int) -> list[float]:
    """The ends of that axis for so many trials; without them an empty table makes a renderer complain."""
    return [0, n + 0.5]
