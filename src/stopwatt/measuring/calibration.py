"""What a backend may quantise with: samples that were drawn from the user's data, or inputs of the workload's own.

None of the workload's own inputs that int8 is calibrated on is one of those on which its answers are judged: on these
it would look several times as exact as it is.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from stopwatt.errors import StopwattError
from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.job import Job
from stopwatt.records import Cell, Precision
from stopwatt.workloads.base import Arrays, Built

SETS = 8
"""Of the workload's own inputs, whatever the protocol is: a model is quantised in one way."""
_OWN = 1
"""Beside the protocol's seed, so that these inputs are others than those that are measured."""


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


def calibration_of(job: Job, bundle: Bundle, built: Built) -> Sequence[Arrays]:
    """What the job's backend may quantise with; the measured inputs where it quantises nothing.

    Raises:
        StopwattError: The file is not the one that the job means.
    """
    if not job.calibration:
        return own_calibration(built, job.cell) or bundle.inputs
    path = Path(job.calibration)
    if digest_of(path) != job.calibration_digest:
        raise StopwattError("the calibration data are not those that were drawn", when=str(path), now="start again")
    return load(path)


def own_calibration(built: Built, cell: Cell) -> tuple[Arrays, ...]:
    """Inputs of the workload's own to calibrate int8 on; none for other precisions."""
    if cell.setup.precision is not Precision.INT8:
        return ()
    generator = np.random.default_rng((cell.protocol.seed, _OWN))
    return tuple(built.make_inputs(cell.setup.batch, generator) for _ in range(SETS))
