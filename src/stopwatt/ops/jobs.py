"""One job of operators after another, in a process that is kept; what an answer, or the lack of one, means for each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from stopwatt.energy import EnergyRules, Telemetry
from stopwatt.errors import StopwattError
from stopwatt.measuring.job import Answer, Job, JobKind
from stopwatt.measuring.operators.replay import PHASE
from stopwatt.measuring.operators.sentinel import sentinel
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Place, Replay, ReplayRules
from stopwatt.ops.places import cell_of
from stopwatt.ops.queue import Task
from stopwatt.records import Protocol, Reading, Status, Trouble
from stopwatt.sweeping import energycost
from stopwatt.sweeping.executors.local import Local

GRACE_S = 60.0
SERIES_S = 20.0
"""A job is stopped after the grace and so long for each of its series: what takes longer hangs."""
_ONCE = ("start", "import")
"""Phases that the first job of a process has, and no other."""
_NOW = "it is left alone from now on; stopwatt ops measure --again tries it once more"


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a job.

    Attributes:
        replays: To be saved.
        rest: What is still to be done of its tasks.
        sentinels: Of its head and its end, as far as it came.
        seconds: What it took, without the start of its process.
    """

    replays: tuple[Replay, ...]
    rest: tuple[Task, ...] = ()
    sentinels: tuple[Replay, ...] = ()
    seconds: float = 0.0


class Jobs(Local):
    """Runs tasks in processes of this machine.

    Args:
        place: Device, threads, precision.
        rules: How each operator is measured; the modes are those of the tasks.
        energy: How energy is measured; a job then has one operator in one mode, and no sentinel: energy has its own.
        tell: Called with each operator that begins.
        grace_s: Time of a job beside that of its series.
    """

    def __init__(
        self,
        place: Place,
        rules: ReplayRules,
        energy: EnergyRules | None = None,
        tell: Callable[[Operator], None] = lambda _: None,
        *,
        grace_s: float = GRACE_S,
    ) -> None:
        super().__init__(self._phase)
        self._rules = replace(rules, energy=energy is not None)
        self._energy = energy
        self._cell = cell_of(place, Protocol(energy=energy, telemetry=Telemetry.OFF))
        self._group = f"operators {place.device} {place.threads} {place.precision}"
        self._sentinel = sentinel(place.device)
        self._tell = tell
        self._grace_s = grace_s
        self._operators: tuple[Operator, ...] = ()
        self._running: Operator | None = None

    def run(self, tasks: Sequence[Task]) -> Heard:
        """One job; all its tasks ask for the same modes.

        Raises:
            StopwattError: It came to nothing, and none of its operators is to blame.
        """
        watch = self._metering.watch(self._cell)
        job = self._job(tasks, watch.tick_s)
        self._operators, self._running = job.operators, None
        watch.leave_alone(alone=self._executor.alone, stopping=lambda: self._stopping)
        outcome = self._executor.run(job, self._limit_s(tasks), self._group, watch.follow)
        answer = outcome.answer
        if self._energy is not None and answer.replays and answer.status is Status.OK:
            whole = watch.complete(answer.measurement(job))
            answer = replace(answer, replays=tuple(_with_energy(one, whole.readings) for one in answer.replays))
        heard = conclude(tasks, answer, self._running, self._sentinel.key, stopping=self._stopping)
        once = sum(outcome.answer.phases.get(name, 0.0) for name in _ONCE)
        return replace(heard, seconds=watch.idle_s + outcome.wall_s - once)

    def _job(self, tasks: Sequence[Task], tick_s: float) -> Job:
        operators = tuple(task.operator for task in tasks)
        around = () if self._energy is not None else (self._sentinel,)
        return Job(
            JobKind.REPLAY,
            self._cell,
            bundle="",
            tick_s=tick_s,
            operators=(*around, *operators, *around),
            rules=replace(self._rules, modes=tasks[0].modes),
        )

    def _limit_s(self, tasks: Sequence[Task]) -> float:
        energy_s = 0.0 if self._energy is None else energycost.latest_s(self._energy)
        return self._grace_s + sum(task.series for task in tasks) * (SERIES_S + energy_s)

    def _phase(self, name: str) -> None:
        word, _, number = name.partition(" ")
        if word == PHASE:
            self._running = self._operators[int(number)]
            self._tell(self._running)


def conclude(
    tasks: Sequence[Task], answer: Answer, running: Operator | None, sentinel_key: str, *, stopping: bool = False
) -> Heard:
    """What an answer means for each task of its job.

    Args:
        tasks: Of the job.
        answer: Its own, or an obituary.
        running: Operator that began last; where the process died, it is to blame, and the others are done again.
        sentinel_key: Tells sentinels from operators.
        stopping: Whether the user asked to stop: what went wrong then says nothing about an operator.

    Raises:
        StopwattError: Nothing was measured, and no operator is to blame.
    """
    found = tuple(one for one in answer.replays if one.operator != sentinel_key)
    sentinels = tuple(one for one in answer.replays if one.operator == sentinel_key)
    rest = _rest(tasks, found)
    if stopping or not rest:
        return Heard(found, rest, sentinels)
    trouble = answer.trouble or Trouble(f"the job ended as {answer.status} without {rest[0].operator.label}")
    key = None if running is None or answer.status in {Status.OK, Status.INTERRUPTED} else running.key
    blamed = tuple(
        Replay(task.operator.key, mode, answer.status, Trouble(trouble.what, task.operator.label, _NOW))
        for task in rest
        if task.operator.key == key
        for mode in task.modes
    )
    if not found and not blamed:
        raise StopwattError(trouble.what, when=trouble.when or "measuring operators", now=trouble.now)
    return Heard((*found, *blamed), tuple(task for task in rest if task.operator.key != key), sentinels)


def _rest(tasks: Sequence[Task], found: Sequence[Replay]) -> tuple[Task, ...]:
    done = {(one.operator, one.mode) for one in found}
    left = (
        Task(one.operator, tuple(mode for mode in one.modes if (one.operator.key, mode) not in done)) for one in tasks
    )
    return tuple(task for task in left if task.modes)


def _with_energy(replay: Replay, readings: Mapping[str, Reading]) -> Replay:
    return replace(replay, readings={**replay.readings, **readings})
