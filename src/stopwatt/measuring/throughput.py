"""Throughput: the queue kept full, one synchronise at the end of each window. Not the inverse of latency."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.trials import Call, quiet_interpreter

LEAST_CALLS = 4


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of one series.

    Attributes:
        per_second: Samples per second of each, shape (windows,).
        samples: Of all windows together.
        cpu_s: CPU time of this process in all windows, of all its threads.
    """

    per_second: NDArray[np.float64]
    samples: int
    cpu_s: float


def run_windows(
    call: Call, synchronize: Callable[[], None], sets: Sequence[Any], *, batch: int, windows: int, seconds: float
) -> NDArray[np.float64]:
    """Samples per second of each of several windows; the arguments are those of `saturate`."""
    return saturate(call, synchronize, sets, batch=batch, windows=windows, seconds=seconds).per_second


def saturate(
    call: Call, synchronize: Callable[[], None], sets: Sequence[Any], *, batch: int, windows: int, seconds: float
) -> Windows:
    """Keep the queue full in several windows.

    Args:
        call: May return before the work is done.
        synchronize: Returns when all work is done.
        sets: Staged inputs that take turns.
        batch: Samples per call.
        windows: Number of windows.
        seconds: Least length of a window. A pilot window, not counted, turns it into a fixed number of calls, so that
            no clock is read and no decision taken inside a counted window.
    """
    order = cycle(sets)

    def window(calls: int) -> float:
        begin = now_ns()
        for _, inputs in zip(range(calls), order, strict=False):
            call(inputs)
        synchronize()
        return (now_ns() - begin) / 1e9

    with quiet_interpreter():
        calls = LEAST_CALLS
        pilot = window(calls)
        calls = max(LEAST_CALLS, int(seconds / (pilot / calls)) + 1)
        cpu_begin = time.process_time()
        lengths = [window(calls) for _ in range(windows)]
        cpu_s = time.process_time() - cpu_begin
    return Windows(calls * batch / np.array(lengths), calls * batch * windows, cpu_s)
