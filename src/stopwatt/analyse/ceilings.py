"""What devices do at most, from the measurements of `stopwatt ceilings`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from stopwatt.measuring.ceilings import COPY, MATMUL, MATMUL_SIZE, SOURCE
from stopwatt.records import Cell, Measured, Measurement, Samples, Status, Unavailable


@dataclass(frozen=True, slots=True)
class Peak:
    """One figure of a device.

    Attributes:
        value: Median of the windows, per second.
        least, most: Of the windows.
        windows: How many.
    """

    value: float
    least: float
    most: float
    windows: int


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a device does at most in one precision.

    Attributes:
        cell: Names device, precision, threads, machine and the version of torch.
        matmul: Operations a second of the best square matrix product.
        size: Side of its matrices.
        copy: Bytes a second, read and written.
        measured_at: ISO 8601, UTC.
    """

    cell: Cell
    matmul: Peak
    size: int
    copy: Peak
    measured_at: str


def is_ceiling(measurement: Measurement) -> bool:
    """Whether a measurement describes a device, and no model."""
    return measurement.cell.workload.source == SOURCE


def ceilings_of(measurements: Iterable[Measurement]) -> list[Ceiling]:
    """The ceilings among measurements of any kind, in their order."""
    return [
        _ceiling(one)
        for one in measurements
        if is_ceiling(one) and one.status is Status.OK and {MATMUL, COPY} <= one.samples.keys()
    ]


def ceiling_for(cell: Cell, ceilings: Sequence[Ceiling]) -> Ceiling | Unavailable:
    """The highest ceiling of the cell's machine, device, precision and, on a CPU, number of threads.

    The highest, because whatever else ran on the machine can only have lowered the others.
    """
    setup = cell.setup
    fitting = [one for one in ceilings if _same_device(one.cell, cell) and one.cell.setup.precision is setup.precision]
    if fitting:
        return max(fitting, key=lambda one: one.matmul.value)
    threads = f" --threads {setup.threads}" if setup.device == "cpu" else ""
    command = f"stopwatt ceilings --device {setup.device} --precision {setup.precision}{threads}"
    return Unavailable(f"the ceilings of {setup.device} in {setup.precision} were not measured: {command}")


def _same_device(one: Cell, other: Cell) -> bool:
    same = one.machine == other.machine and _number(one.setup.device) == _number(other.setup.device)
    return same and (one.setup.device != "cpu" or one.setup.threads == other.setup.threads)


def _number(device: str) -> str:
    return "cuda:0" if device == "cuda" else device


def _ceiling(one: Measurement) -> Ceiling:
    size = one.readings.get(MATMUL_SIZE)
    side = int(size.value) if isinstance(size, Measured) else 0
    return Ceiling(one.cell, _peak(one.samples[MATMUL]), side, _peak(one.samples[COPY]), one.started_at)


def _peak(samples: Samples) -> Peak:
    values = samples.values
    return Peak(float(np.median(values)), float(values.min()), float(values.max()), int(values.size))
