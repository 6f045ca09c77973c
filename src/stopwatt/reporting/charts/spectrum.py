"""Percentile spectrum: every quantile with its band, on an axis of nines; grey where n does not support it."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from stopwatt.analyse.analysis import CellAnalysis
from stopwatt.analyse.spectrum import SpectrumPoint, spectrum_of
from stopwatt.reporting.charts.axes import TOP, log_y
from stopwatt.reporting.charts.frame import HALF, HEIGHT, Span, sized, span
from stopwatt.reporting.charts.picture import CellFigure, Picture, table, value
from stopwatt.reporting.charts.sentences import about
from stopwatt.reporting.charts.theme import ink

_PERCENT = "format(100 * (1 - pow(10, -datum.value)), '.7~g') + ' %'"
_HALF = 0.30103
"""Nines of the median."""


def _picture(cell: CellAnalysis) -> Picture:
    points = spectrum_of(cell.series)
    known = [point for point in points if point.value_s is not None]
    bounds = [bound for point in known for bound in (point.low_s, point.high_s) if bound is not None]
    axis = span([point.value_s or 0 for point in known], bounds=bounds)
    most = points[-1].nines
    return Picture(
        _title(known, points),
        about(cell),
        {"latency": axis.title("latency")},
        {
            "ends": [axis.low, axis.high],
            "ticks": axis.ticks,
            "nines_ends": [0, most],
            "nines_ticks": [_HALF, *range(1, int(most) + 1)],
        },
        {
            "line": _line(known, axis),
            "band": _band(known, axis),
            "unsupported": _unsupported(known, points),
        },
    )


def _title(known: Sequence[SpectrumPoint], points: Sequence[SpectrumPoint]) -> str:
    end = points[-1]
    if end.value_s is not None or not known:
        return "Quantiles as far as the trials support them"
    whole = int(end.nines) - 1
    best = f"p{100 * (1 - 10**-whole):g}" if whole else "the median"
    return f"The trials support {best}; p{100 * end.q:g} needs {end.needs:,} of them"


def _line(known: Sequence[SpectrumPoint], axis: Span) -> dict[str, list[Any]]:
    return {
        "nines": [round(point.nines, 4) for point in known],
        "latency": [axis.of(point.value_s or 0) for point in known],
    }


def _band(known: Sequence[SpectrumPoint], axis: Span) -> dict[str, list[Any]]:
    bounded = [(point.nines, point.low_s, point.high_s) for point in known]
    sure = [(nines, low, high) for nines, low, high in bounded if low is not None and high is not None]
    return {
        "nines": [round(nines, 4) for nines, _, _ in sure],
        "low": [axis.of(low) for _, low, _ in sure],
        "high": [axis.of(high) for _, _, high in sure],
    }


def _unsupported(known: Sequence[SpectrumPoint], points: Sequence[SpectrumPoint]) -> dict[str, list[Any]]:
    end = points[-1]
    if end.value_s is not None:
        return {"from": [], "to": [], "label": []}
    first = round(known[-1].nines, 4) if known else 0.0
    return {
        "from": [first],
        "to": [end.nines],
        "label": [["needs", f"{end.needs:,}", "trials"] if end.needs else "too few"],
    }


def _draw(words: Mapping[str, str]) -> alt.LayerChart:
    axis = alt.Axis(values=value("nines_ticks"), labelExpr=_PERCENT, grid=False)
    x = alt.X("nines:Q", title="percentile", axis=axis, scale=alt.Scale(domain=value("nines_ends"), nice=False))
    y = log_y("latency", words["latency"])
    unsupported = alt.Chart(table("unsupported"))
    grey = unsupported.mark_rect(aria=False, color=ink("faint")).encode(x=alt.X("from:Q"), x2=alt.X2("to:Q"))
    why = unsupported.mark_text(aria=False, align="right", baseline="top", dx=-4, dy=4, color=ink("quiet")).encode(
        x=alt.X("to:Q"), y=TOP, text=alt.Text("label:N")
    )
    band = (
        alt.Chart(table("band"))
        .mark_area(aria=False, clip=True, opacity=0.25, color=ink("accent"))
        .encode(x=alt.X("nines:Q"), y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    )
    line = alt.Chart(table("line")).mark_line(aria=False, strokeWidth=1.8, color=ink("accent")).encode(x=x, y=y)
    return sized(alt.layer(grey, band, line, why), HALF, HEIGHT)


SPECTRUM = CellFigure(
    "spectrum",
    "every percentile with its 95 % band; grey where there are too few trials",
    _picture,
    _draw,
    words=("latency",),
    params=("ends", "ticks", "nines_ends", "nines_ticks"),
    tables=("line", "band", "unsupported"),
)
