"""Converted models on disk: made once in a process of their own, loaded by every round."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stopwatt.backends.base import ArtifactBackend
from stopwatt.backends.catalogue import get
from stopwatt.errors import StopwattError
from stopwatt.measuring.building import build_for
from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.calibration import calibration_of
from stopwatt.measuring.job import Job
from stopwatt.measuring.phases import Phases
from stopwatt.records import Scalar
from stopwatt.wire import from_json, to_json

_FACTS = "converted.json"


def convert(job: Job, phases: Phases) -> None:
    """Build the workload and let the backend write its files into the job's artifact folder."""
    cell = job.cell
    backend = get(cell.setup.backend)
    if not isinstance(backend, ArtifactBackend):
        raise StopwattError(f"backend {cell.setup.backend!r} has nothing to convert")
    bundle = Bundle.load(Path(job.bundle))
    with phases.phase("build"):
        built, done = build_for(cell, bundle.inputs)
    with phases.phase("convert"):
        backend.convert(built, cell.setup, calibration_of(job, bundle, built), Path(job.artifact))
    known = Conversion(phases.seconds["convert"], done)
    (Path(job.artifact) / _FACTS).write_bytes(to_json(known))


@dataclass(frozen=True, slots=True)
class Conversion:
    """What is known of the conversion of a model.

    Attributes:
        convert_s: What it took.
        techniques: What the setup's techniques did to the module.
    """

    convert_s: float
    techniques: Mapping[str, Scalar] = field(default_factory=dict)


def conversion(folder: Path) -> Conversion:
    """What was written down when the model was converted."""
    return from_json(Conversion, (folder / _FACTS).read_bytes())
