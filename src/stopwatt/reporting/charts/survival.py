"""Log survival: the share of calls that take longer, down to one in n; where a deadline is read off."""

from collections.abc import Mapping

import altair as alt
import numpy as np

from stopwatt import units
from stopwatt.analyse.analysis import CellAnalysis
from stopwatt.analyse.picture import ecdf_of
from stopwatt.reporting.charts.axes import PERCENT, log_x, log_y
from stopwatt.reporting.charts.frame import HALF, HEIGHT, sized, span
from stopwatt.reporting.charts.picture import CellFigure, Picture, table
from stopwatt.reporting.charts.sentences import about, ends_of
from stopwatt.reporting.charts.theme import ink


def _picture(cell: CellAnalysis) -> Picture:
    axis = span(ends_of(cell))
    most = max(one.values.size for one in cell.series)
    shares = span([0.5 / most, 1.0], "1", room=0)
    steps = [ecdf_of(one.values, len(cell.series)) for one in cell.series]
    # At each trial: the share that takes at least so long, 1 / n at the largest.
    above = [np.concatenate([[1.0], 1 - one.below[:-1]]) for one in steps]
    lines = {
        "round": np.repeat([one.round + 1 for one in cell.series], [one.below.size for one in steps]),
        "latency": axis.array(np.concatenate([one.values_s for one in steps])),
        "above": np.concatenate(above),
    }
    largest = cell.row.estimates["latency_max"]
    title = "The share of calls that take longer"
    if largest.value is not None:
        title = f"The slowest of {largest.n:,} calls took {units.quantity(largest.value, 's')}"
    return Picture(
        title,
        about(cell),
        {"latency": axis.title("latency")},
        {
            "ends": [axis.low, axis.high],
            "ticks": axis.ticks,
            "share_ends": [shares.low, shares.high],
            "share_ticks": shares.ticks,
        },
        {"lines": lines},
    )


def _draw(words: Mapping[str, str]) -> alt.LayerChart:
    x = log_x("latency", words["latency"])
    y = log_y(
        "above",
        "share of the calls that take so long or longer",
        ends="share_ends",
        ticks="share_ticks",
        written=PERCENT,
    )
    lines = (
        alt.Chart(table("lines"))
        .mark_line(aria=False, interpolate="step-before", strokeWidth=1.5, opacity=0.8, color=ink("accent"))
        .encode(x=x, y=y, detail=alt.Detail("round:N"))
    )
    return sized(alt.layer(lines), HALF, HEIGHT)


SURVIVAL = CellFigure(
    "survival",
    "the share of calls that take longer, on logarithmic axes",
    _picture,
    _draw,
    words=("latency",),
    params=("ends", "ticks", "share_ends", "share_ticks"),
    tables=("lines",),
)
