"""The process that measures: JSON jobs on standard input, messages on a pipe of its own.

    python -m stopwatt.measuring.worker < job.json            # by hand: the answer goes to standard output
    python -m stopwatt.measuring.worker --answer-fd 7 < ...   # as the parent starts it: a job a line

Messages are lines of JSON: ``{"phase": "warm-up"}`` as each phase begins, ``{"answer": {...}}`` at the end of a job.
What the model prints goes to standard output and error and cannot reach the pipe.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

from stopwatt import wire
from stopwatt.measuring import process
from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.faults import translate, write_down
from stopwatt.measuring.job import Answer, Job, JobKind
from stopwatt.measuring.phases import Phases
from stopwatt.records import Status

_STEPS = {
    JobKind.CEILINGS: "ceilings:measure_ceilings",
    JobKind.CAPTURE: "operators.capture:capture_call",
    JobKind.REPLAY: "operators.replay:measure_operators",
    JobKind.INSPECT: "inspection:inspect_workload",
    JobKind.CHECK: "check:check_answers",
    JobKind.CALIBRATE: "drawing:draw_calibration",
    JobKind.LABEL: "labelling:draw_labelled",
}
"""Functions that do a job, imported when it comes: each needs other libraries."""


def main() -> None:
    """Do jobs and report each."""
    started_ns = now_ns()
    by_hand = sys.argv[1:2] != ["--answer-fd"]
    descriptor = _own_output() if by_hand else int(sys.argv[2])
    os.set_inheritable(descriptor, False)  # what the model starts must not hold the pipe open
    process.show_crashes()
    process.listen_to_interrupts()
    process.be_first_victim()

    def send(message: bytes) -> None:
        view = memoryview(message + b"\n")
        while view:
            view = view[os.write(descriptor, view) :]

    for text in [sys.stdin.buffer.read()] if by_hand else iter(sys.stdin.buffer.readline, b""):
        job = wire.from_json(Job, text)
        process.die_with(job.parent)
        answer = perform(job, lambda name: send(json.dumps({"phase": name}).encode()))
        if job.spawned_ns:  # the monotonic clock is the machine's: the parent's reading can be compared with ours
            answer = replace(answer, phases={"start": (started_ns - job.spawned_ns) / 1e9, **answer.phases})
        send(b'{"answer":' + wire.to_json(answer) + b"}")
        if not job.kept:
            break
        del answer
        process.give_back_memory()
    # The answers are out: neither exit handlers nor destructors of the measured code can change them any more.
    os._exit(0)


def perform(job: Job, tell: Callable[[str], None] = lambda _: None) -> Answer:
    """Do a job in this process."""
    if job.kind is JobKind.MEASURE:
        return _measure(job, tell)
    if job.kind in _STEPS:
        module, _, name = _STEPS[job.kind].partition(":")
        step: Callable[[Job, Phases], Answer] = getattr(import_module(f"stopwatt.measuring.{module}"), name)
        return step(job, Phases(tell))
    return _prepare(job, Phases(tell))


def _measure(job: Job, tell: Callable[[str], None]) -> Answer:
    from stopwatt.measuring.round import Round, measure_round

    if job.cell.protocol.ablation is None:
        return measure_round(job, Round, tell)
    from stopwatt.measuring.ways.round import AblationRound

    return measure_round(job, AblationRound, tell)


def _prepare(job: Job, phases: Phases) -> Answer:
    try:
        if job.kind is JobKind.REFERENCE:
            from stopwatt.measuring.reference import make_bundle

            make_bundle(job, phases)
        else:
            from stopwatt.measuring.artifact import convert

            convert(job, phases)
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001  (foreign code may raise anything)
        write_down(error)
        status, trouble = translate(error, phases.current)
        return Answer(status, trouble, phases=phases.seconds)
    return Answer(Status.OK, phases=phases.seconds)


def _own_output() -> int:
    """By hand: the answer goes where standard output went, and what the model prints to standard error."""
    descriptor = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return descriptor


if __name__ == "__main__":
    main()
