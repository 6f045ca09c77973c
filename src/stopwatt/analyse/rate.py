"""Samples per second of a cell with one call at a time: what a larger batch is for."""

from dataclasses import dataclass

from stopwatt.analyse.grid import Point
from stopwatt.analyse.level import level_of


@dataclass(frozen=True, slots=True)
class Rate:
    """Samples per second of calls one after another; with a queue that is kept full ask for `throughput`.

    Attributes:
        batch: Samples per call.
        value: Batch / typical latency.
        low, high: 95 % interval; `None` where the latency has none.
    """

    batch: int
    value: float
    low: float | None = None
    high: float | None = None


def rate_of(point: Point) -> Rate | None:
    """The rate of a cell; `None` where it has no latency."""
    level = level_of(point.row)
    if level is None:
        return None
    batch, estimate = point.row.cell.setup.batch, point.row.estimates[level.metric]
    low = None if estimate.high is None else batch / estimate.high
    high = None if not estimate.low else batch / estimate.low
    return Rate(batch, batch / level.value, low, high)
