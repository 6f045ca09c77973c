"""A few words on a round that was just saved, for whoever watches."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stopwatt import units
from stopwatt.analyse.findings.words import change, times
from stopwatt.analyse.grid import coordinates
from stopwatt.records import Measurement, Scalar, Status
from stopwatt.stats.clusters import find_clusters
from stopwatt.stats.trials import validate_trials

LEAST_TRIALS = 100
MOST_TRIALS = 5000
"""Of a longer series so many are looked at, evenly spread: the answer has to cost a few milliseconds."""
DRIFT = 1.03
SLOW = 10.0
_PARTS = 3
_TOLD = 2


def current_finding(measurement: Measurement, axes: Sequence[str] = ()) -> str:
    """One short phrase on what is notable about one round; empty where nothing is.

    It describes one round by itself: what the finished grid says may be less, or more.

    Args:
        measurement: A round of any status.
        axes: Names of the coordinates that tell its cell from the others; empty for all parameters of the workload.
    """
    if measurement.cell.protocol.ablation is not None:  # its latency was measured between other ways, and bears traces
        return ""
    samples = measurement.samples.get("latency")
    if measurement.status is not Status.OK or samples is None or samples.values.size < LEAST_TRIALS:
        return ""
    values = samples.values[:: -(-samples.values.size // MOST_TRIALS)].astype(np.float64)
    if validate_trials(values) is not None or np.ptp(values) == 0:
        return ""
    text = _clusters(values) or _drift(values) or _slowest(values, float(samples.values.max()))
    return f"{_place(measurement, axes)}: {text}" if text else ""


def _clusters(values: NDArray[np.float64]) -> str:
    """The two largest clusters beside the main one."""
    found = find_clusters(values)
    labels = found.label(values)
    others = [index for index in range(len(found.counts)) if index != found.main]
    others.sort(key=lambda index: -found.counts[index])
    main = float(np.median(values[labels == found.main]))
    ratios = {index: float(np.median(values[labels == index])) / main for index in others[:_TOLD]}
    parts = [
        f"{units.percent(found.counts[index] / values.size)}{' of trials' if index == others[0] else ''} "
        f"at {units.ratio(ratio)}"
        for index, ratio in ratios.items()
    ]
    more = f" and {len(others) - _TOLD} more clusters" if len(others) > _TOLD else ""
    return f"{', '.join(parts)}{more}"


def _drift(values: NDArray[np.float64]) -> str:
    parts = np.array_split(values, _PARTS)
    ratio = float(np.median(parts[-1]) / np.median(parts[0]))
    if max(ratio, 1 / ratio) < DRIFT:
        return ""
    return f"latency {'rose' if ratio > 1 else 'fell'} by {change(abs(ratio - 1))} within the round"


def _slowest(values: NDArray[np.float64], largest: float) -> str:
    ratio = largest / float(np.median(values))
    return f"slowest trial {times(ratio)} the median" if ratio >= SLOW else ""


def _place(measurement: Measurement, axes: Sequence[str]) -> str:
    where: Mapping[str, Scalar] = coordinates(measurement.cell)
    names = [name for name in axes if name in where] or list(measurement.cell.workload.params)
    return " ".join(f"{name}={where[name]}" for name in names if name in where) or measurement.cell.workload.source
