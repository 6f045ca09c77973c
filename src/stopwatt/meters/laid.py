"""One instrument's trace laid out for arithmetic, and what speaks against it.

A counter that stays at 0, stands still, falls back, or that nobody read for a while gives no figure: each of these has
its sentence here, for an instrument as a whole and for a time.
"""

from functools import cached_property

import numpy as np

from stopwatt.energy import Span, Trace
from stopwatt.stats import energy as counting
from stopwatt.units import quantity

GAP_S = 0.5
"""Several of the times between two rows of state: nobody looked for so long."""
GAP_POLLS, GAP_TICKS = 10, 5
"""The same in polls, for slow instruments; and how many usual ticks a counter may let pass without moving."""
LEAST_TICKS = 20
"""In a window of energy, and in any time that is metered."""
LEAST_IDLE_TICKS = 5
"""For a mean power beside which nothing else is read off, as that of an idle device."""

FIELDS = ("power", "power_instant")
"""What a counter is compared with: the first that the instrument has."""


class Laid:
    """A trace laid out for arithmetic: seconds since its first row, without what was not read."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.about = trace.about
        self._origin = int(trace.time_ns[0]) if trace.time_ns.size else 0
        self.rows: counting.Floats = (trace.time_ns - self._origin) / 1e9

    def seconds(self, time_ns: int) -> float:
        """A moment of the monotonic clock as seconds since the first row."""
        return (time_ns - self._origin) / 1e9

    def ends(self, span: Span) -> tuple[float, float]:
        """Begin and end of a span."""
        return self.seconds(span.begin_ns), self.seconds(span.end_ns)

    def field(self, name: str) -> tuple[counting.Floats, counting.Floats]:
        """When a channel was read and what it said; empty where it never was."""
        values = self.trace.channels.get(name)
        if values is None:
            return np.empty(0), np.empty(0)
        read = np.isfinite(values)
        return self.rows[read], np.asarray(values[read], dtype=np.float64)

    @property
    def power_field(self) -> str | None:
        """The power field that its counter is compared with."""
        return next((name for name in FIELDS if self.field(name)[0].size), None)

    def inside(self, name: str, begin: float, end: float) -> counting.Floats:
        """What a channel said in a time."""
        at, values = self.field(name)
        return values[(at >= begin) & (at <= end)]

    @cached_property
    def counter(self) -> counting.Counter:
        """The ticks of the energy counter."""
        return counting.count(*self.field("energy"), self.about.wraps_j)

    @cached_property
    def tick_s(self) -> float:
        """Usual time between two ticks; 0 with fewer than two."""
        at = self.counter.seconds
        return float(np.median(np.diff(at))) if at.size > 1 else 0.0

    def longest_gap(self, begin: float, end: float) -> float:
        """Longest time without a row between two moments."""
        inside = self.rows[(self.rows >= begin) & (self.rows <= end)]
        return float(np.diff(np.concatenate([[begin], inside, [end]])).max())


def fault_of(laid: Laid) -> str:
    """Why an instrument has no energy at all; empty if nothing speaks against it."""
    if laid.about.refused:
        return laid.about.refused
    _, joules = laid.field("energy")
    if joules.size == 0:
        return laid.trace.gone or f"{laid.about.name} has no energy counter"
    return f"the energy counter of {laid.about.name} stays at 0" if not joules.any() else ""


def fault_in(laid: Laid, begin: float, end: float, least: int = LEAST_IDLE_TICKS) -> str:
    """Why the counter says nothing about a time; empty if it does.

    Args:
        laid: The trace.
        begin: In seconds since its first row.
        end: The same.
        least: Ticks that it takes.
    """
    name, counter = laid.about.name, laid.counter.between(begin, end)
    others = laid.inside("others", begin, end)
    if others.size and others.max() > 0:
        return f"another process computed on {name} (up to {others.max():.0f})"
    if counter.resets.size:
        return f"the energy counter of {name} fell back without a wrap"
    gap = laid.longest_gap(begin, end)
    if gap > max(GAP_S, GAP_POLLS * laid.about.poll_s):
        return laid.trace.gone or f"nothing was read from {name} for {quantity(gap, 's')}"
    stood = _stood_still(counter.seconds, begin, end)
    if stood > max(GAP_S, GAP_TICKS * laid.tick_s):
        return f"the energy counter of {name} stood still for {quantity(stood, 's')}"
    ticks = counter.seconds.size
    return "" if ticks >= least else f"only {ticks} ticks of the energy counter of {name} ({least} are needed)"


def _stood_still(ticks: counting.Floats, begin: float, end: float) -> float:
    return float(np.diff(np.concatenate([[begin], ticks, [end]])).max())
