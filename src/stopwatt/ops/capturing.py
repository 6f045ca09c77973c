"""Take models apart: from a request to captures, each made in a fresh process and kept as it comes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from stopwatt.backends import catalogue
from stopwatt.errors import Unsupported
from stopwatt.measuring.faults import translate
from stopwatt.measuring.job import Answer, Job, JobKind
from stopwatt.operators.capture import Capture
from stopwatt.ops.summary import write_summary
from stopwatt.records import Cell, Status, Trouble
from stopwatt.reporting.operators.capture import CaptureResult, Failed
from stopwatt.running import Silent
from stopwatt.store import open_store
from stopwatt.sweeping.execute import Interrupted, Watcher
from stopwatt.sweeping.executors.process import Outcome, ProcessExecutor
from stopwatt.sweeping.plan import Request, make_plan


def capture_models(
    asked: Request, *, out: Path | None = None, store: str | None = None, watcher: Watcher | None = None
) -> CaptureResult:
    """Take models apart, keep what was found, and write it down for people.

    Args:
        asked: As for `run_capture`.
        out: Folder for a summary file of each capture.
        store: Results database.
        watcher: Looks on.

    Raises:
        UsageError: An unknown name, a value out of range, or a folder that cannot be made.
        Interrupted: The user stopped it; what was captured before is kept.
        StoreError: A capture could not be saved.
    """
    files: list[str] = []
    with open_store(store) as database:

        def keep(found: Capture) -> None:
            database.operators.save_capture(found)
            if out is not None:
                keys = {one.key for one in found.operators}
                known = {one.operator.key for one in database.operators.replays(operators=keys)}
                files.append(str(write_summary(found, out, known)))

        return replace(run_capture(asked, watcher=watcher, keep=keep), files=tuple(files))


def run_capture(
    asked: Request, *, watcher: Watcher | None = None, keep: Callable[[Capture], None] = lambda _: None
) -> CaptureResult:
    """Take one call of each workload in each setup apart.

    Args:
        asked: What to capture. Of its protocol the seed, the input sets (for calibration) and the time limit count.
        watcher: Looks on.
        keep: Called with each capture as it comes, before the next one begins.

    Returns:
        Captures, and what failed. Iterating over it gives the captures, or raises if one is missing.

    Raises:
        UsageError: An unknown name, a value out of range.
        Interrupted: The user stopped it; what was captured before is kept.
    """
    watcher = watcher or Silent()
    plan = make_plan(asked)
    for text in plan.announcements:
        watcher.announce(text)
    executor = ProcessExecutor(watcher.phase)
    captures: list[Capture] = []
    failed: list[Failed] = []
    watcher.begin(len(plan.cells), 0)
    try:
        for cell in plan.cells:
            watcher.turn(cell, 0)
            job = Job(JobKind.CAPTURE, cell, bundle="")
            outcome = _outcome(executor, job)
            if outcome.answer.capture is not None:
                captures.append(outcome.answer.capture)
                keep(outcome.answer.capture)
            else:
                failed.append(_failed(cell, outcome))
            measurement = outcome.answer.measurement(job, outcome.log)
            watcher.saved(measurement, len(captures) + len(failed), len(failed), None)
    except KeyboardInterrupt:
        raise Interrupted(
            "stopped on request",
            when=f"after {len(captures)} of {len(plan.cells)} captures",
            now="start the same command again; what was captured is kept",
        ) from None
    finally:
        watcher.end()
    return CaptureResult(tuple(captures), tuple(failed))


def _outcome(executor: ProcessExecutor, job: Job) -> Outcome:
    try:
        catalogue.check_combination(catalogue.get(job.cell.setup.backend), job.cell.setup)
    except Unsupported as refusal:
        return Outcome(Answer(*translate(refusal, "planning")), "", 0.0)
    outcome = executor.run(job, job.cell.protocol.timeout_s)
    if outcome.answer.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    return outcome


def _failed(cell: Cell, outcome: Outcome) -> Failed:
    answer = outcome.answer
    return Failed(cell, answer.status, answer.trouble or Trouble(f"the capture ended as {answer.status}"), outcome.log)
