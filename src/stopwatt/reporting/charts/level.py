"""The typical latency of a cell, or another metric, with its interval: in one place for all figures over a grid."""

from collections.abc import Sequence
from dataclasses import dataclass

from stopwatt.analyse.grid import Point
from stopwatt.analyse.level import level_of
from stopwatt.reporting.charts.frame import Span, span
from stopwatt.units import column_value, interval, quantity


@dataclass(frozen=True, slots=True)
class Bounded:
    """A value with its 95 % interval, of latencies in seconds; without bounds where there is none."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def bounds(self) -> list[float]:
        """The ends of the interval, where there is one."""
        return [one for one in (self.low, self.high) if one is not None]

    def text(self, unit: str = "s") -> str:
        """`4.51 ms [4.47, 4.55]`."""
        if self.low is None or self.high is None:
            return quantity(self.value, unit)
        return interval(self.value, self.low, self.high, unit)

    def short(self, axis: Span) -> str:
        """The value alone in the unit of an axis, with three digits."""
        return column_value(self.value, axis.scale)


def level_at(point: Point, metric: str = "") -> Bounded | None:
    """The typical latency of a cell, or what was measured of another metric; `None` where it has none."""
    level = level_of(point.row, metric)
    if level is None:
        return None
    estimate = point.row.estimates[level.metric]
    return Bounded(level.value, estimate.low, estimate.high)


def span_of(levels: Sequence[Bounded], unit: str = "s", *, room: float = 0.05) -> Span:
    """An axis for values with their intervals."""
    bounds = [bound for level in levels for bound in level.bounds]
    return span([level.value for level in levels], unit, room=room, bounds=bounds)


def bars_of(points: Sequence[Point], metric: str = "") -> str:
    """What the bars of a figure are; nothing where no cell has an interval."""
    levels = (level_at(point, metric) for point in points)
    return "bars: 95 % intervals" if any(level is not None and level.bounds for level in levels) else ""
