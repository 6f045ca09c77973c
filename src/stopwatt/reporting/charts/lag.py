"""Lag plot: each trial against the next one; points off the corners mean that slow calls come together or in turns."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np

from stopwatt import units
from stopwatt.analyse.analysis import CellAnalysis
from stopwatt.analyse.picture import thin
from stopwatt.reporting.charts import marks
from stopwatt.reporting.charts.axes import log_x, log_y
from stopwatt.reporting.charts.frame import HALF, sized, span
from stopwatt.reporting.charts.picture import CellFigure, Picture, table
from stopwatt.reporting.charts.sentences import about, ends_of
from stopwatt.stats.autocorrelation import INDEPENDENCE_P

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_DRAWN = 1000


def _picture(cell: CellAnalysis) -> Picture:
    axis = span(ends_of(cell))
    total = sum(one.values.size for one in cell.series)
    this, following, drawn = [], [], []
    for one, marked in zip(cell.series, marks.marked(cell), strict=True):
        kept = thin(one.values, marked, max(30, MOST_DRAWN * one.values.size // total))
        kept = kept[kept > 0]
        this.append(one.values[kept - 1])
        following.append(one.values[kept])
        drawn.append(marked[kept])
    pairs: dict[str, NDArray[Any]] = {
        "this": axis.array(np.concatenate(this)),
        "next": axis.array(np.concatenate(following)),
        "mark": np.concatenate(drawn),
    }
    return Picture(
        _title(cell),
        about(cell),
        {"this": axis.title("latency of a call"), "next": axis.title("latency of the next call")},
        {"ends": [axis.low, axis.high], "ticks": axis.ticks},
        {"pairs": pairs},
    )


def _title(cell: CellAnalysis) -> str:
    clusters = marks.clusters_of(cell)
    main = marks.main_place(clusters)
    others = [cluster for place, cluster in enumerate(clusters) if place != main]
    for cluster in others:
        if cluster.period is not None:
            return f"Every {cluster.period:.3g} calls one takes {units.ratio(cluster.ratio)}"
    bursty = [cluster for cluster in others if cluster.bursty_p < INDEPENDENCE_P]
    if bursty:
        return f"Calls of {units.ratio(bursty[0].ratio)} come in bursts"
    if cell.shape is not None and cell.shape.independence_p < INDEPENDENCE_P:
        return "A call depends on the ones before it"
    return "A call does not depend on the one before it, as far as the trials show"


def _draw(words: Mapping[str, str]) -> alt.LayerChart:
    points = (
        alt.Chart(table("pairs"))
        .mark_point(aria=False, size=16, opacity=0.6)
        .encode(
            x=log_x("this", words["this"]),
            y=log_y("next", words["next"]),
            color=marks.mark_colour(),
            shape=marks.mark_shape(),
        )
    )
    return sized(alt.layer(points), HALF, HALF - 40)


LAG = CellFigure(
    "lag",
    "each trial against the next one",
    _picture,
    _draw,
    words=("this", "next"),
    params=("ends", "ticks"),
    tables=("pairs",),
)
