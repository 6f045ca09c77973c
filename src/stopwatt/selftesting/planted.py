"""What is known of planted calls, and what their trials may show: nothing makes a call shorter than it was planned."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stopwatt import units
from stopwatt.measuring.clock import ClockQuality
from stopwatt.records import Measurement, Samples

LIMIT = 0.01
_EMPTY = Samples(np.array([], dtype=np.int64), "ns")


def latencies(one: Measurement) -> NDArray[np.float64]:
    """Seconds of each trial, in order; none where there are none."""
    return one.samples.get("latency", _EMPTY).values / 1e9


def clock_of(one: Measurement) -> ClockQuality:
    """Tick and overhead of the worker's clock, as it saw them."""
    return ClockQuality(*(int(one.facts.get(f"clock_{name}_ns", 0)) for name in ("tick", "overhead")))


def resolution_s(one: Measurement) -> float:
    """What the clock itself may add or take: two ticks and the time to read it."""
    quality = clock_of(one)
    return (2 * quality.tick_ns + quality.overhead_ns) / 1e9


def limit_of(one: Measurement, planted_s: float) -> float:
    """The largest relative error of a planted time: 1 %, or what the clock cannot resolve."""
    return max(LIMIT, resolution_s(one) / planted_s)


def too_short(one: Measurement, planted: Sequence[float]) -> str:
    """Trials that read shorter than they lasted, or are missing; empty for none.

    Sorted, the trials are compared with the planned lengths: calls can only be longer than planned, so that the k-th
    shortest trial is at least as long as the k-th shortest plan.

    Args:
        one: The round.
        planted: Length of each of its trials in seconds, in any order.
    """
    seen, known = np.sort(latencies(one)), np.sort(np.asarray(planted))
    if seen.size != known.size:
        return f"{known.size} trials were asked for and {seen.size} are there"
    missing = known - seen - resolution_s(one)
    short = int(np.count_nonzero(missing > 0))
    if not short:
        return _overlapping(one)
    worst = int(np.argmax(missing))
    lasted, read = (units.quantity(float(of[worst]), "s") for of in (known, seen))
    return f"{short} of {seen.size} trials read shorter than their calls lasted, {read} where it was {lasted}"


def _overlapping(one: Measurement) -> str:
    """Whether a trial begins before the one before it has ended: then the order of the trials is not theirs."""
    started = one.samples.get("started", _EMPTY).values
    lengths = one.samples.get("latency", _EMPTY).values
    if started.size != lengths.size:
        return f"there are {lengths.size} trials, and {started.size} times at which one began"
    overlaps = int(np.count_nonzero(np.diff(started) < lengths[:-1]))
    return f"{overlaps} trials begin before the one before them has ended" if overlaps else ""
