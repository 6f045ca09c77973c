"""The claim `clock`: what all host timings read is the machine's monotonic clock, and it costs little to read."""

import pkgutil
import time
from importlib import import_module
from itertools import pairwise

import numpy as np

from stopwatt import measuring, units
from stopwatt.analyse.selftests import Claim
from stopwatt.measuring import clock
from stopwatt.records import Measured
from stopwatt.selftesting.bench import Bench
from stopwatt.selftesting.evidence import Seen, judged

READINGS = 100_000
BRACKETS = 2_000
RATE_LIMIT = 1e-3
"""Twice what the kernel may slew the monotonic clock by, to keep it with that of the network (500 ppm)."""
_TOLD = 1e-6
"""Part of the rate that a second can tell: each of its ends is known to some hundred nanoseconds."""
_NEAREST_OF = 50
"""Brackets of which the narrowest counts: one in which nothing came between."""


def look_at_clock(bench: Bench) -> Claim:
    """Tick, overhead, order, place and rate of the clock."""
    return judged("clock", lambda: _look(1.0 if not bench.thorough else 10.0), tries=1)


def _look(seconds: float) -> Seen:
    quality = clock.quality()
    rate, wall = _rates(seconds)
    tick, overhead = (units.quantity(ns / 1e9, "s") for ns in (quality.tick_ns, quality.overhead_ns))
    return Seen(
        f"ticks of {tick}, {overhead} to read, never backwards, as fast as CLOCK_MONOTONIC_RAW within "
        f"{units.percent(max(abs(rate), _TOLD / seconds))}",
        fault=_backwards() or _elsewhere() or _other_clocks() or _wrong_rate(rate),
        numbers={
            "rate": Measured(rate, "1"),
            "tick": Measured(quality.tick_ns / 1e9, "s"),
            "overhead": Measured(quality.overhead_ns / 1e9, "s"),
            "wall_clock_rate": Measured(wall, "1"),
        },
        limit=Measured(RATE_LIMIT, "1"),
    )


def _backwards() -> str:
    stamps = [clock.now_ns() for _ in range(READINGS)]
    back = sum(later < earlier for earlier, later in pairwise(stamps))
    return f"the clock went backwards {back} times in {READINGS:,} readings" if back else ""


def _elsewhere() -> str:
    """Whether readings lie outside of the two readings of CLOCK_MONOTONIC around them."""
    outside = 0
    for _ in range(BRACKETS):
        before, reading, after = _bracket(time.CLOCK_MONOTONIC)
        outside += not before <= reading <= after
    if not outside:
        return ""
    return f"{outside:,} of {BRACKETS:,} readings do not lie between two readings of CLOCK_MONOTONIC around them"


def _other_clocks() -> str:
    """Whether a part of the code that measures reads another clock than the one that was tested."""
    modules = (import_module(f"{measuring.__name__}.{info.name}") for info in pkgutil.iter_modules(measuring.__path__))
    other = [one.__name__ for one in modules if getattr(one, "now_ns", clock.now_ns) is not clock.now_ns]
    return f"another clock is read by {', '.join(other)}" if other else ""


def _wrong_rate(rate: float) -> str:
    return f"the clock runs {units.percent(abs(rate))} off CLOCK_MONOTONIC_RAW" if abs(rate) > RATE_LIMIT else ""


def _rates(seconds: float) -> tuple[float, float]:
    """Relative difference of the rates of the clock, and of the wall clock, from that of the hardware.

    Half of the time is slept and half is worked through, so that a clock that counts only either shows.
    """
    first = _together()
    time.sleep(seconds / 2)
    end = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) + round(seconds / 2 * 1e9)
    while time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) < end:
        pass
    last = _together()
    ours, wall, raw = np.subtract(last, first)
    return float(ours / raw - 1), float(wall / raw - 1)


def _together() -> tuple[int, int, int]:
    """The clock, the wall clock and the hardware's, read as near to each other as can be."""
    found = []
    for _ in range(_NEAREST_OF):
        before, reading, after = _bracket(time.CLOCK_MONOTONIC_RAW)
        found.append((after - before, reading, time.time_ns(), (before + after) // 2))
    _, ours, wall, raw = min(found)
    return ours, wall, raw


def _bracket(other: int) -> tuple[int, int, int]:
    before = time.clock_gettime_ns(other)
    reading = clock.now_ns()
    return before, reading, time.clock_gettime_ns(other)
