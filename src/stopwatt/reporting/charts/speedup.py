"""Speed-ups over fp32 eager with their intervals, against the margin that does not matter."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from stopwatt.analyse.analysis import Analysis
from stopwatt.analyse.grid import place as grid_place
from stopwatt.reporting.charts.frame import WIDTH, Span, blank, finished, shortened, sized, span
from stopwatt.reporting.charts.level import bars_of
from stopwatt.reporting.charts.panels import pairs
from stopwatt.reporting.charts.ratios import margin_band, no_difference, ratio_x
from stopwatt.reporting.charts.sentences import extent, link
from stopwatt.reporting.charts.setups import Setups, setups_of
from stopwatt.stats.ratios import MARGIN, Verdict
from stopwatt.units import ratio

MOST_LINES = 24
"""Places that get a line of their own; of more, each setup gets one, with a stroke for each place."""
_LINE = 22


def speedup(analysis: Analysis) -> Any:
    """The speed-up of every cell that has one."""
    setups = setups_of(analysis)
    rows = list(_rows(analysis, setups))
    groups = list(dict.fromkeys(row["place"] for row in rows))
    dense = len(groups) > MOST_LINES
    bounds = [row[name] for row in rows for name in ("low", "high")]
    axis = span([1.0, *(row["value"] for row in rows)], "1", bounds=bounds)
    chart = _dense(setups, axis) if dense else _sparse(rows, groups, setups, axis)
    band = f"grey: within {MARGIN:.0%} of no difference".replace("%", " %")
    bars = "a stroke for each cell" if dense else bars_of(analysis.grid.points)
    return finished(chart, rows, _title(rows), "; ".join(part for part in (extent(analysis), bars, band) if part))


def _rows(analysis: Analysis, setups: Setups) -> Iterator[dict[str, Any]]:
    others = [axis.name for axis in analysis.grid.axes if axis.name not in setups.axes]
    for cell, point in pairs(analysis):
        found = cell.row.speedup
        if found.value is None:
            continue
        where = grid_place({name: point.where[name] for name in others if name in point.where})
        yield {
            "place": shortened(where, 40),
            "setup": setups.name(point),
            "value": found.value,
            "low": found.low or found.value,
            "high": found.high or found.value,
            "verdict": str(found.verdict or ""),
            "about": f"{analysis.grid.label(point)}: {ratio(found.value)} as fast, {found.verdict or 'no verdict'}",
            "link": link(cell),
        }


def _x(axis: Span) -> alt.X:
    return ratio_x("speed-up over fp32 eager: to the right is faster", axis)


def _ground(axis: Span) -> list[alt.Chart]:
    """The margin and the line of no difference."""
    return [margin_band(axis), no_difference(_x(axis))]


def _sparse(rows: Sequence[dict[str, Any]], groups: Sequence[str], setups: Setups, axis: Span) -> alt.LayerChart:
    names = list(dict.fromkeys(row["setup"] for row in rows))
    y = alt.Y("place:N", title=None, sort=list(groups), axis=alt.Axis(domain=False, ticks=False, labelLimit=260))
    base = blank().encode(y=y, yOffset=alt.YOffset("setup:N", sort=names), color=setups.colour(legend=len(names) > 1))

    bars = base.mark_rule(aria=False, strokeWidth=2, clip=True).encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"))
    points = base.mark_point(size=60, opacity=1).encode(
        x=_x(axis),
        shape=setups.shape(legend=len(names) > 1),
        href=alt.Href("link:N"),
        description=alt.Description("about:N"),
    )
    height = max(3 * _LINE, _LINE * max(1, len(names)) * max(1, len(groups)))
    return sized(alt.layer(*_ground(axis), bars, points), WIDTH - 160, height)


def _dense(setups: Setups, axis: Span) -> alt.LayerChart:
    base = blank()
    y = alt.Y("setup:N", title=None, sort=list(setups.names), axis=alt.Axis(domain=False, ticks=False, labelLimit=260))
    strokes = base.mark_tick(thickness=1.5, size=22, opacity=0.5).encode(
        x=_x(axis),
        y=y,
        color=setups.colour(legend=False),
        href=alt.Href("link:N"),
        description=alt.Description("about:N"),
    )
    return sized(alt.layer(*_ground(axis), strokes), WIDTH - 80, 44 * max(2, len(setups.names) - 1))


def _title(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return "No cell has a speed-up: nothing was measured beside fp32 eager"
    best = max(rows, key=lambda row: row["value"])
    mine = [row for row in rows if row["setup"] == best["setup"]]
    if len(mine) == 1:
        return f"{best['setup']} is {ratio(best['value'])} as fast as fp32 eager"
    least = min(row["value"] for row in mine)
    spread = f"{ratio(least)} to {ratio(best['value'])} as fast as fp32 eager"
    return f"{best['setup']} is {spread}; {_verdicts(mine)}"


def _verdicts(mine: Sequence[dict[str, Any]]) -> str:
    """`faster in 28 of 30 places`, by every verdict that was reached."""
    reached = Counter(row["verdict"] for row in mine if row["verdict"] not in ("", Verdict.INCONCLUSIVE))
    parts = [f"{verdict} in {count:,}" for verdict, count in reached.most_common()]
    return f"{', '.join(parts)} of {len(mine):,} places" if parts else f"decided in none of {len(mine):,} places"
