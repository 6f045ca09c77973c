"""What a worker is asked and what it answers: one JSON document each way.

A job describes a worker completely, so that any round can be repeated by hand:
``python -m stopwatt.measuring.worker < job.json``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from stopwatt.energy import Span
from stopwatt.operators.capture import Capture
from stopwatt.operators.inspection import Inspection
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Replay, ReplayRules
from stopwatt.records import Cell, Measurement, Note, Reading, Samples, Scalar, Status, Trouble


class JobKind(StrEnum):
    """What the worker shall do."""

    REFERENCE = "reference"  # make the inputs and what fp32 eager answers to them
    CONVERT = "convert"  # turn the model into a runtime's own files
    MEASURE = "measure"  # one round
    CEILINGS = "ceilings"  # what the device does at most
    CAPTURE = "capture"  # take one call of the model apart
    REPLAY = "replay"  # call operators by themselves
    INSPECT = "inspect"  # look at the model as exporters will, and convert nothing
    CALIBRATE = "calibrate"  # draw the user's data that int8 is calibrated on
    LABEL = "label"  # draw the user's labelled data that accuracy is measured on
    CHECK = "check"  # compare a converted model's answers with the reference's, and time nothing


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work for a fresh process.

    Attributes:
        bundle: Folder of the inputs and reference outputs; written by REFERENCE, read by the others.
        artifact: Folder of the converted model; written by CONVERT, read by MEASURE, CHECK; empty for module backends.
        spawned_ns: The parent's monotonic clock when it started the worker; 0 when started by hand.
        parent: Process whose death ends the worker at once; 0 when started by hand.
        served: Jobs that the process did before this one.
        kept: Whether the process waits for further jobs afterwards.
        tick_s: Between two changes of the slowest energy counter that is read beside this round; 0 if none is.
        operators: What a REPLAY job calls, in this order. Its cell says device, threads and precision, no workload.
        rules: How.
        calibration: File of drawn data; written by CALIBRATE, read by CONVERT, MEASURE. Empty for the bundle's inputs.
        calibration_digest: SHA-256 of that file, for those who read it.
        labelled: Folder of labelled samples; written by LABEL, read by MEASURE. Empty where the round judges none.
    """

    kind: JobKind
    cell: Cell
    bundle: str
    artifact: str = ""
    round: int = 0
    parent: int = 0
    spawned_ns: int = 0
    served: int = 0
    kept: bool = False
    tick_s: float = 0.0
    operators: tuple[Operator, ...] = ()
    rules: ReplayRules = field(default_factory=ReplayRules)
    calibration: str = ""
    calibration_digest: str = ""
    labelled: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker reports; the fields of a `Measurement` that only the worker can know.

    Attributes:
        capture: Of a CAPTURE job.
        replays: Of a REPLAY job: one for each operator and mode, in the order in which they were measured.
        inspection: Of an INSPECT job.
    """

    status: Status
    trouble: Trouble | None = None
    samples: Mapping[str, Samples] = field(default_factory=dict)
    readings: Mapping[str, Reading] = field(default_factory=dict)
    phases: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    spans: tuple[Span, ...] = ()
    capture: Capture | None = None
    replays: tuple[Replay, ...] = ()
    inspection: Inspection | None = None

    def measurement(self, job: Job, log: str = "") -> Measurement:
        """This answer as the record of the job's round."""
        return Measurement(
            cell=job.cell,
            round=job.round,
            status=self.status,
            trouble=self.trouble,
            samples=self.samples,
            readings=self.readings,
            phases=self.phases,
            facts=self.facts,
            notes=self.notes,
            spans=self.spans,
            log=log,
        )
