"""What a backend may quantise with: the samples that were drawn from the user's data, or the workload's own inputs."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from stopwatt.errors import StopwattError
from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.job import Job
from stopwatt.workloads.base import Arrays


def save(path: Path, sets: Sequence[Arrays]) -> None:
    """Write input sets as plain arrays; no pickle is involved."""
    named = {f"{index}_{place}": array for index, one in enumerate(sets) for place, array in enumerate(one)}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **named)


def load(path: Path) -> tuple[Arrays, ...]:
    """Read what `save` wrote."""
    sets: dict[int, list[Any]] = {}
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            sets.setdefault(int(name.partition("_")[0]), []).append(file[name])
    return tuple(tuple(one) for one in sets.values())


def digest_of(path: Path) -> str:
    """SHA-256 of a file of input sets."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def calibrated(job: Job, file: Path | None) -> Job:
    """The same job with a file of drawn data to quantise with, known by its digest; as it is where there is none."""
    return job if file is None else replace(job, calibration=str(file), calibration_digest=digest_of(file))


def calibration_of(job: Job, bundle: Bundle) -> Sequence[Arrays]:
    """What the job's backend may quantise with.

    Raises:
        StopwattError: The file is not the one that the job means.
    """
    if not job.calibration:
        return bundle.inputs
    path = Path(job.calibration)
    if digest_of(path) != job.calibration_digest:
        raise StopwattError("the calibration data are not those that were drawn", when=str(path), now="start again")
    return load(path)
