"""What a tuner is after, as one number a round of which less is better."""

import math
from enum import StrEnum

from stopwatt.analyse.energy import value_of_round
from stopwatt.analyse.estimate import Rejected, medians, series_of
from stopwatt.devices.resolve import kind_of
from stopwatt.meters.sentinel import scope_of
from stopwatt.records import Measured, Measurement, Status


class Goal(StrEnum):
    """What shall be least, or most."""

    LATENCY = "latency"  # median time of a call, whatever its batch
    THROUGHPUT = "throughput"  # samples a second with a full queue
    ENERGY = "energy"  # joules a sample
    MEMORY = "memory"  # peak of the process on a CPU, of the device on a GPU


def metric_of(goal: Goal, device: str) -> str:
    """The metric that tells how near a setup comes to a goal."""
    if goal is Goal.ENERGY:
        return f"energy_{scope_of(device)}"
    if goal is Goal.MEMORY:
        return "host_memory" if kind_of(device) == "cpu" else "device_memory"
    return str(goal)


def cost_of(one: Measurement, goal: Goal) -> float | None:
    """What a round says of a goal, less is better (of a rate its inverse); `None` where it says nothing."""
    if one.status is not Status.OK:
        return None
    metric = metric_of(goal, one.cell.setup.device)
    try:
        value = value_of_round(one, metric) if goal is Goal.ENERGY else _value(one, metric)
    except Rejected:
        return None
    if value is None or not (math.isfinite(value) and value > 0):
        return None
    return 1 / value if goal is Goal.THROUGHPUT else value


def _value(one: Measurement, metric: str) -> float | None:
    """The median of its trials (or windows), or its reading.

    Raises:
        Rejected: A trial cannot be what it claims.
    """
    if metric in one.samples:
        _, series = series_of([(one.round, one.samples[metric])])
        return float(medians(series)[0]) if series else None
    reading = one.readings.get(metric)
    return reading.value if isinstance(reading, Measured) else None
