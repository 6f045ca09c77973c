"""Where rounds are measured: here, one after another, or on many machines at once."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from stopwatt.devices.facts import read_facts
from stopwatt.devices.fitness import judge
from stopwatt.measuring.calibration import calibrated
from stopwatt.measuring.job import Answer, Job, JobKind
from stopwatt.records import Cell, Measurement, Scalar, Status, Trouble
from stopwatt.sweeping.executors.local import Local
from stopwatt.sweeping.executors.process import Outcome
from stopwatt.sweeping.metering import Watch
from stopwatt.sweeping.prepare import Preparation
from stopwatt.sweeping.sharing import group_of
from stopwatt.sweeping.turns import Turn


@dataclass(frozen=True, slots=True)
class Finished:
    """A round that is over, however it ended.

    Attributes:
        wall_s: What it took, with all preparation.
    """

    turn: Turn
    measurement: Measurement
    wall_s: float


class Rounds(Protocol):
    """Who measures rounds. The caller keeps at most `capacity` of them under way, and saves what comes back."""

    def capacity(self) -> int:
        """Rounds that may be under way at once; it may change while the plan runs."""
        ...

    def start(self, turn: Turn) -> None:
        """Begin a round, or put it where it begins next."""
        ...

    def finished(self) -> Finished:
        """Sleep until one of the rounds under way is over."""
        ...

    def interrupt(self) -> None:
        """Close the rounds under way; safe inside a signal handler."""
        ...

    def kill(self) -> None:
        """End the rounds under way at once."""
        ...

    def close(self) -> None:
        """Leave nothing behind."""
        ...


class LocalRounds(Local):
    """Rounds in processes of this machine, one at a time.

    Args:
        timeout_s: Longest time for a round.
        listen: Called with the name of each phase.
        kind: What a round does; all but `MEASURE` need no preparation.
        divided: Whether others measure on other cores or GPUs of this machine meanwhile.
    """

    def __init__(
        self,
        timeout_s: float,
        listen: Callable[[str], None] = lambda _: None,
        kind: JobKind = JobKind.MEASURE,
        *,
        divided: bool = False,
    ) -> None:
        super().__init__(listen, divided=divided)
        self._preparation = Preparation(self._executor, timeout_s)
        self._timeout_s = timeout_s
        self._kind = kind
        self._waiting: deque[Turn] = deque()
        self._round = 0

    def capacity(self) -> int:
        """One: a second round beside the first would disturb it."""
        return 1

    def start(self, turn: Turn) -> None:
        """Remember the turn; `finished` measures it."""
        self._waiting.append(turn)

    def finished(self) -> Finished:
        """Measure the turn that was started."""
        turn = self._waiting.popleft()
        if turn.round != self._round:  # processes differ: another round means other processes
            self._executor.renew()
            self._round = turn.round
        measurement, wall_s = self._measure(turn)
        return Finished(turn, measurement, wall_s)

    def _measure(self, turn: Turn) -> tuple[Measurement, float]:
        failure = self._preparation.ready(turn.cell) if self._kind is JobKind.MEASURE else None
        metered = failure is None and self._kind is JobKind.MEASURE
        watch = self._metering.watch(turn.cell) if metered else Watch()
        job = Job(
            kind=self._kind,
            cell=turn.cell,
            bundle=str(self._preparation.bundle(turn.cell)),
            artifact=str(self._preparation.artifact(turn.cell) or ""),
            round=turn.round,
            tick_s=watch.tick_s,
            labelled=str(self._preparation.labelled(turn.cell) or "") if turn.round == 0 else "",
        )
        if failure is None and not job.artifact:  # a converted model was quantised when it was made
            job = calibrated(job, self._preparation.calibration(turn.cell))
        before = _facts(turn.cell)
        watch.leave_alone(alone=self._executor.alone, stopping=lambda: self._stopping)
        group = group_of(job.kind, turn.cell)
        outcome = failure or self._executor.run(job, self._timeout_s, group, watch.follow)
        measurement = self._record(job, outcome, before)
        return watch.complete(measurement) if metered else measurement, watch.idle_s + outcome.wall_s

    def _record(self, job: Job, outcome: Outcome, before: Mapping[str, Scalar]) -> Measurement:
        """The round with the machine's facts and with what changed on it while the round ran."""
        setup = job.cell.setup
        changes = judge(before, _facts(job.cell), threads=setup.threads, device=setup.device)
        measurement = self._heard(outcome).measurement(job, outcome.log).with_facts(before)
        phases = {**measurement.phases, "round": outcome.wall_s}
        return replace(measurement, notes=(*measurement.notes, *changes.notes), phases=phases)

    def _heard(self, outcome: Outcome) -> Answer:
        """The answer; what goes wrong once the user asked to stop says nothing about the cell, which is tried again."""
        if not self._stopping or outcome.answer.status in (Status.OK, Status.INTERRUPTED):
            return outcome.answer
        trouble = Trouble("interrupted", now="start the same command again: it goes on from here")
        return replace(outcome.answer, status=Status.INTERRUPTED, trouble=trouble)


def _facts(cell: Cell) -> Mapping[str, Scalar]:
    """The load average is left out: it remembers our own last round. What ran beside a round, its usage tells."""
    return {name: value for name, value in read_facts(cell.setup.device).values.items() if name != "cpu.load"}
