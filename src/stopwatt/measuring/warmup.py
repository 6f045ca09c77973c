"""Warm-up until a steady state is verified, or until it is clear that there is none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.trials import Call
from stopwatt.records import Note, Warmup
from stopwatt.stats.steady import windows_agree
from stopwatt.units import quantity

LEAST_WINDOW = 10
"""Calls in a window at least, however slow they are: fewer say nothing about a trend."""


@dataclass(frozen=True, slots=True)
class Warmed:
    """How the warm-up ended.

    Attributes:
        calls: Calls made.
        seconds: Time it took.
        steady: Whether two successive windows agreed.
        latency_ns: Every call's length, in order.
    """

    calls: int
    seconds: float
    steady: bool
    latency_ns: NDArray[np.int64]

    def note(self) -> Note | None:
        """What a reader must know if there was no steady state."""
        if self.steady:
            return None
        return Note(
            "no-steady-state",
            f"no steady state within {quantity(self.seconds, 's')} of warm-up ({self.calls} calls): "
            "the numbers mix states of the machine, and their interval may be too narrow",
            now="close other programs and repeat, or allow more with --warmup-cap 60s",
        )


def warm_up(call: Call, sets: Sequence[Any], rules: Warmup, *, device_seconds: float) -> Warmed:
    """Call until steady by the rules.

    Args:
        call: Returns when the work is done.
        sets: Staged inputs that take turns (each is used at least once if `rules.min_calls` allows).
        rules: When it is enough.
        device_seconds: Least time on this device, unless the rules name another.
    """
    latencies: list[int] = []
    order = cycle(sets)
    begin = now_ns()

    def elapsed() -> float:
        return (now_ns() - begin) / 1e9

    def one() -> None:
        inputs = next(order)
        start = now_ns()
        call(inputs)
        latencies.append(now_ns() - start)

    least_s = device_seconds if rules.min_seconds is None else rules.min_seconds
    while (len(latencies) < rules.min_calls or elapsed() < least_s) and elapsed() < rules.cap_seconds:
        one()
    steady = False
    for previous, current in _pairs(_windows(one, latencies, rules, elapsed)):
        steady = windows_agree(previous, current, tolerance=rules.tolerance, trend_p=rules.trend_p).steady
        if steady or elapsed() >= rules.cap_seconds:
            break
    return Warmed(len(latencies), elapsed(), steady, np.array(latencies, dtype=np.int64))


def _windows(one: Any, latencies: list[int], rules: Warmup, elapsed: Any) -> Iterator[NDArray[np.int64]]:
    """Windows of the least calls and seconds; cut short by their own cap (slow models) and by the warm-up's."""
    while True:
        first, opened = len(latencies), elapsed()
        while elapsed() < rules.cap_seconds:
            one()
            calls, seconds = len(latencies) - first, elapsed() - opened
            if calls >= rules.window_calls and seconds >= rules.window_seconds:
                break
            if calls >= LEAST_WINDOW and seconds >= rules.window_cap_seconds:
                break
        yield np.array(latencies[first:], dtype=np.int64)
        if elapsed() >= rules.cap_seconds:
            return


def _pairs(windows: Iterator[NDArray[np.int64]]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    previous = next(windows, None)
    for current in windows:
        if previous is not None:
            yield previous, current
        previous = current
