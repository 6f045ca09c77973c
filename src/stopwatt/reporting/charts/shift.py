"""A/B shift by decile: where in the distribution B differs from A."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from stopwatt.analyse.shift import DecileShift
from stopwatt.reporting.charts.axes import UPRIGHT
from stopwatt.reporting.charts.frame import HEIGHT, WIDTH, blank, finished, sized
from stopwatt.reporting.charts.theme import ink
from stopwatt.stats.ratios import MARGIN
from stopwatt.units import change

_DECILE = "format(100 * datum.value, 'd') + ' %'"
_CHANGE = "datum.value == 0 ? 'same' : format(100 * datum.value, '+.3~g') + ' %'"


def shift(shifts: Sequence[DecileShift], a: str, b: str) -> Any:
    """The change of every decile from A to B, with intervals across rounds.

    Args:
        shifts: Of `analyse.shift.shift_of`; at least one.
        a: What A is called.
        b: What B is called.
    """
    rows = [
        {
            "q": one.q,
            "change": one.ratio - 1,
            "low": (one.low or one.ratio) - 1,
            "high": (one.high or one.ratio) - 1,
            "about": f"p{100 * one.q:.0f}: {change(one.ratio)}",
        }
        for one in shifts
    ]
    x = alt.X(
        "q:Q",
        title="decile of the calls, from the fastest to the slowest",
        scale=alt.Scale(domain=[0.05, 0.95]),
        axis=alt.Axis(values=[one.q for one in shifts], labelExpr=_DECILE, grid=False),
    )
    y = alt.Y("change:Q", title=f"latency of {b} against {a}", axis=alt.Axis(labelExpr=_CHANGE, **UPRIGHT))
    base = blank().encode(x=x)
    margin = alt.Chart(alt.InlineData(values=[{"from": 1 / (1 + MARGIN) - 1, "to": MARGIN}]))
    same = alt.Chart(alt.InlineData(values=[{"change": 0}])).mark_rule(aria=False, color=ink("rule"))
    layers = [
        margin.mark_rect(aria=False, color=ink("faint")).encode(y=alt.Y("from:Q"), y2=alt.Y2("to:Q")),
        same.encode(y=y),
        base.mark_line(aria=False, strokeWidth=1.5, opacity=0.6, color=ink("accent")).encode(y=y),
        base.mark_rule(aria=False, strokeWidth=2.5, color=ink("accent")).encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q")),
        base.mark_point(size=60, opacity=1, color=ink("accent")).encode(y=y, description=alt.Description("about:N")),
    ]
    rounds = "bars: 95 % intervals across rounds" if any(one.low is not None for one in shifts) else shifts[0].why
    band = f"grey: within {MARGIN:.0%} of no difference".replace("%", " %")
    chart = sized(alt.layer(*layers), WIDTH, HEIGHT)
    return finished(chart, rows, _title(shifts, b), f"{rounds}; {band}")


def _title(shifts: Sequence[DecileShift], b: str) -> str:
    middle = min(shifts, key=lambda one: abs(one.q - 0.5))
    ends = (shifts[0], shifts[-1])
    widest = max(ends, key=lambda one: abs(one.ratio - 1))
    direction = "slower" if middle.ratio > 1 else "faster"
    text = f"{b} is {direction} in the median ({change(middle.ratio)})"
    return f"{text}; at p{100 * widest.q:.0f} the difference is {change(widest.ratio)}"
