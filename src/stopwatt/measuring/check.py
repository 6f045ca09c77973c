"""The correctness gate by itself: a converted model, loaded in this process, against the reference's answers."""

from pathlib import Path

from stopwatt.backends.base import ArtifactBackend
from stopwatt.backends.catalogue import get
from stopwatt.devices.resolve import device as find_device
from stopwatt.errors import StopwattError
from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.faults import translate, write_down
from stopwatt.measuring.gate import Gate, WrongAnswers
from stopwatt.measuring.job import Answer, Job
from stopwatt.measuring.phases import Phases
from stopwatt.measuring.round import explained
from stopwatt.measuring.subject import assemble
from stopwatt.records import Measured, Reading, Scalar, Status

DEVIATION, COSINE, TOP1 = "deviation", "cosine", "top1_agreement"
"""Readings of an answer; the last one of classifiers only."""


def check_answers(job: Job, phases: Phases) -> Answer:
    """Load the job's artifact, give it the bundle's inputs and compare. Whatever goes wrong is part of the answer."""
    readings: dict[str, Reading] = {}
    facts: dict[str, Scalar] = {}
    try:
        _check(job, phases, readings, facts)
    except WrongAnswers as wrong:
        return Answer(Status.INVALID, wrong.trouble, readings=readings, phases=phases.seconds, facts=facts)
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001  (foreign code may raise anything)
        write_down(error)
        status, trouble = translate(error, phases.current)
        return Answer(status, trouble, phases=phases.seconds, facts=facts)
    return Answer(Status.OK, readings=readings, phases=phases.seconds, facts=facts)


def _check(job: Job, phases: Phases, readings: dict[str, Reading], facts: dict[str, Scalar]) -> None:
    cell = job.cell
    backend = get(cell.setup.backend)
    if not isinstance(backend, ArtifactBackend):
        raise StopwattError(f"backend {cell.setup.backend!r} has nothing to load")
    with phases.phase("inputs"):
        bundle = Bundle.load(Path(job.bundle))
    with phases.phase("load"):
        runner = backend.load(Path(job.artifact), cell.setup)
    gate = Gate(bundle, cell.setup, cell.protocol)
    try:
        with runner.active():
            subject = assemble(runner, find_device(cell.setup.device), bundle.inputs, cell.protocol.boundary)
            with phases.phase("first call"), explained(runner):
                subject.timed(subject.sets[0])
            facts |= runner.computed()
            with phases.phase("check"):
                gate.check_all(subject)
    finally:
        runner.close()
        found = gate.deviation
        if found is not None:
            readings |= {DEVIATION: Measured(found.relative, "1"), COSINE: Measured(found.cosine, "1")}
        if found is not None and found.top1 is not None:
            readings[TOP1] = Measured(found.top1, "1")
