"""One series of calls, timed in one way."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.trials import SETTLE_CALLS, Stop, Trials, run_trials
from stopwatt.measuring.ways.stand import Stand, Unmeasurable, interpreter_of
from stopwatt.ways import FIXED_CALLS, OWN_LOOP, REFERENCE, Timer, Waiting, Warming, Way

MOST_CAPTURED = 16
"""Calls in one captured graph; its memory grows with them on some runtimes."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How long a series is.

    Attributes:
        calls: At most.
        seconds: The series ends after this long, if `least` calls are done.
    """

    calls: int
    least: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """What one series says.

    Attributes:
        average_ns: Of a call, as this way reports it.
        calls: Calls that it is the average of.
        trials_ns: The single readings; empty where the way takes none.
    """

    average_ns: float
    calls: int
    trials_ns: NDArray[Any]

    @classmethod
    def of_trials(cls, trials_ns: NDArray[Any]) -> "Series":
        """The average of single readings."""
        return cls(float(trials_ns.mean()), int(trials_ns.size), trials_ns)

    @classmethod
    def of_total(cls, total_ns: float, calls: int) -> "Series":
        """One reading for all calls."""
        return cls(total_ns / calls, calls, np.empty(0))


def take(way: Way, stand: Stand, extent: Extent, *, settle: int = SETTLE_CALLS) -> Series:
    """Time a series.

    Args:
        way: How.
        stand: What.
        extent: How long.
        settle: Calls before the first one that counts; none for a process that is to be seen cold.

    Raises:
        Unmeasurable: Nobody can measure that on this machine, or not this model.
        KeyboardInterrupt: It was interrupted.
    """
    with ExitStack() as around:
        around.enter_context(stand.surroundings(way))
        if way.warmup is Warming.FIXED:
            around.enter_context(interpreter_of(way)())  # so that little is left to collect after these calls
            _settled(way, stand, FIXED_CALLS)
        if way.timer in OWN_LOOP:
            return _OWN_LOOPS[way.timer](way, stand, extent)
        if way.timer is Timer.EVENTS:
            return _events(way, stand, extent, settle)
        if way.sync is Waiting.END:
            return _all_at_once(way, stand, extent, settle)
        return Series.of_trials(one_by_one(way, stand, extent, settle).latency_ns)


def one_by_one(way: Way, stand: Stand, extent: Extent, settle: int = SETTLE_CALLS) -> Trials:
    """The clock is read before and after each call. The reference is timed so.

    Raises:
        KeyboardInterrupt: It was interrupted.
    """
    trials = run_trials(
        stand.call_of(way),
        stand.rotation(way),
        extent.calls,
        budget_s=extent.seconds,
        least=extent.least,
        settle=settle,
        before=stand.before(way),
        clock=_clock(way),
        interpreter=interpreter_of(way),
    )
    stand.subject.device.synchronize()  # what was not waited for must not run into the next series
    if trials.stop is Stop.INTERRUPT:
        raise KeyboardInterrupt
    return trials


def _wall_ns() -> int:
    return int(time.time() * 1e9)


def _clock(way: Way) -> Callable[[], int]:
    return _wall_ns if way.timer is Timer.TIME else now_ns


def _settled(way: Way, stand: Stand, calls: int) -> None:
    for inputs in islice(cycle(stand.rotation(way)), calls):
        stand.call_of(way)(inputs)
    stand.subject.device.synchronize()


def _all_at_once(way: Way, stand: Stand, extent: Extent, settle: int) -> Series:
    """The clock is read before the first call and after the device is done with the last."""
    call, clock, device = stand.call_of(way), _clock(way), stand.subject.device
    done = 0
    with interpreter_of(way)():
        _settled(way, stand, settle)  # after the last collection of garbage, which cools caches
        begin = clock()
        end = begin + int(extent.seconds * 1e9) if extent.seconds is not None else 2**62
        for inputs in islice(cycle(stand.rotation(way)), extent.calls):
            call(inputs)
            done += 1
            if done >= extent.least and clock() > end:
                break
        device.synchronize()
        total = clock() - begin
    return Series.of_total(total, done)


def _events(way: Way, stand: Stand, extent: Extent, settle: int) -> Series:
    """The device's own clock, read around each call."""
    device, call, before = stand.subject.device, stand.subject_of(way).submit, stand.before(way)
    timer = device.timer(extent.calls)
    if timer is None:
        raise Unmeasurable(f"{device.name} has no clock of its own")
    done = 0
    with interpreter_of(way)():
        _settled(way, stand, settle)  # after the last collection of garbage, which cools caches
        begin = now_ns()
        for index, inputs in enumerate(islice(cycle(stand.rotation(way)), extent.calls)):
            if before is not None:
                before()
            timer.start(index)
            call(inputs)
            timer.stop(index)
            if way.sync is Waiting.EACH:
                device.synchronize()
            done = index + 1
            if extent.seconds is not None and done >= extent.least and now_ns() - begin > extent.seconds * 1e9:
                break
        device.synchronize()
    return Series.of_trials(np.array(timer.elapsed_ns(done), dtype=np.float64))


def _graph(way: Way, stand: Stand, extent: Extent) -> Series:
    """Many calls in one captured graph, between two events."""
    device, sets = stand.subject.device, list(stand.rotation(way))
    call = stand.subject_of(way).submit
    inside = list(islice(cycle(sets), min(extent.calls, max(len(sets), MOST_CAPTURED))))
    try:
        replay = device.capture(lambda: [call(inputs) for inputs in inside])
    except Exception as error:
        raise Unmeasurable(f"the call cannot be captured: {type(error).__name__}: {_first_line(error)}") from error
    replays = max(1, extent.calls // len(inside))
    timer = device.timer(replays)
    if replay is None or timer is None:
        raise Unmeasurable(f"{device.name} captures nothing")
    replay()
    device.synchronize()
    with interpreter_of(way)():
        for index in range(replays):
            timer.start(index)
            replay()
            timer.stop(index)
            device.synchronize()
    each = np.array(timer.elapsed_ns(replays), dtype=np.float64) / len(inside)
    return Series(float(each.mean()), replays * len(inside), each)


def _benchmark(way: Way, stand: Stand, extent: Extent) -> Series:
    """PyTorch's timer with its defaults: one thread, its own short warm-up, one reading for all calls."""
    try:
        from torch.utils.benchmark import Timer as TorchTimer
    except ImportError as error:
        raise Unmeasurable(f"torch cannot be imported: {error}") from error
    call, sets = stand.subject_of(way).submit, cycle(stand.rotation(way))
    timer = TorchTimer(stmt="call(next(sets))", globals={"call": call, "sets": sets})
    mean_s = float(timer.timeit(extent.calls).mean)
    return Series.of_total(mean_s * 1e9 * extent.calls, extent.calls)


def _do_bench(way: Way, stand: Stand, extent: Extent) -> Series:  # noqa: ARG001  (it decides how long it takes)
    """Triton's timer with its defaults: its own warm-up, an empty cache before each call, the mean of event pairs."""
    try:
        from triton.testing import do_bench
    except ImportError as error:
        raise Unmeasurable(f"triton is not installed: {error}") from error
    call, sets = stand.subject_of(way).submit, cycle(stand.rotation(way))
    times_ms = np.array(do_bench(lambda: call(next(sets)), return_mode="all"), dtype=np.float64)
    return Series.of_trials(times_ms * 1e6)


_OWN_LOOPS: dict[Timer, Callable[[Way, Stand, Extent], Series]] = {
    Timer.GRAPH: _graph,
    Timer.BENCHMARK: _benchmark,
    Timer.DO_BENCH: _do_bench,
}


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["(no message)"])[0][:200]


def reference_trials(stand: Stand, extent: Extent) -> Trials:
    """A series of the reference, with what the last call returned."""
    return one_by_one(REFERENCE, stand, extent)
