"""Everything that is known of one family: what its operators take, and at what power."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import DeviceSpecs, Table
from stopwatt.operators.work import Family
from stopwatt.predicting.adapting import Correction, corrections, split_devices
from stopwatt.predicting.domain import Domain, domain_of
from stopwatt.predicting.estimate import Estimate, fit_estimate, typical_width
from stopwatt.predicting.extrapolating import try_beyond
from stopwatt.predicting.features import Features, vocabulary_of
from stopwatt.predicting.learner import Apart
from stopwatt.predicting.model import Ground, ground_of, shapes_of

Floats = NDArray[np.float64]

LEAST_POWERS = 30
"""Rows with a power below which none is learnt."""
FOLLOWED = 1000
"""Rows below which a law follows each of them, so that errors on held-out rows need laws that did not see these."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What rows will take; every array has shape (n,), and intervals hold 90 %.

    Attributes:
        time_s, low_s, high_s: Seconds.
        power_w, power_low_w, power_high_w: Watts while they run; NaN where nothing is known.
        outside: Rows unlike those that were learnt from.
        why: In what they are unlike; empty for those inside.
    """

    time_s: Floats
    low_s: Floats
    high_s: Floats
    power_w: Floats
    power_low_w: Floats
    power_high_w: Floats
    outside: NDArray[np.bool_]
    why: NDArray[np.str_]

    @property
    def energy_j(self) -> Floats:
        """Joules of each row: its time at its power, shape (n,)."""
        return self.time_s * self.power_w


@dataclass(frozen=True, slots=True)
class FamilyModel:
    """Models of a family.

    Attributes:
        family: Whose rows it predicts.
        rows: It learnt from.
        ground: Law and features.
        domain: What was seen.
        time: Logarithm of time over the law.
        power: Logarithm of power over the limit; `None` where too few rows have one.
        corrected: Devices with few rows of their own, and what is added to `time` there.
    """

    family: Family
    rows: int
    ground: Ground
    domain: Domain
    time: Estimate
    power: Estimate | None
    corrected: Mapping[str, Correction]

    def predict(self, table: Table, specs: Mapping[str, DeviceSpecs], known_time_s: Floats | None = None) -> Forecast:
        """Time and power of rows, whose own time and power are not looked at.

        Args:
            table: Rows of the family.
            specs: Of devices that were not seen.
            known_time_s: Their times where they are known already, for the power; shape (n,).
        """
        features, law_s = self.ground.features(table, specs)
        outside, why = self.domain.outside(table, features)
        beyond = self.domain.beyond(table, features)
        ratio, half = self._ratio(table, features, outside, beyond)
        time_s = law_s * np.exp(ratio)
        during = time_s if known_time_s is None else known_time_s
        power = self._power(table, specs, with_time(features, table, during), (outside, beyond))
        return Forecast(time_s, time_s * np.exp(-half), time_s * np.exp(half), *power, outside, why)

    def _ratio(
        self, table: Table, features: Features, outside: NDArray[np.bool_], beyond: NDArray[np.bool_]
    ) -> tuple[Floats, Floats]:
        ratio, half = self.time.predict(table, features, outside, beyond)
        for device, correction in self.corrected.items():
            own = np.flatnonzero(table.device == device)
            if own.size:
                more, wide = correction.predict(features.take(own), outside[own])
                ratio[own] += more
                half[own] = np.where(outside[own], np.maximum(half[own], wide), wide)
        return ratio, half

    def _power(
        self,
        table: Table,
        specs: Mapping[str, DeviceSpecs],
        features: Features,
        strange: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    ) -> tuple[Floats, Floats, Floats]:
        if self.power is None:
            nothing = np.full(len(table), np.nan)
            return nothing, nothing, nothing
        share, half = self.power.predict(table, features, *strange)
        limit = self.ground.limits(table, specs)
        power = limit * np.exp(share)
        return power, power * np.exp(-half), power * np.exp(half)


def fit_family(table: Table, specs: Mapping[str, DeviceSpecs], seed: int) -> FamilyModel:
    """Learn from all rows of a family; devices with few rows learn from the others first."""
    split = split_devices(table)
    rich = table.take(split.rich)
    ground = ground_of(rich, specs, seed)
    features, law_s = ground.features(rich, specs)
    groups = shapes_of(rich)
    apart = _apart(rich, specs, ground, law_s) if len(rich) < FOLLOWED else None
    time = fit_estimate(features, np.log(rich.time_s / law_s), groups, seed, apart)
    beyond = try_beyond(rich, specs, typical_width(time.scale, features), seed, ground)
    time = Estimate(time.ensemble, time.scale, beyond)
    corrected = corrections(ground, time, table.take(~split.rich), specs, seed)
    known, _ = ground.features(table, specs)
    return FamilyModel(
        table.family,
        len(table),
        ground,
        domain_of(table, known, vocabulary_of(table)),
        time,
        _fit_power(table, ground.limits(table, specs), known, shapes_of(table), seed),
        corrected,
    )


def _apart(rich: Table, specs: Mapping[str, DeviceSpecs], ground: Ground, law_s: Floats) -> Apart:
    """Laws that see no held-out row, with features as the ground has them."""

    def apart(held: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        other = replace(ground, law=ground_of(rich.take(~held), specs, 0).law)
        features, seconds = other.features(rich.take(held), specs)
        return features.values, np.log(seconds / law_s[held])

    return apart


def _fit_power(
    table: Table, limits: Floats, features: Features, groups: NDArray[np.int64], seed: int
) -> Estimate | None:
    rows = np.flatnonzero(np.isfinite(table.power_w) & (table.power_w > 0))
    if rows.size < LEAST_POWERS:
        return None
    target = np.log(table.power_w / limits)[rows]
    known = with_time(features, table, table.time_s)
    return fit_estimate(known.take(rows), target, groups[rows], seed)


def with_time(features: Features, table: Table, time_s: Floats) -> Features:
    """The features, and what follows from a time: the rates that are reached."""
    flops = np.nan_to_num(table.flops, nan=0.0) / time_s
    moved = (table.read_bytes + table.write_bytes) / time_s
    columns = np.column_stack([np.log2(time_s), np.log2(1 + flops), np.log2(1 + moved)])
    more = ("log time", "log flop rate", "log byte rate")
    return Features(
        features.names + more,
        np.hstack([features.values, columns]),
        np.concatenate([features.smooth, [True, True, True]]),
        np.concatenate([features.domain, [False, False, False]]),
    )
