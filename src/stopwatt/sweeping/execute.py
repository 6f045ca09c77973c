"""Run a plan: rounds in random order, each saved before another takes its place."""

import signal
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from stopwatt.errors import ExitCode, StopwattError
from stopwatt.records import Cell, Measurement, Status, Trouble
from stopwatt.store import Run, Selection
from stopwatt.sweeping import cache
from stopwatt.sweeping.estimate import Estimate
from stopwatt.sweeping.plan import Plan
from stopwatt.sweeping.repetition import Repetitions, marked
from stopwatt.sweeping.rounds import Finished, LocalRounds, Rounds
from stopwatt.sweeping.toolarge import TooLarge
from stopwatt.sweeping.turns import Turn, order

if TYPE_CHECKING:
    from stopwatt.store.database import Store


class Interrupted(StopwattError):  # noqa: N818  (what happened)
    """The user asked to stop; everything measured so far is saved."""

    exit_code = ExitCode.INTERRUPTED


class Watcher(Protocol):
    """Somebody who looks on. Never called while a trial is timed."""

    def announce(self, text: str) -> None:
        """Something that the user must know before anything runs."""
        ...

    def begin(self, total: int, done: int) -> None:
        """So many rounds in all, so many of them done before; told once more where others are added."""
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


def execute(plan: Plan, store: "Store", run: Run, watcher: Watcher, rounds: Rounds | None = None) -> None:
    """Measure what the run has not measured yet.

    Args:
        plan: What to measure.
        store: Where each round is saved before the next begins in its place.
        run: Of that store.
        watcher: Looks on.
        rounds: Who measures; by default this machine, one round at a time.

    Raises:
        Interrupted: The user stopped it; what was under way was closed and saved.
        StoreError: A round could not be saved.
    """
    execution = _Execution(plan, store, run, watcher, rounds or LocalRounds(plan.protocol.timeout_s, watcher.phase))
    with stoppable(execution):
        execution.go()


class _Execution:
    def __init__(self, plan: Plan, store: "Store", run: Run, watcher: Watcher, rounds: Rounds) -> None:
        self.plan = plan
        self.store = store
        self.run = run
        self.watcher = watcher
        self.rounds = rounds
        self.stops = 0
        self._under_way = 0
        self._bad: Counter[str] = Counter()
        self._good: Counter[str] = Counter()
        self._repetitions = Repetitions()
        self._too_large = TooLarge()

    def go(self) -> None:
        turns = list(order(self.plan.cells, self.plan.protocol.rounds, self.plan.protocol.seed, self.plan.order))
        finished = self._finished()
        left = deque(turn for turn in turns if (turn.key, turn.round) not in finished)
        self._estimate = Estimate(Counter(turn.key for turn in left), len(turns) - len(left))
        cache.prune()
        self.watcher.begin(len(turns), self._estimate.done)
        try:
            self._measure(left)
            self._measure_again()
        finally:
            self.rounds.close()
            self.watcher.end()
        if self.stops:
            raise Interrupted(
                "stopped on request",
                when="the running round was closed and saved",
                now="start the same command again: it goes on where it stopped",
            )

    def _measure(self, left: deque[Turn]) -> None:
        while self._start_some(left) or self._under_way:
            self._save(self.rounds.finished())

    def _measure_again(self) -> None:
        """Rounds in which the device was not as in the others: once each, when all others are known."""
        again = self._repetitions.due(self.plan.cells)
        if self.stops or not again:
            return
        done = self._estimate.done
        self._estimate = Estimate(Counter(turn.key for turn in again), done)
        self.watcher.begin(done + len(again), done)
        self._measure(again)

    def stop(self) -> None:
        """One more request to stop: the first closes the running round, the second ends it."""
        self.stops += 1
        if self.stops == 1:
            self.watcher.stopping()
            self.rounds.interrupt()
        else:
            self.rounds.kill()
            raise KeyboardInterrupt

    def _start_some(self, left: deque[Turn]) -> bool:
        """Begin as many rounds as there is room for; whether any did."""
        begun = 0
        while left and not self.stops and self._under_way < self.rounds.capacity():
            turn = left.popleft()
            if self._hopeless(turn.key):
                self._estimate.skip(turn.key)
                continue
            trouble = self._too_large.trouble(turn.cell)
            if trouble is not None:
                self._leave_out(turn, trouble)
                continue
            self.watcher.turn(turn.cell, turn.round)
            self.rounds.start(turn)
            self._under_way += 1
            begun += 1
        return begun > 0

    def _save(self, done: Finished) -> None:
        self._under_way -= 1
        self._estimate.add(done.turn.key, done.wall_s)
        self._keep(done.turn.key, marked(done.turn, done.measurement))

    def _leave_out(self, turn: Turn, trouble: Trouble) -> None:
        """Say of a batch that is too large why it was not tried."""
        self._estimate.skip(turn.key)
        self._keep(turn.key, Measurement(turn.cell, turn.round, Status.OUT_OF_MEMORY, trouble, facts=self.plan.facts))

    def _keep(self, key: str, measurement: Measurement) -> None:
        self.store.save(self.run, measurement)
        self._repetitions.hear(measurement)
        self._count(key, measurement)
        left_s = self._estimate.left_s()
        shared = None if left_s is None else left_s / max(1, self.rounds.capacity())
        self.watcher.saved(measurement, self._estimate.done, sum(self._bad.values()), shared)

    def _finished(self) -> set[tuple[str, int]]:
        """Rounds of an earlier start; those that were interrupted are measured again."""
        earlier = self.store.rounds_done(self.run)
        cells = {cell.key: cell for cell in self.plan.cells} if earlier else {}
        for (key, _), status in earlier.items():
            (self._good if status is Status.OK else self._bad)[key] += 1
            if key in cells:
                self._too_large.hear(cells[key], status)
        if earlier and any(cell.protocol.energy is not None for cell in self.plan.cells):
            for one in self.store.measurements(Selection(run=self.run.id)):
                self._repetitions.hear(one)
        return set(earlier)

    def _count(self, key: str, measurement: Measurement) -> None:
        if measurement.status is not Status.INTERRUPTED:
            (self._good if measurement.status is Status.OK else self._bad)[key] += 1
            self._too_large.hear(measurement.cell, measurement.status, measurement.trouble)

    def _hopeless(self, key: str) -> bool:
        """Whether every round of the cell so far failed: it is not tried again in this run."""
        return self._bad[key] > 0 and not self._good[key]


class Stoppable(Protocol):
    """Something that measures and can be asked to stop."""

    stops: int
    """Requests so far."""

    def stop(self) -> None:
        """One more request to stop: the first closes what is running, the second ends it. Called by a handler."""
        ...


@contextmanager
def stoppable(execution: Stoppable) -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into requests; leave signals alone in any thread but the main one.

    A closed terminal may be told several times, by the kernel and by the shell: it is one request. Under `nohup`, none.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGHUP or not execution.stops:
            execution.stop()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    previous: dict[signal.Signals, Any] = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
