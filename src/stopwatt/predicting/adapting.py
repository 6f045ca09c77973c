"""Devices with few rows of their own: what was learnt on others, and a correction learnt from those few."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import DeviceSpecs, Table
from stopwatt.predicting.estimate import Estimate
from stopwatt.predicting.extrapolating import TRUST
from stopwatt.predicting.features import Features
from stopwatt.predicting.intervals import CRUDE, Scale, fit_scale
from stopwatt.predicting.learner import FEW, Ensemble, cross_fit
from stopwatt.predicting.model import Ground, shapes_of

Floats = NDArray[np.float64]

RICH = 1000
"""Rows with which a device needs no other."""
LEAST = 16
"""Rows of a poor device below which nothing is corrected."""
WORTH = 0.1
"""Share of the error on held-out rows that a correction must take away: the few rows differ by chance."""
PLAIN = ("log law", "balance")
CATEGORIES = ("dtype ", "kind ", "mode ", "provider ")
"""Beginnings of the names of columns; with the plain ones all that a handful of rows can tell something about."""


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


@dataclass(frozen=True, slots=True)
class Correction:
    """What is added, for one device, to the logarithm that other devices taught.

    Attributes:
        ensemble: Learnt from the device's own rows.
        trust: Share of its answer that is added: what held-out rows of the device bore out.
        scale: Of the errors that are left.
    """

    ensemble: Ensemble
    trust: float
    scale: Scale

    def predict(self, features: Features, outside: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """What is added, and half the interval of the sum, for each row; each of shape (n,)."""
        half = self.scale.half_width(features.values)
        return self.trust * self.ensemble.predict(features.values), np.where(outside, CRUDE * half, half)


def corrections(
    ground: Ground, pretrained: Estimate, table: Table, specs: Mapping[str, DeviceSpecs], seed: int
) -> dict[str, Correction]:
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
        said, _ = pretrained.predict(rows, features, inside, inside)
        target = np.log(rows.time_s / law_s) - said
        found[str(device)] = _corrected(simpler(features, len(rows)), target, shapes_of(rows), seed)
    return found


def _corrected(features: Features, target: Floats, groups: NDArray[np.int64], seed: int) -> Correction:
    crossed = cross_fit(features, target, groups, seed)
    errors = {trust: float(np.abs(target - trust * crossed.outside).mean()) for trust in TRUST}
    best = min(TRUST, key=errors.__getitem__)
    if errors[best] > (1 - WORTH) * errors[0.0]:
        best = 0.0
    return Correction(crossed.ensemble, best, fit_scale(features, target - best * crossed.outside, groups, seed))


def simpler(features: Features, rows: int) -> Features:
    """With few rows, only columns that few rows can tell something about are smooth."""
    if rows >= FEW:
        return features
    smooth = [name in PLAIN or name.startswith(CATEGORIES) for name in features.names]
    return Features(features.names, features.values, np.array(smooth), features.domain)
