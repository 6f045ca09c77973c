"""Measure operators by themselves: in random order, a few seconds' worth at a time, until a budget is used.

job    sentinel | operator operator operator ... | sentinel        one process, kept for the next job
saved  in one transaction; what is interrupted, crashes or comes too late costs itself only
again  once, at the end: the jobs whose sentinel moved
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from stopwatt.energy import EnergyRules
from stopwatt.operators.measured import SENTINEL, Ending, Measured
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Mode, Place, Replay, ReplayRules
from stopwatt.ops.jobs import Heard, Jobs
from stopwatt.ops.queue import Order, Queue, Task, tasks_of
from stopwatt.ops.steadiness import Pair, Steadiness
from stopwatt.records import Status
from stopwatt.sweeping.execute import Interrupted, stoppable

if TYPE_CHECKING:
    from stopwatt.store.database import Store


_METRIC = "energy_package"
"""A metric of energy that every replay has, taken or unavailable, for which energy was asked."""
_FAILURES = frozenset(Status) - {Status.OK, Status.UNSUPPORTED}
"""Endings of an operator that the user hears of at once."""


class Onlooker(Protocol):
    """Somebody who looks on between operators; `reporting.progress.ProgressLine` is one."""

    def announce(self, text: str) -> None:
        """Something that the user must know."""
        ...

    def begin(self, total: int, done: int) -> None:
        """So many series in all, so many of them done."""
        ...

    def task(self, text: str) -> None:
        """An operator begins."""
        ...

    def done(self, count: int, left_s: float) -> None:
        """So many series are done; about so many seconds are left."""
        ...

    def stopping(self) -> None:
        """The user asked to stop. Called from a signal handler."""
        ...

    def end(self) -> None:
        """All is over."""
        ...


class Nobody:
    """An onlooker that does nothing."""

    def announce(self, text: str) -> None:
        """Nothing."""

    def begin(self, total: int, done: int) -> None:
        """Nothing."""

    def task(self, text: str) -> None:
        """Nothing."""

    def done(self, count: int, left_s: float) -> None:
        """Nothing."""

    def stopping(self) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


def measure(  # noqa: PLR0917  (the first six are what every verb says, in this order)
    store: "Store",
    operators: Sequence[Operator],
    place: Place,
    rules: ReplayRules,
    budget_s: float | None = None,
    watcher: Onlooker | None = None,
    *,
    again: bool = False,
    order: Order = Order.RANDOM,
    energy: EnergyRules | None = None,
) -> Measured:
    """Measure what the store has not, of these operators at this place.

    Args:
        store: Where each job is saved before the next begins.
        operators: Of any number of models; equal ones are measured once.
        place: Of `ops.places.place_of`.
        rules: Modes, samples, seed.
        budget_s: No job begins that would probably end later than this; the first one does in any case.
        watcher: Looks on.
        again: Measure what the store has, too; it keeps both.
        order: `GIVEN` measures the first ones first.
        energy: How energy is measured; each series then has a job of its own.

    Raises:
        Interrupted: The user stopped it; what was done is saved.
        StopwattError: The process that measures does not work at all.
        StoreError: A job could not be saved.
    """
    distinct = {operator.key: operator for operator in operators}
    wanted = {(key, mode) for key in distinct for mode in rules.modes}
    known = set() if again else wanted & _known(store, place, distinct, energy)
    tasks = tasks_of(operators, rules.modes, known, order=order, seed=rules.seed)
    queue = Queue(tasks, alone=energy is not None)
    session = _Session(store, place, distinct, watcher or Nobody(), budget_s)
    repeated = session.go(queue, Jobs(place, rules, energy, session.tell)) if queue else 0
    return Measured(
        place=place,
        operators=distinct,
        replays=tuple(session.replays.values()),
        known=len(known),
        left=queue.series,
        left_s=queue.left_s,
        seconds=session.seconds,
        jobs=session.jobs,
        repeated=repeated,
        sentinel_s=session.steadiness.usual_s,
        spread=session.steadiness.spread,
        ending=Ending.BUDGET if queue else Ending.DONE,
    )


def _known(
    store: "Store", place: Place, operators: Collection[str], energy: EnergyRules | None
) -> set[tuple[str, Mode]]:
    """Series that need not be measured; where energy is asked for, those that were never asked for it do."""
    if energy is None:
        return set(store.operators.measured(place))
    found = (kept.replay for kept in store.operators.replays(place=place, operators=operators))
    return {(one.operator, one.mode) for one in found if one.status is not Status.OK or _METRIC in one.readings}


@dataclass(frozen=True, slots=True)
class _Done:
    """A job that is over: what of it gave a time, and its sentinels."""

    tasks: tuple[Task, ...]
    pair: Pair


class _Session:
    """Jobs one after another, each saved."""

    def __init__(
        self,
        store: "Store",
        place: Place,
        operators: Mapping[str, Operator],
        watcher: Onlooker,
        budget_s: float | None,
    ) -> None:
        self.stops = 0
        self.jobs = 0
        self.replays: dict[tuple[str, Mode], Replay] = {}
        self.steadiness = Steadiness(place.device)
        self._store = store
        self._place = place
        self._operators = operators
        self._watcher = watcher
        self._budget_s = budget_s
        self._began = time.monotonic()
        self._finished: list[_Done] = []
        self._runner: Jobs | None = None

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def tell(self, operator: Operator) -> None:
        """An operator begins."""
        self._watcher.task(operator.label)

    def go(self, queue: Queue, runner: Jobs) -> int:
        """All of it; how many jobs were repeated."""
        self._runner = runner
        total = queue.series
        self._watcher.begin(total, 0)
        try:
            with stoppable(self):
                self._work_off(queue, runner, total)
                repeated = self._repeat(runner, total) if not queue else 0
        finally:
            runner.close()
            self._watcher.end()
        if self.stops:
            raise Interrupted(
                "stopped on request",
                when=f"{total - queue.series} of {total} series are measured and saved",
                now="start the same command again: it goes on where it stopped",
            )
        return repeated

    def stop(self) -> None:
        """One more request to stop: the first closes the running job, the second ends it."""
        self.stops += 1
        if self._runner is None:
            return
        if self.stops == 1:
            self._watcher.stopping()
            self._runner.interrupt()
        else:
            self._runner.kill()
            raise KeyboardInterrupt

    def _work_off(self, queue: Queue, runner: Jobs, total: int) -> int:
        """Jobs until the queue is empty, the budget used, or the user wants to stop; how many there were."""
        before = self.jobs
        while queue and not self.stops and self._in_budget(queue):
            tasks = queue.take()
            heard = runner.run(tasks)
            self._save(heard)
            queue.put_back(heard.rest)
            queue.learn(heard.seconds, sum(map(len, (task.modes for task in tasks))))
            self._watcher.done(total - queue.series, queue.left_s)
            self.jobs += 1
        return self.jobs - before

    def _in_budget(self, queue: Queue) -> bool:
        return self._budget_s is None or not self.jobs or self.seconds + queue.expected_s() <= self._budget_s

    def _save(self, heard: Heard) -> None:
        pair = self.steadiness.hear(heard.sentinels)
        reading = self.steadiness.reading(pair)
        about = {} if reading is None else {SENTINEL: reading}
        replays = [replace(one, readings={**one.readings, **about}) for one in heard.replays]
        self._store.operators.save_replays(self._place, self._operators, replays)
        self.replays |= {(one.operator, one.mode): one for one in replays}
        failed = {(one.operator, one.trouble.what) for one in replays if one.trouble and one.status in _FAILURES}
        for key, what in sorted(failed):
            self._watcher.announce(f"{self._operators[key].label}: {what}")
        self._finished.append(_Done(self._timed(replays), pair))

    def _timed(self, replays: Sequence[Replay]) -> tuple[Task, ...]:
        modes: dict[str, list[Mode]] = {}
        for one in replays:
            if one.status is Status.OK:
                modes.setdefault(one.operator, []).append(one.mode)
        return tuple(Task(self._operators[key], tuple(found)) for key, found in modes.items())

    def _repeat(self, runner: Jobs, total: int) -> int:
        """Once more, and once only: jobs in which the machine was not as in the others."""
        moved = [done for done in self._finished if self.steadiness.is_suspect(done.pair)]
        queue = Queue([task for done in moved for task in done.tasks])
        if not queue or self.stops:
            return 0
        self._watcher.announce(f"the sentinel moved in {len(moved)} of {self.jobs} jobs: they are repeated")
        self._watcher.begin(total + queue.series, total)
        return self._work_off(queue, runner, total + queue.series)
