"""Devices with few rows of their own: what was learnt on others, and a correction learnt from those few."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import DeviceSpecs, Table
from stopwatt.predicting.estimate import Estimate, fit_estimate
from stopwatt.predicting.features import Features
from stopwatt.predicting.learner import FEW
from stopwatt.predicting.model import Ground, shapes_of

Floats = NDArray[np.float64]

RICH = 1000
"""Rows with which a device needs no other."""
LEAST = 16
"""Rows of a poor device below which nothing is corrected."""
PLAIN = ("log law", "balance")
"""With the sizes, all that a handful of rows can tell something about."""


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of devices that need no others, and of each of those that do."""

    rich: NDArray[np.bool_]
    poor: tuple[str, ...]


def split_devices(table: Table) -> Split:
    """All are rich where none is."""
    names, counts = np.unique(table.device, return_counts=True)
    poor = tuple(str(name) for name, count in zip(names, counts, strict=True) if count < RICH)
    if len(poor) == names.size:
        return Split(np.ones(len(table), dtype=np.bool_), ())
    return Split(~np.isin(table.device, poor), poor)


def corrections(
    ground: Ground, pretrained: Estimate, table: Table, specs: Mapping[str, DeviceSpecs], seed: int
) -> dict[str, Estimate]:
    """For each device of a table the logarithm that must be added to what others taught.

    Args:
        ground: Law and features of the others.
        pretrained: What they taught.
        table: Rows of poor devices.
        specs: Of all devices.
        seed: Of folds and models.
    """
    found = {}
    for device in np.unique(table.device):
        rows = table.take(table.device == device)
        if len(rows) < LEAST:
            continue
        features, law_s = ground.features(rows, specs)
        inside = np.zeros(len(rows), dtype=np.bool_)
        said, _ = pretrained.predict(rows, features, inside)
        target = np.log(rows.time_s / law_s) - said
        found[str(device)] = fit_estimate(simpler(features, len(rows)), target, shapes_of(rows), None, seed)
    return found


def simpler(features: Features, rows: int) -> Features:
    """With few rows, only columns that few rows can tell something about are smooth."""
    if rows >= FEW:
        return features
    smooth = [
        bool(smooth) and (name in PLAIN or bool(decides))
        for name, smooth, decides in zip(features.names, features.smooth, features.domain, strict=True)
    ]
    return Features(features.names, features.values, np.array(smooth), features.domain)
