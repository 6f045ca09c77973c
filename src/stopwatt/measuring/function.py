"""Time any function in this process: no model, no reference, no other process."""

import inspect
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stopwatt.devices.usage import CpuUsage
from stopwatt.errors import UsageError
from stopwatt.measuring import clock
from stopwatt.measuring.arrivals import Arrivals, refuse_short_period, run_arrivals
from stopwatt.measuring.job import Answer
from stopwatt.measuring.paced import Ending
from stopwatt.measuring.suspicion import LAZY, is_lazy
from stopwatt.measuring.trials import SETTLE_CALLS, Call, Stop, run_trials
from stopwatt.measuring.warmup import warm_up
from stopwatt.records import Note, Protocol, Samples, Status


def measure_function(function: Callable[..., Any], sets: Sequence[tuple[Any, ...]], protocol: Protocol) -> Answer:
    """Warm up, then time calls over rotating arguments.

    Args:
        function: Anything callable. What it raises passes through.
        sets: Positional arguments that take turns; `[()]` for a function without arguments.
        protocol: Warm-up, trials and their time budget are used, and paced arrivals where it has some.

    Raises:
        UsageError: Calling the function only makes a coroutine: nothing would be timed.
        StopwattError: The function takes longer than the period of paced arrivals, or their load cannot be started.
    """
    call, notes = _call(function, sets[0])
    warmed = warm_up(call, sets, protocol.warmup, device_seconds=1.0)
    if protocol.paced is not None:
        refuse_short_period(protocol.paced, warmed.latency_ns)
    quality, before = clock.quality(), CpuUsage.read()
    trials = run_trials(
        call,
        sets,
        protocol.trials,
        budget_s=protocol.trial_seconds,
        least=protocol.min_trials,
        settle=SETTLE_CALLS,
    )
    if trials.stop is Stop.INTERRUPT:
        raise KeyboardInterrupt
    unsteady = warmed.note()
    answer = Answer(
        Status.OK,
        samples={
            "latency": Samples(trials.latency_ns, "ns"),
            "started": Samples(trials.started_ns, "ns"),
            "warmup_latency": Samples(warmed.latency_ns, "ns"),
        },
        facts={
            **CpuUsage.read().since(before).facts(),
            "clock_tick_ns": quality.tick_ns,
            "clock_overhead_ns": quality.overhead_ns,
            "warmup_calls": warmed.calls,
            "steady_state": warmed.steady,
            "trials_stopped": trials.stop.value,
        },
        notes=(*notes, unsteady) if unsteady else notes,
    )
    return answer if protocol.paced is None else _with_arrivals(answer, run_arrivals(call, sets, protocol.paced))


def _with_arrivals(answer: Answer, arrivals: Arrivals) -> Answer:
    if arrivals.trials.ending is Ending.INTERRUPT:
        raise KeyboardInterrupt
    return replace(
        answer,
        samples={**answer.samples, **arrivals.samples},
        readings={**answer.readings, **arrivals.readings},
        facts={**answer.facts, **arrivals.facts},
        notes=(*answer.notes, *arrivals.notes),
    )


def _call(function: Callable[..., Any], example: tuple[Any, ...]) -> tuple[Call, tuple[Note, ...]]:
    """The timed call: the function itself, or the function and the forcing of what it promised."""
    returned = function(*example)
    if inspect.iscoroutine(returned):
        returned.close()
        raise UsageError(
            f"{getattr(function, '__name__', function)!r} is a coroutine function: calling it runs nothing",
            now="measure a function that runs it, such as lambda: asyncio.run(f())",
        )
    if not is_lazy(returned):
        return (lambda inputs: function(*inputs)), ()
    if not _can_force(returned):
        return (lambda inputs: function(*inputs)), ()
    force(returned)
    return (lambda inputs: force(function(*inputs))), (LAZY,)


def _can_force(value: Any) -> bool:
    return isinstance(value, Iterator) or any(hasattr(value, name) for name in ("block_until_ready", "__array__"))


def force(value: Any) -> Any:
    """Make a promise come true: drain an iterator, wait for an asynchronous array, evaluate a lazy one."""
    if isinstance(value, Iterator):
        deque(value, maxlen=0)
        return None
    if hasattr(value, "block_until_ready"):
        return value.block_until_ready()
    return np.asarray(value)
