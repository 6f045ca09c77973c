"""Whether a row is like those that were learnt from, and if not, in what it differs."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import Table
from stopwatt.predicting.features import Features, Vocabulary

Floats = NDArray[np.float64]

MARGIN = 0.15
"""Octaves beyond the smallest and the largest size seen that still count as seen: a tenth."""


@dataclass(frozen=True, slots=True)
class Domain:
    """Ranges of what was seen.

    Attributes:
        names: Of the columns that decide.
        groups: `dtype|kind|mode` that were seen.
        low, high: Of each column in each group, shape (groups, columns).
        devices: That were seen.
        vocabulary: Categories that were seen.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    low: Floats
    high: Floats
    devices: tuple[str, ...]
    vocabulary: Vocabulary

    def outside(self, table: Table, features: Features) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
        """Which rows lie outside, and why (empty for those inside); each of shape (n,)."""
        why = np.full(len(table), "", dtype=object)
        _note(why, ~np.isin(table.device, self.devices), "a device without measurements")
        for name, unknown in self.vocabulary.unknown(table).items():
            if name != "provider":  # who measured it is not a property of the operator
                _note(why, unknown, f"a {name} without measurements")
        self._sizes(why, table, features)
        return np.asarray(why != "", dtype=np.bool_), why.astype(np.str_)

    def beyond(self, table: Table, features: Features) -> NDArray[np.bool_]:
        """Which rows lie outside in anything but the device, shape (n,)."""
        known = np.full(len(table), self.devices[0])
        return self.outside(replace(table, device=known), features)[0]

    def _sizes(self, why: NDArray[np.object_], table: Table, features: Features) -> None:
        names = kinds_of(table)
        known, place = np.unique(names, return_inverse=True)
        everything = (self.low.min(axis=0), self.high.max(axis=0))
        where = [self.groups.index(str(one)) if str(one) in self.groups else -1 for one in known]
        low = np.array([self.low[at] if at >= 0 else everything[0] for at in where])[place]
        high = np.array([self.high[at] if at >= 0 else everything[1] for at in where])[place]
        values = features.values[:, features.domain]
        for column, name in enumerate(self.names):
            size = name.removeprefix("log ")
            _note(why, values[:, column] > high[:, column] + MARGIN, f"larger than measured: {size}")
            _note(why, values[:, column] < low[:, column] - MARGIN, f"smaller than measured: {size}")


def kinds_of(table: Table) -> NDArray[np.str_]:
    """`dtype|kind|mode` of each row, shape (n,)."""
    words = zip(table.dtype, table.kind, table.mode, strict=True)
    return np.array(["|".join(map(str, one)) for one in words], dtype=np.str_)


def domain_of(table: Table, features: Features, vocabulary: Vocabulary) -> Domain:
    """The ranges of a table."""
    names, values = kinds_of(table), features.values[:, features.domain]
    groups = tuple(map(str, np.unique(names)))
    columns = tuple(name for name, decides in zip(features.names, features.domain, strict=True) if decides)
    low = np.array([values[names == one].min(axis=0) for one in groups])
    high = np.array([values[names == one].max(axis=0) for one in groups])
    return Domain(columns, groups, low, high, tuple(map(str, np.unique(table.device))), vocabulary)


def _note(why: NDArray[np.object_], rows: NDArray[np.bool_], reason: str) -> None:
    """The first reason stands."""
    why[rows & (why == "")] = reason
