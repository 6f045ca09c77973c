"""The predictor: a model for each family, made from tables, kept as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stopwatt.errors import UsageError
from stopwatt.operators.table import DeviceSpecs, Table
from stopwatt.operators.work import Family
from stopwatt.predicting.family import FamilyModel, Forecast, fit_family
from stopwatt.predicting.saving import pack, unpack

LEAST_ROWS = 8
"""Rows of a family below which nothing is learnt of it."""


@dataclass(frozen=True, slots=True)
class Predictor:
    """Models of all families that had enough rows.

    Attributes:
        models: By family.
    """

    models: Mapping[Family, FamilyModel] = field(default_factory=dict)

    @property
    def families(self) -> tuple[Family, ...]:
        """Those that can be predicted."""
        return tuple(self.models)

    def modes(self, family: Family) -> frozenset[str]:
        """Memory modes of the rows that were learnt from; an empty one where a source says none."""
        return frozenset(group.split("|")[-1] for group in self.models[family].domain.groups)

    def predict(
        self,
        family: Family,
        table: Table,
        specs: Mapping[str, DeviceSpecs] | None = None,
        known_time_s: NDArray[np.float64] | None = None,
    ) -> Forecast:
        """Time and power of rows, with 90 % intervals. Times and powers in the table are not looked at.

        Args:
            family: Of the rows.
            table: The rows; their source may be empty.
            specs: Of devices that were not learnt from.
            known_time_s: Their times where they are known, for the power; shape (n,).

        Raises:
            UsageError: Nothing was learnt of that family.
        """
        if family not in self.models:
            known = ", ".join(map(str, self.models)) or "none"
            raise UsageError(
                f"no model for operators of the family {family}",
                when=f"learnt: {known}",
                now="measure or import some of them, then stopwatt ops fit",
            )
        return self.models[family].predict(table, specs or {}, known_time_s)

    def to_bytes(self) -> bytes:
        """As an npz file with a JSON document inside; no pickle."""
        return pack(self)

    @classmethod
    def from_bytes(cls, content: bytes) -> "Predictor":
        """Read what `to_bytes` wrote.

        Raises:
            StopwattError: It is damaged, or something else.
        """
        found: Predictor = unpack(content, cls)
        return found


def fit(tables: Mapping[Family, Table], specs: Mapping[str, DeviceSpecs], *, seed: int = 0) -> Predictor:
    """Learn a model of each family that has at least `LEAST_ROWS` rows.

    Args:
        tables: Rows by family.
        specs: Of their devices; what nobody states is taken from the rows.
        seed: Of folds and models: the same rows and seed give the same predictor.
    """
    return Predictor(
        {family: fit_family(table, specs, seed) for family, table in tables.items() if len(table) >= LEAST_ROWS}
    )
