"""The steps of packing that touch a model, each in a process of its own."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stopwatt.errors import StopwattError, Unsupported, UsageError
from stopwatt.measuring.calibration import calibrated
from stopwatt.measuring.check import COSINE, DEVIATION, TOP1
from stopwatt.measuring.job import Answer, Job, JobKind
from stopwatt.measuring.parity import TOLERANCE
from stopwatt.operators.inspection import Inspection
from stopwatt.packing.manifest import Parity
from stopwatt.records import Cell, Measured, Status
from stopwatt.sweeping.execute import Interrupted
from stopwatt.sweeping.executors.process import Outcome, ProcessExecutor
from stopwatt.techniques import catalogue as techniques
from stopwatt.workloads.served import PREFIX

_LOG_LINES = 12
_DYNAMIC = "TORCHINDUCTOR_CPP_DYNAMIC_THREADS"


class Jobs:
    """Runs steps one after another; whatever goes wrong in one is raised as an error.

    Args:
        timeout_s: Longest time for one.
        tell: Called with the name of each phase.

    Raises:
        UsageError: No step can be done in no time.
    """

    def __init__(self, timeout_s: float, tell: Callable[[str], None] = lambda _: None) -> None:
        if not timeout_s > 0:
            raise UsageError(f"a timeout of {timeout_s:g} s is out of range", now="give a time above 0, such as 1h")
        self._timeout_s = timeout_s
        self._executor = ProcessExecutor(tell)

    def reference(self, cell: Cell, bundle: Path) -> None:
        """Inputs, and what fp32 eager answers to them."""
        self._done(Job(JobKind.REFERENCE, cell, bundle=str(bundle)))

    def inspect(self, cell: Cell) -> Inspection:
        """The model as exporters see it."""
        inspection = self._done(Job(JobKind.INSPECT, cell, bundle="")).inspection
        assert inspection is not None  # noqa: S101  (what such a job answers)
        return inspection

    def calibrate(self, cell: Cell, bundle: Path, file: Path) -> Answer:
        """Draw the data that the cell's protocol names, in the shape of the bundle's inputs, into a file."""
        return self._done(Job(JobKind.CALIBRATE, cell, bundle=str(bundle), calibration=str(file)))

    def convert(self, cell: Cell, bundle: Path, folder: Path, calibration: Path | None = None) -> None:
        """The model in its runtime's own files.

        Args:
            cell: What to convert.
            bundle: Inputs and the reference's answers.
            folder: Of the converted model.
            calibration: File of drawn data to quantise with; the bundle's inputs if absent.
        """
        job = Job(JobKind.CONVERT, cell, bundle=str(bundle), artifact=str(folder))
        with _any_number_of_threads():
            self._done(calibrated(job, calibration))

    def check(self, cell: Cell, bundle: Path, folder: Path, inputs: int) -> tuple[Parity, Answer]:
        """How the converted model compares, in a process that has seen nothing else of it.

        Args:
            cell: What was converted.
            bundle: Inputs and the reference's answers.
            folder: Of the converted model.
            inputs: Sets of the bundle that have answers.

        Raises:
            StopwattError: It deviates by more than its precision allows, or does not run.
        """
        answer = self._done(Job(JobKind.CHECK, cell, bundle=str(bundle), artifact=str(folder)))
        top1 = answer.readings.get(TOP1)
        parity = Parity(
            inputs=inputs,
            deviation=_value(answer, DEVIATION),
            tolerance=_tolerance(cell, _value(answer, DEVIATION)),
            cosine=_value(answer, COSINE),
            top1=top1.value if isinstance(top1, Measured) else None,
        )
        return parity, answer

    def _done(self, job: Job) -> Answer:
        outcome = self._executor.run(job, self._timeout_s)
        if outcome.answer.status is not Status.OK:
            raise _error(job, outcome)
        return outcome.answer


def _tolerance(cell: Cell, deviation: float) -> float:
    """What passes from now on. A technique that changes the function may stay as far from fp32 as it is when packed."""
    if cell.protocol.tolerance is not None:
        return cell.protocol.tolerance
    rounding = TOLERANCE[cell.setup.precision]
    return rounding if techniques.exact(cell.setup) else deviation + rounding


@contextmanager
def _any_number_of_threads() -> Iterator[None]:
    """AOTInductor writes the number of threads into its code unless its worker is told otherwise.

    A bench measures with one number; a pack is run with whatever leaves each of its workers its share of the cores.
    """
    before = os.environ.get(_DYNAMIC)
    os.environ[_DYNAMIC] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_DYNAMIC]
        else:
            os.environ[_DYNAMIC] = before


def _value(answer: Answer, name: str) -> float:
    reading = answer.readings[name]
    assert isinstance(reading, Measured)  # noqa: S101  (what a check that passed says)
    return reading.value


def _error(job: Job, outcome: Outcome) -> StopwattError:
    trouble = outcome.answer.trouble
    what, when, now = (trouble.what, trouble.when, trouble.now) if trouble else (str(outcome.answer.status), "", "")
    where = job.cell.label.removeprefix(PREFIX)
    when = where if not when or when in where else f"{where}; {when}"
    if outcome.answer.status is Status.INTERRUPTED:
        return Interrupted("interrupted while packing; no pack was written", now="start the same command again")
    if outcome.answer.status is Status.UNSUPPORTED:
        return Unsupported(what, when=when, now=now)
    if job.kind is JobKind.CALIBRATE and trouble and outcome.answer.status is Status.FAILED:
        return UsageError(what, when=when, now=now)  # the data are not what the model takes
    if "stopwatt show" in now:  # nothing of a packing is in a results database: the log is shown here
        now = "\n".join(["the end of its log:", *_last_lines(outcome.log)])
    return StopwattError(what, when=when, now=now)


def _last_lines(log: str) -> Sequence[str]:
    return [line.rstrip() for line in log.splitlines() if line.strip()][-_LOG_LINES:]
