"""The claim `synchronisation`: work that goes on after a call has returned is waited for, and counted.

The device is planted: a time-line on which each piece of work begins when the one before it ends, as on a GPU's stream.
Calls return at once. Nothing of it depends on how quick the machine is.
"""

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from stopwatt import units
from stopwatt.analyse.selftests import Claim
from stopwatt.devices.cpu import Cpu
from stopwatt.measuring.subject import assemble
from stopwatt.measuring.throughput import run_windows
from stopwatt.measuring.trials import Call, run_trials
from stopwatt.records import Boundary, Measured, Scalar
from stopwatt.selftesting.bench import Bench
from stopwatt.selftesting.evidence import Seen, judged, watched
from stopwatt.workloads.base import Arrays

WORK_S = 500e-6
TRIALS = 200
WINDOW_CALLS = 13
"""Of a window with a full queue: short ones, so that most of them are undisturbed."""
LIMIT = 0.01
_SETS = 4


def look_at_synchronisation(bench: Bench) -> Claim:
    """Latency and throughput of a device whose calls return before their work is done."""
    trials = 10 * TRIALS if bench.thorough else TRIALS
    return judged("synchronisation", lambda: watched(lambda: _look(trials)))


def _look(trials: int) -> Seen:
    device = Asynchronous(WORK_S)
    arrays = [(np.full(1, number, dtype=np.float32),) for number in range(_SETS)]
    subject = assemble(device, device, arrays, Boundary.DEVICE)
    latency = float(np.median(run_trials(subject.timed, subject.sets, trials).latency_ns)) / 1e9
    rates = run_windows(
        subject.submit,
        device.synchronize,
        subject.sets,
        batch=1,
        windows=trials // WINDOW_CALLS,
        seconds=WINDOW_CALLS * WORK_S,
    )
    apart = 1 / float(np.median(rates))
    error, error_apart = latency / WORK_S - 1, apart / WORK_S - 1
    work = units.exact(WORK_S, "s")
    return Seen(
        f"work of {work} on a device whose calls return at once reads {units.quantity(latency, 's')}, and "
        f"{units.quantity(apart, 's')} a call with a full queue",
        fault=_too_short("a call", latency) or _too_short("a call with a full queue", apart),
        short=max(error, error_apart) > LIMIT,
        numbers={"error": Measured(error, "1"), "error_full_queue": Measured(error_apart, "1")},
        limit=Measured(LIMIT, "1"),
    )


def _too_short(what: str, seconds: float) -> str:
    if seconds >= WORK_S * (1 - LIMIT):
        return ""
    work, read = units.exact(WORK_S, "s"), units.quantity(seconds, "s")
    return f"{what} whose work lasts {work} reads {read}: the device is not waited for"


class Asynchronous(Cpu):
    """A device and its runner: work of a fixed length, done one after another while the caller goes on.

    Args:
        seconds: What each call's work lasts.
    """

    name = "planted"
    kind = "planted"

    def __init__(self, seconds: float) -> None:
        self._work_ns = round(seconds * 1e9)
        self._free_ns = 0
        self.call: Call = self._submit

    def synchronize(self) -> None:
        """Return when all work is done."""
        while time.perf_counter_ns() < self._free_ns:
            pass

    def stage(self, arrays: Arrays) -> Arrays:
        """The arrays themselves."""
        return arrays

    def fetch(self, outputs: Any) -> Arrays:
        """Wait, as every copy from a device does."""
        self.synchronize()
        return (np.asarray(outputs),)

    def active(self) -> AbstractContextManager[None]:
        """Nothing special."""
        return nullcontext()

    def computed(self) -> dict[str, Scalar]:
        """Nothing to say."""
        return {}

    def close(self) -> None:
        """Nothing to give back."""

    def _submit(self, inputs: Arrays) -> Any:
        self._free_ns = max(time.perf_counter_ns(), self._free_ns) + self._work_ns
        return inputs[0]
