"""The clock of all host timings: monotonic, in nanoseconds. A jump of the system clock has no effect on it."""

import time
from dataclasses import dataclass
from itertools import pairwise

now_ns = time.perf_counter_ns


@dataclass(frozen=True, slots=True)
class ClockQuality:
    """What the clock itself adds.

    Attributes:
        tick_ns: Smallest step seen between two different readings.
        overhead_ns: Median time between two successive readings.
    """

    tick_ns: int
    overhead_ns: int


def quality(readings: int = 10_000) -> ClockQuality:
    """Read the clock back to back so many times (about 1 ms for the default)."""
    stamps = [now_ns() for _ in range(readings)]
    steps = sorted(after - before for before, after in pairwise(stamps))
    return ClockQuality(next((step for step in steps if step > 0), 0), steps[len(steps) // 2])
