"""Converted models on disk: made once in a process of their own, loaded by every round."""

import json
from pathlib import Path

from stopwatt.backends.base import ArtifactBackend
from stopwatt.backends.catalogue import get
from stopwatt.errors import StopwattError
from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.job import Job
from stopwatt.measuring.phases import Phases
from stopwatt.workloads.resolve import resolve

_FACTS = "converted.json"


def convert(job: Job, phases: Phases) -> None:
    """Build the workload and let the backend write its files into the job's artifact folder."""
    cell = job.cell
    backend = get(cell.setup.backend)
    if not isinstance(backend, ArtifactBackend):
        raise StopwattError(f"backend {cell.setup.backend!r} has nothing to convert")
    bundle = Bundle.load(Path(job.bundle))
    with phases.phase("build"):
        built = resolve(cell.workload.source).build(cell.workload.params, cell.protocol.seed)
    with phases.phase("convert"):
        backend.convert(built, cell.setup, bundle.inputs, Path(job.artifact))
    (Path(job.artifact) / _FACTS).write_text(json.dumps({"convert_s": phases.seconds["convert"]}))


def convert_seconds(folder: Path) -> float:
    """How long the conversion took, when it was made."""
    return float(json.loads((folder / _FACTS).read_text())["convert_s"])
