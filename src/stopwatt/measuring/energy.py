"""The energy phase of a round: a known number of calls between known moments, and the device busy all the while.

    settling        window 1    pause   window 2    pause   window 3        sentinel    active idle
    |=blocks========|=blocks====|==|====|=blocks====|=|=====|=blocks====|===|=blocks====|             |

The sentinel is the same fixed work in every round, whatever its model is: where it takes another energy than in other
rounds, the device was not as in them.

Nothing here reads a meter: another process does, and the spans say what it saw. A block is about 50 ms of calls that
are submitted without waiting and then waited for once, so that the device's queue is full and still cannot grow without
bound. The clock is read, and decisions are taken, between blocks only.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Protocol

from stopwatt.devices.base import Device
from stopwatt.energy import ACTIVE_IDLE, SCOPES, SENTINEL, SETTLING, WINDOW, EnergyRules, Scope, Span
from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.trials import quiet_interpreter
from stopwatt.metrics import METRICS
from stopwatt.records import Estimated, Reading, Unavailable

BLOCK_NS = 50_000_000
DECAY_S = 0.2
"""After the last call the power falls for a while: that belongs neither to a window nor to the idle device."""
SPARE_TICKS = 2
"""At either end of a window up to a whole tick is lost, since windows begin anywhere between two."""
SENTINEL_SETTLE_S = 0.3
"""The fixed work runs for so long before it counts: it finds its block, and the power that of its own."""
SENTINEL_TICKS = 5
"""Of the slowest counter, at least, in a sentinel: what `meters.laid` takes for a mean power beside nothing else."""
MOST_GROWTH = 4.0
"""A block is at most so many times as long as the one before, until it has its length: the first calls are slow."""

ESTIMATE_NOT_ASKED = "not asked for: --estimate-cpu-energy WATTS"
TDP_ERROR = 0.4
"""How far models that turn CPU time into energy by a data sheet's watts have been off, either way."""

METRICS_OF: Mapping[Scope, tuple[str, ...]] = {
    scope: tuple(name for name in METRICS if name.endswith(f"_{scope}")) for scope in SCOPES
}
"""Metrics of energy and power by scope."""


@dataclass(frozen=True, slots=True)
class EnergyPhase:
    """What was done, for whoever reads instruments.

    Attributes:
        spans: `SETTLING`, `WINDOW`s, `SENTINEL` and `ACTIVE_IDLE`, as far as they were finished.
        interrupted: Whether the user ended the phase.
        why: Why there are no windows; empty if there are.
        no_sentinel: Why there is no sentinel though it was to be; empty otherwise.
    """

    spans: tuple[Span, ...]
    interrupted: bool = False
    why: str = ""
    no_sentinel: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """What keeps the device busy.

    Attributes:
        submit: Gives the device so many units of work; may return before they are done.
        calls: Calls of the model in one unit.
        synchronize: Returns when all work is done.
    """

    submit: Callable[[int], None]
    calls: int
    synchronize: Callable[[], None]


class Exercised(Protocol):
    """What runs in the windows: a `Subject`, or anything else with sets that take turns."""

    @property
    def device(self) -> Device:
        """Where it runs."""
        ...

    @property
    def sets(self) -> Sequence[Any]:
        """What is handed to `submit` in turn."""
        ...

    @property
    def submit(self) -> Callable[[Any], Any]:
        """One call; may return before the work is done."""
        ...


class Unrecordable(Exception):  # noqa: N818  (a fact about the model and its runtime)
    """The device's work cannot be recorded and repeated; the text says why."""


def run_energy(
    subject: Exercised,
    rules: EnergyRules,
    tick_s: float,
    *,
    dice: random.Random,
    clock: Callable[[], int] = now_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> EnergyPhase:
    """Keep the device busy in windows, then leave it alone.

    Args:
        subject: What runs, warmed up.
        rules: Lengths and number of windows.
        tick_s: Between two changes of the slowest counter.
        dice: Makes the pauses between windows, so that windows begin anywhere between two ticks.
        clock: Nanoseconds, the same that those who read instruments use.
        sleep: For so many seconds.

    An interrupt (KeyboardInterrupt) ends the phase; what was finished by then is returned.
    """
    spans: list[Span] = []
    no_sentinel = ""
    try:
        work = repeated(subject) if rules.replay else called(subject)
        with quiet_interpreter():
            course = _Course(work, spans, clock)
            units = course.settle(rules.settle_s)
            for number in range(rules.windows):
                if number:
                    course.busy(round(units * dice.random() * tick_s * 1e9 / BLOCK_NS))
                course.window(units, window_seconds(rules, tick_s))
            if rules.sentinel_s:
                no_sentinel = _sentinel(subject.device, sentinel_seconds(rules, tick_s), spans, clock)
            course.leave_alone(rules.idle_s, sleep)
    except Unrecordable as reason:
        return EnergyPhase((), why=str(reason))
    except KeyboardInterrupt:
        return EnergyPhase(tuple(spans), interrupted=True)
    return EnergyPhase(tuple(spans), no_sentinel=no_sentinel)


def _sentinel(device: Device, seconds: float, spans: list[Span], clock: Callable[[], int]) -> str:
    """The fixed work, written down; why there is none: it must not cost the round what was measured before."""
    try:
        exercise = device.exercise()
        course = _Course(Work(lambda units: _repeat(exercise, units), 1, device.synchronize), spans, clock)
        course.window(course.find_block(SENTINEL_SETTLE_S)[0], seconds, SENTINEL)
    except Exception as error:  # noqa: BLE001  (a device without room for it raises what its runtime likes)
        return _named(error)
    return ""


def _repeat(work: Callable[[], None], units: int) -> None:
    for _ in range(units):
        work()


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def window_seconds(rules: EnergyRules, tick_s: float) -> float:
    """How long a window has to be, at least.

    Args:
        rules: Its length and its ticks.
        tick_s: Between two changes of the slowest counter.
    """
    return max(rules.window_s, (rules.ticks + SPARE_TICKS) * tick_s)


def sentinel_seconds(rules: EnergyRules, tick_s: float) -> float:
    """How long the sentinel has to be, at least; 0 if there is none.

    Args:
        rules: Its length.
        tick_s: Between two changes of the slowest counter.
    """
    return max(rules.sentinel_s, (SENTINEL_TICKS + SPARE_TICKS) * tick_s) if rules.sentinel_s else 0.0


def estimated(cpu_s: float, watts: float | None) -> Reading:
    """Joules of a sample by its CPU time, for those who asked.

    Args:
        cpu_s: CPU time of a sample, of all threads.
        watts: Of one busy core, as declared; `None` if nobody asked.
    """
    if watts is None:
        return Unavailable(ESTIMATE_NOT_ASKED)
    joules = cpu_s * watts
    how = f"CPU time of the windows of throughput x {watts:g} W a busy core, +-{TDP_ERROR:.0%}"
    return Estimated(joules, "J", joules * (1 - TDP_ERROR), joules * (1 + TDP_ERROR), how)


def called(subject: Exercised) -> Work:
    """Plain calls over rotating inputs."""
    order, call = cycle(subject.sets), subject.submit

    def submit(units: int) -> None:
        for _, inputs in zip(range(units), order, strict=False):
            call(inputs)

    return Work(submit, 1, subject.device.synchronize)


def repeated(subject: Exercised) -> Work:
    """One recording of the calls on all input sets, for calls that are shorter than what it takes to launch them.

    Raises:
        Unrecordable: The device has nothing that records, or the runtime does something that cannot be recorded.
    """
    kept: list[Any] = []  # what the calls return lies in the recording's own memory

    def all_sets() -> None:
        kept[:] = [subject.submit(inputs) for inputs in subject.sets]

    subject.device.synchronize()
    try:
        again = subject.device.capture(all_sets)
    except Exception as error:
        raise Unrecordable(f"the calls cannot be recorded for replay: {_named(error)}") from error
    if again is None:
        raise Unrecordable(f"the calls cannot be recorded for replay: {subject.device.name} has no queue of work")

    def submit(units: int) -> None:
        for _ in range(units):
            again()

    return Work(submit, len(subject.sets), subject.device.synchronize)


class _Course:
    """The parts of the phase, one after another, each written down when it is over."""

    def __init__(self, work: Work, spans: list[Span], clock: Callable[[], int]) -> None:
        self._work = work
        self._spans = spans
        self._clock = clock

    def settle(self, seconds: float) -> int:
        """Busy for so long at least, written down; how many units make a block."""
        begin = self._clock()
        units, done, end = self.find_block(seconds, begin)
        self._write(SETTLING, begin, end, done)
        return units

    def find_block(self, seconds: float, begin_ns: int | None = None) -> tuple[int, int, int]:
        """Busy for so long at least; how many units make a block, how many there were, and when they were done."""
        begin = now = self._clock() if begin_ns is None else begin_ns
        units, done, took = 1, 0, 0
        while now - begin < seconds * 1e9 or took < BLOCK_NS // 2:
            if done:
                units = max(1, round(units * min(MOST_GROWTH, BLOCK_NS / max(1, took))))
            self.busy(units)
            done += units
            now, before = self._clock(), now
            took = now - before
        return units, done, now

    def window(self, units: int, seconds: float, name: str = WINDOW) -> None:
        """Whole blocks until the time is over."""
        begin = now = self._clock()
        done = 0
        while now - begin < seconds * 1e9:
            self.busy(units)
            done += units
            now = self._clock()
        self._write(name, begin, now, done)

    def busy(self, units: int) -> None:
        """One block of so many units."""
        self._work.submit(units)
        self._work.synchronize()

    def leave_alone(self, seconds: float, sleep: Callable[[float], None]) -> None:
        """The model is loaded, and nobody calls it."""
        sleep(DECAY_S)
        begin = self._clock()
        sleep(seconds)
        self._write(ACTIVE_IDLE, begin, self._clock(), 0)

    def _write(self, name: str, begin_ns: int, end_ns: int, units: int) -> None:
        self._spans.append(Span(name, begin_ns, end_ns, units * self._work.calls))
