"""What a setup gets out of its device: operations and bytes a second, as a share of what the device does at most.

Williams, Waterman & Patterson, Roofline: an insightful visual performance model for multicore architectures, 2009.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from stopwatt.analyse.ceilings import Ceiling, Peak, ceiling_for
from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.row import Row
from stopwatt.records import Status, Unavailable
from stopwatt.workloads.costs.cost import Cost, cost_of

TIMES = ("device_time", "latency", "mean_latency")
"""What a rate may rest on; the first that has a value does."""

FAR = 0.1
"""Below this share of both ceilings neither is what holds the setup back."""


class Roof(StrEnum):
    """Which ceiling a setup is nearer to."""

    COMPUTE = "compute"
    MEMORY = "memory"
    NEITHER = "neither"  # below `FAR` of both: launches, dependences between steps, too little work


@dataclass(frozen=True, slots=True)
class Rate:
    """Work a second.

    Attributes:
        value: Of the typical call.
        low, high: From the 95 % interval of the time; `None` where that has none.
        share: Of the ceiling, likewise; or why there is none.
    """

    value: float
    low: float | None
    high: float | None
    share: "Share | Unavailable"


@dataclass(frozen=True, slots=True)
class Share:
    """A rate / the ceiling, which is taken as it was measured. Above 1 where the work was not done in full, or where
    data stayed in caches.
    """  # noqa: D205  (two sentences on one thing)

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Rates:
    """What one row gets out of its device.

    Attributes:
        time: What the rates rest on; its `metric` says which time that is.
        cost: Of one call.
        flops: Operations a second.
        traffic: Bytes a second of what must be moved: a lower bound of what is.
        roof: `None` where a share is missing.
        ceiling: What the shares are of.
    """

    row: Row
    time: Estimate | Unavailable
    cost: Cost | Unavailable
    flops: Rate | Unavailable
    traffic: Rate | Unavailable
    roof: Roof | None
    ceiling: Ceiling | Unavailable


def rates_of(row: Row, ceilings: Sequence[Ceiling]) -> Rates:
    """The rates of a row, as far as its cost, its time and the device's ceilings are known."""
    cell = row.cell
    time, cost = _time(row), cost_of(cell.workload, cell.setup.batch, cell.setup.precision)
    ceiling = ceiling_for(cell, ceilings)
    if isinstance(cost, Unavailable) or isinstance(time, Unavailable):
        why = cost if isinstance(cost, Unavailable) else time
        assert isinstance(why, Unavailable)  # noqa: S101  (one of the two is)
        return Rates(row, time, cost, why, why, None, ceiling)
    matmul, copy = (ceiling, ceiling) if isinstance(ceiling, Unavailable) else (ceiling.matmul, ceiling.copy)
    flops, traffic = _rate(cost.flops, time, matmul), _rate(cost.bytes, time, copy)
    return Rates(row, time, cost, flops, traffic, _roof(flops, traffic), ceiling)


def _time(row: Row) -> Estimate | Unavailable:
    if row.status is not Status.OK:
        return Unavailable(f"no time: {row.status}")
    for name in TIMES:
        estimate = row.estimates[name]
        if estimate.value:
            return estimate
    return Unavailable(f"no time: {row.estimates['latency'].why}")


def _rate(work: int, time: Estimate, peak: Peak | Unavailable) -> Rate:
    assert time.value is not None  # noqa: S101  (`_time` chose one that has a value)
    value, low, high = work / time.value, None, None
    if time.low is not None and time.high is not None:
        low, high = work / time.high, work / time.low
    return Rate(value, low, high, peak if isinstance(peak, Unavailable) else _share(value, low, high, peak))


def _share(value: float, low: float | None, high: float | None, peak: Peak) -> Share:
    low, high = (None if one is None else one / peak.value for one in (low, high))
    return Share(value / peak.value, low, high)


def _roof(flops: Rate, traffic: Rate) -> Roof | None:
    if isinstance(flops.share, Unavailable) or isinstance(traffic.share, Unavailable):
        return None
    if max(flops.share.value, traffic.share.value) < FAR:
        return Roof.NEITHER
    return Roof.COMPUTE if flops.share.value >= traffic.share.value else Roof.MEMORY
