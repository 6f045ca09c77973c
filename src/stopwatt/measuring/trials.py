"""The timed loop. Everything in it is counted in nanoseconds; nothing is allocated, logged or decided."""

import gc
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import cycle, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.measuring.clock import now_ns

Call = Callable[[Any], Any]

SETTLE_CALLS = 10
"""What happens between warm-up and trials, the last collection of garbage above all, cools caches and sends threads to
sleep: without these calls the first trial of a small model takes 10 to 30 times as long as the others, and the maximum
is ours, not the model's."""
SETTLE_NS = 20_000_000


class Stop(StrEnum):
    """Why a series of trials ended; decided before it began, except for an interrupt."""

    COUNT = "all trials done"
    TIME = "time budget of the round used up"
    INTERRUPT = "interrupted"


@dataclass(frozen=True, slots=True)
class Trials:
    """One series.

    Attributes:
        started_ns: Start of each trial after the first one's start.
        latency_ns: Length of each trial.
        outputs: What the last finished trial returned; `None` before the first.
        last_set: Which input set the last finished trial had.
        stop: Why the series ended.
        first_ns, last_ns: When the first trial began and the last finished one ended, on the clock; 0 if none did.
    """

    started_ns: NDArray[np.int64]
    latency_ns: NDArray[np.int64]
    outputs: Any
    last_set: int
    stop: Stop
    first_ns: int = 0
    last_ns: int = 0


@contextmanager
def quiet_interpreter() -> Iterator[None]:
    """Keep the garbage collector out of the timed region: what exists is frozen, nothing is collected."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def run_trials(
    call: Call,
    sets: Sequence[Any],
    trials: int,
    *,
    budget_s: float | None = None,
    least: int = 1,
    last_set: int = 0,
    settle: int = 0,
    before: Callable[[], None] | None = None,
    clock: Callable[[], int] = now_ns,
    interpreter: Callable[[], AbstractContextManager[None]] | None = None,
) -> Trials:
    """Time `call` so many times, one call at a time, over rotating inputs.

    Args:
        call: Returns when the work is done (the caller has added the synchronisation, where one is needed).
        sets: Staged inputs that take turns.
        trials: Number of timed calls.
        budget_s: End after this long even if fewer are done.
        least: Trials done whatever the budget says.
        last_set: Input set of the last trial if all are done: its output is what the second correctness check reads.
        settle: Calls before the first trial that are not timed (`SETTLE_CALLS` says why), with other inputs than the
            first trial, which a model may remember otherwise.
        before: Called before each call, outside its timing: a pause, a cache that is emptied.
        clock: Nanoseconds.
        interpreter: Around all calls; `quiet_interpreter` if absent.

    An interrupt (KeyboardInterrupt) ends the series; what was finished by then is returned.
    """
    begins, ends = array("q", bytes(8 * trials)), array("q", bytes(8 * trials))
    first = (last_set - (trials - 1)) % len(sets)
    order: Iterator[Any] = islice(cycle(sets), first, None)
    if before is not None:
        order = _each_after(order, before)
    done, outputs, stop = 0, None, Stop.COUNT
    with (interpreter or quiet_interpreter)():
        try:
            _settle(call, [*sets[:first], *sets[first + 1 :]] or sets, settle)
            deadline = clock() + int(budget_s * 1e9) if budget_s is not None else 2**62
            for index, inputs in zip(range(trials), order, strict=False):
                begin = clock()
                outputs = call(inputs)
                end = clock()
                begins[index] = begin
                ends[index] = end
                done = index + 1
                if end > deadline and done >= least:
                    stop = Stop.TIME if done < trials else Stop.COUNT
                    break
        except KeyboardInterrupt:
            stop = Stop.INTERRUPT
    starts = np.frombuffer(begins, dtype=np.int64)[:done]
    return Trials(
        started_ns=starts - (starts[0] if done else 0),
        latency_ns=np.frombuffer(ends, dtype=np.int64)[:done] - starts,
        outputs=outputs,
        last_set=(first + done - 1) % len(sets),
        stop=stop,
        first_ns=int(starts[0]) if done else 0,
        last_ns=ends[done - 1] if done else 0,
    )


def pause(seconds: float) -> Callable[[], None] | None:
    """What `before` is for a pause in which this process sleeps; `None` for none."""
    return partial(time.sleep, seconds) if seconds else None


def _each_after(sets: Iterator[Any], before: Callable[[], None]) -> Iterator[Any]:
    for inputs in sets:
        before()
        yield inputs


def _settle(call: Call, sets: Sequence[Any], calls: int) -> None:
    """So many calls; fewer where they are slow, since what they lost counts for little there."""
    enough = now_ns() + SETTLE_NS
    for inputs in islice(cycle(sets), calls):
        call(inputs)
        if now_ns() > enough:
            return
