"""The ground of figures that show ratios: a logarithmic axis, the margin, and the line of no difference."""

import altair as alt

from stopwatt.reporting.charts.axes import NUMBERS
from stopwatt.reporting.charts.frame import Span
from stopwatt.reporting.charts.theme import ink
from stopwatt.stats.ratios import MARGIN


def ratio_x(title: str, axis: Span) -> alt.X:
    """The field `value` along a logarithmic axis, with ticks such as `0.5 x`."""
    return alt.X(
        "value:Q",
        title=title,
        scale=alt.Scale(type="log", domain=[axis.low, axis.high], nice=False),
        axis=alt.Axis(values=list(axis.ticks), labelExpr=f"{NUMBERS} + ' x'"),
    )


def margin_band(axis: Span) -> alt.Chart:
    """What does not matter, shaded."""
    ends = {"from": max(1 / (1 + MARGIN), axis.low), "to": min(1 + MARGIN, axis.high)}
    band = alt.Chart(alt.InlineData(values=[ends])).mark_rect(aria=False, color=ink("faint"))
    drawn: alt.Chart = band.encode(x=alt.X("from:Q"), x2=alt.X2("to:Q"))
    return drawn


def no_difference(x: alt.X) -> alt.Chart:
    """A line at 1."""
    line = alt.Chart(alt.InlineData(values=[{"value": 1}])).mark_rule(aria=False, color=ink("rule"))
    drawn: alt.Chart = line.encode(x=x)
    return drawn
