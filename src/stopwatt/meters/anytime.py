"""Energy of any time, from one end to the other, whatever the device did in it."""

import math

import numpy as np

from stopwatt.energy import Trace
from stopwatt.meters.laid import LEAST_IDLE_TICKS, LEAST_TICKS, Laid, fault_in, fault_of
from stopwatt.meters.quality import AGREEMENT, AVERAGING_S, Agreement
from stopwatt.records import Measured, Reading, Suspect, Unavailable
from stopwatt.stats import energy as counting
from stopwatt.units import percent, quantity

WORST_EDGE = 0.01
"""Of the energy of any time, what its unaligned ends may hide before it is suspect."""
EDGE_TICKS = 5


def energy_between(trace: Trace, begin_ns: int, end_ns: int) -> tuple[Reading, Reading]:
    """Energy and mean power of any time, whatever the device did in it.

    Between two arbitrary moments the counter errs by a part of a tick at either end. From the ticks inside, the power
    near each end is carried on to it; what that may be wrong by is judged by how much the power changes.

    Args:
        trace: What one instrument said.
        begin_ns: On the machine's monotonic clock.
        end_ns: The same.

    Returns:
        Joules and watts, with the same verdict.
    """
    laid = Laid(trace)
    begin, end = laid.seconds(begin_ns), laid.seconds(end_ns)
    why = fault_of(laid) or ("the time is empty" if end <= begin else fault_in(laid, begin, end, LEAST_TICKS))
    if why:
        return Unavailable(why), Unavailable(why)
    ticks = laid.counter.between(begin, end)
    total = risen(ticks, begin, end)
    if total <= 0:
        return Unavailable("the counter hardly moved"), Unavailable("the counter hardly moved")
    doubts = "; ".join(filter(None, (hidden(laid, ticks, total), unlike(laid, begin, end))))
    return graded(total, "J", doubts), graded(total / (end - begin), "W", doubts)


def graded(value: float, unit: str, why: str) -> Measured | Suspect:
    """A reading with what speaks against it, if anything does."""
    return Suspect(value, unit, why) if why else Measured(value, unit)


def risen(ticks: counting.Counter, begin: float, end: float) -> float:
    """Joules from begin to end: those between the first and the last tick, and at either end as much as beside it."""
    first, last = counting.rates(ticks, EDGE_TICKS)[[0, -1]]
    edges = first * (ticks.seconds[0] - begin) + last * (end - ticks.seconds[-1])
    return float(ticks.joules[-1] - ticks.joules[0] + edges)


def share_hidden(laid: Laid, ticks: counting.Counter, total: float) -> float:
    """Of an energy from end to end, what the parts of a tick at both ends may hide.

    Of what happens within a tick nothing is seen; so the power is taken to vary there by half of its mean at least.
    """
    swing = max(float(np.ptp(counting.rates(ticks, 1))), total / float(np.ptp(ticks.seconds)) / 2)
    return laid.tick_s * swing / total if total > 0 else math.inf


def hidden(laid: Laid, ticks: counting.Counter, total: float) -> str:
    """What is to be said of that share where it is too much."""
    share = share_hidden(laid, ticks, total)
    if share <= WORST_EDGE:
        return ""
    return f"the counter ticks every {quantity(round(laid.tick_s, 4), 's')}, so that the ends may hide {percent(share)}"


def unlike(laid: Laid, begin: float, end: float) -> str:
    """What a power field has against the counter, its readings beside the counter's own mean over the second before.

    Where the field stood for a second, it does not matter over what part of a second it averages; where that is
    nowhere, it may, by as much as the field changes.

    Args:
        laid: The trace.
        begin: In seconds since its first row.
        end: The same.

    Returns:
        A sentence; empty where nothing speaks against it, or the time is too short to say.
    """
    name = laid.power_field
    if name is None:
        return ""
    at, values = laid.field(name)
    inside = (at >= begin + AVERAGING_S) & (at <= end)
    ticks = laid.counter.seconds
    if not ticks.size:
        return ""
    inside &= (at - AVERAGING_S >= ticks[0]) & (at <= ticks[-1])  # beyond its ticks the counter is not known
    earlier = np.array([np.interp(at - ago, at, values) for ago in (AVERAGING_S / 2, AVERAGING_S)])
    steady = inside & (abs(earlier - values) <= AGREEMENT * values).all(axis=0)
    stood = np.count_nonzero(steady) >= LEAST_IDLE_TICKS
    when = at[steady if stood else inside]
    if when.size < LEAST_IDLE_TICKS:
        return ""
    before, after = (np.interp(one, laid.counter.seconds, laid.counter.joules) for one in (when - AVERAGING_S, when))
    shown = values[steady if stood else inside]
    found = Agreement(name, float((after - before).mean()) / AVERAGING_S, float(shown.mean()))
    allowed = 0.0 if stood else AVERAGING_S * float(np.ptp(shown)) / (end - begin)
    return found.why if abs(found.counter_w - found.power_w) > AGREEMENT * found.power_w + allowed else ""
