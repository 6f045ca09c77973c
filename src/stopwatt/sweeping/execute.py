"""Run a plan: rounds in random order, each in a fresh process, each saved before the next begins."""

import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any, Protocol

from stopwatt.devices.facts import read_facts
from stopwatt.devices.fitness import judge
from stopwatt.errors import ExitCode, StopwattError
from stopwatt.measuring.job import Answer, Job, JobKind
from stopwatt.records import Cell, Measurement, Scalar, Status, Trouble
from stopwatt.store import Run, Selection
from stopwatt.store.database import Store
from stopwatt.sweeping import cache
from stopwatt.sweeping.estimate import Estimate
from stopwatt.sweeping.executors.process import Outcome, ProcessExecutor
from stopwatt.sweeping.plan import Plan
from stopwatt.sweeping.prepare import Preparation


class Interrupted(StopwattError):  # noqa: N818  (what happened)
    """The user asked to stop; everything measured so far is saved."""

    exit_code = ExitCode.INTERRUPTED


class Watcher(Protocol):
    """Somebody who looks on. Never called while a trial is timed."""

    def announce(self, text: str) -> None:
        """Something that the user must know before anything runs."""
        ...

    def begin(self, total: int, done: int) -> None:
        """So many rounds in all, so many of them measured by an earlier start."""
        ...

    def turn(self, cell: Cell, round_number: int) -> None:
        """A round begins."""
        ...

    def phase(self, name: str) -> None:
        """The running job entered a phase."""
        ...

    def saved(self, measurement: Measurement, done: int, failed: int, left_s: float | None) -> None:
        """A round was saved; so many are done, so many seconds are left as far as can be told."""
        ...

    def stopping(self) -> None:
        """The user asked to stop; the running round is being closed. Called from a signal handler."""
        ...

    def end(self) -> None:
        """All rounds are done, or the plan was stopped."""
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """One round of one cell."""

    round: int
    cell: Cell


def order(cells: Sequence[Cell], rounds: int, seed: int) -> Iterator[Turn]:
    """Every round of every cell; within each round the cells in an order of their own.

    A fixed order turns drift of the machine into differences between setups (measured A then B with 0.5 % drift, equal
    things look different almost always); a random one turns it into noise that the interval shows.
    """
    dice = random.Random(seed)  # noqa: S311  (an order, not a secret)
    for number in range(rounds):
        turns = [Turn(number, cell) for cell in cells]
        dice.shuffle(turns)
        yield from turns


def execute(plan: Plan, store: Store, run: Run, watcher: Watcher) -> None:
    """Measure what the run has not measured yet.

    Raises:
        Interrupted: The user stopped it; the running round was closed and saved.
        StoreError: A round could not be saved.
    """
    execution = _Execution(plan, store, run, watcher)
    with _stoppable(execution):
        execution.go()


class _Execution:
    def __init__(self, plan: Plan, store: Store, run: Run, watcher: Watcher) -> None:
        self.plan = plan
        self.store = store
        self.run = run
        self.watcher = watcher
        self.executor = ProcessExecutor(watcher.phase)
        self.preparation = Preparation(self.executor, plan.protocol.timeout_s)
        self.stops = 0
        self._bad: Counter[str] = Counter()
        self._good: Counter[str] = Counter()

    def go(self) -> None:
        turns = list(order(self.plan.cells, self.plan.protocol.rounds, self.plan.protocol.seed))
        finished = self._finished()
        left = [turn for turn in turns if (turn.cell.key, turn.round) not in finished]
        estimate = Estimate(len(turns), len(turns) - len(left))
        cache.prune()
        self.watcher.begin(len(turns), estimate.done)
        try:
            for place, turn in enumerate(left):
                if self._hopeless(turn.cell):
                    estimate.skip()
                    continue
                self.watcher.turn(turn.cell, turn.round)
                measurement, wall = self._measure(turn)
                self.store.save(self.run, measurement)
                self._count(measurement)
                estimate.add(turn.cell.key, wall)
                rest = [after.cell.key for after in left[place + 1 :] if not self._hopeless(after.cell)]
                self.watcher.saved(measurement, estimate.done, sum(self._bad.values()), estimate.left_s(rest))
                self._stop_if_asked()
        finally:
            self.watcher.end()

    def stop(self) -> None:
        """One more request to stop: the first closes the running round, the second ends it."""
        self.stops += 1
        if self.stops == 1:
            self.watcher.stopping()
            self.executor.interrupt()
        else:
            self.executor.kill()
            raise KeyboardInterrupt

    def _measure(self, turn: Turn) -> tuple[Measurement, float]:
        failure = self.preparation.ready(turn.cell)
        job = Job(
            kind=JobKind.MEASURE,
            cell=turn.cell,
            bundle=str(self.preparation.bundle(turn.cell)),
            artifact=str(self.preparation.artifact(turn.cell) or ""),
            round=turn.round,
        )
        before = self._facts(turn.cell)
        outcome = failure or self.executor.run(job, self.plan.protocol.timeout_s)
        return self._record(job, outcome, before), outcome.wall_s

    def _record(self, job: Job, outcome: Outcome, before: Mapping[str, Scalar]) -> Measurement:
        """The round with the machine's facts and with what changed on it while the round ran."""
        setup = job.cell.setup
        changes = judge(before, self._facts(job.cell), threads=setup.threads, device=setup.device)
        measurement = self._heard(outcome).measurement(job, outcome.log).with_facts(before)
        phases = {**measurement.phases, "round": outcome.wall_s}
        return replace(measurement, notes=(*measurement.notes, *changes.notes), phases=phases)

    def _heard(self, outcome: Outcome) -> Answer:
        """The answer; what goes wrong once the user asked to stop says nothing about the cell, which is tried again."""
        if not self.stops or outcome.answer.status in (Status.OK, Status.INTERRUPTED):
            return outcome.answer
        trouble = Trouble("interrupted", now="start the same command again: it goes on from here")
        return replace(outcome.answer, status=Status.INTERRUPTED, trouble=trouble)

    @staticmethod
    def _facts(cell: Cell) -> Mapping[str, Scalar]:
        """The load average is left out: it remembers our own last round. What ran beside a round, its usage tells."""
        return {name: value for name, value in read_facts(cell.setup.device).values.items() if name != "cpu.load"}

    def _finished(self) -> set[tuple[str, int]]:
        """Rounds of an earlier start; those that were interrupted are measured again."""
        earlier = [
            entry for entry in self.store.entries(Selection(run=self.run.id)) if entry.status is not Status.INTERRUPTED
        ]
        for entry in earlier:
            (self._good if entry.status is Status.OK else self._bad)[entry.cell] += 1
        return {(entry.cell, entry.round) for entry in earlier}

    def _count(self, measurement: Measurement) -> None:
        if measurement.status is not Status.INTERRUPTED:
            (self._good if measurement.status is Status.OK else self._bad)[measurement.cell.key] += 1

    def _hopeless(self, cell: Cell) -> bool:
        """Whether every round of the cell so far failed: it is not tried again in this run."""
        return self._bad[cell.key] > 0 and not self._good[cell.key]

    def _stop_if_asked(self) -> None:
        if self.stops:
            raise Interrupted(
                "stopped on request",
                when="the running round was closed and saved",
                now="start the same command again: it goes on where it stopped",
            )


@contextmanager
def _stoppable(execution: _Execution) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into requests; in a thread other than the main one, leave signals alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        execution.stop()

    previous: dict[signal.Signals, Any] = {
        number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
