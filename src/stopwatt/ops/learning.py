"""The predictor of operators: the one that `ops fit` keeps, or one that is made now from what there is."""

import hashlib
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stopwatt.errors import UsageError
from stopwatt.operators.formulas import work_of
from stopwatt.operators.operator import Operator
from stopwatt.operators.rows import Observed, tables_of
from stopwatt.operators.table import DeviceSpecs, Table, joined
from stopwatt.operators.work import DIMENSIONS, Family
from stopwatt.ops.fitting import NAME
from stopwatt.ops.measured import observed_at, place_tables
from stopwatt.ops.target import Target, hardware_with_rows
from stopwatt.predicting.candidates import identity_of
from stopwatt.predicting.family import FamilyModel
from stopwatt.predicting.predictor import Predictor, fit

if TYPE_CHECKING:
    from stopwatt.store.database import Store

ENOUGH = 200
"""Rows of a device from which a predictor is made now from these alone: others would only take time."""


def kept_predictor(store: "Store") -> Predictor | None:
    """The predictor that `ops fit` kept; `None` where there is none.

    Raises:
        StopwattError: It is damaged or of another version, and has to be made again.
    """
    kept = store.operators.predictor(NAME)
    return None if kept is None else Predictor.from_bytes(kept[0])


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What a predictor for a device can be made from.

    Attributes:
        device: The device, as rows that were measured at its place name it.
        own: What was measured at its place.
        others: Tables of other places, and imported ones.
        specs: Of devices.
        fitted: Models that were made already, by family and rows.
    """

    device: str
    own: Sequence[Observed]
    others: Sequence[Table]
    specs: Mapping[str, DeviceSpecs]
    fitted: dict[tuple[Family, str], Mapping[Family, FamilyModel]] = field(default_factory=dict)

    def own_tables(self, without: Collection[str] = ()) -> list[Table]:
        """What was measured at its place, by family.

        Args:
            without: Keys of operators that are left out, with all others of the same work and sizes: whoever knows
                these knows nearly what those take.
        """
        alike = {_identity(row) for row in self.own if row.operator.key in without}
        return list(tables_of([row for row in self.own if _identity(row) not in alike], self.device).values())

    def predictor(self, without: Collection[str] = ()) -> Predictor | None:
        """A predictor from all that was not left out; `None` where no family has enough rows.

        Args:
            without: Keys of operators that are left out.
        """
        by_family: dict[Family, list[Table]] = {}
        for table in (*self.own_tables(without), *self.others):
            if not DIMENSIONS[table.family]:
                continue  # nothing to tell its operators apart by: views, and what no formula knows
            by_family.setdefault(table.family, []).append(table)
        models = {
            family: model
            for family, parts in by_family.items()
            for model in self._models(family, joined(parts)).values()
        }
        return Predictor(models) if models else None

    def _models(self, family: Family, table: Table) -> Mapping[Family, FamilyModel]:
        """Fitted once for the same rows: leaving out a few operators changes few families."""
        rows = family, hashlib.sha256(table.time_s.tobytes()).hexdigest()
        if rows not in self.fitted:
            self.fitted[rows] = fit({family: table}, self.specs).models
        return self.fitted[rows]


def _identity(row: Observed) -> str:
    return identity_of(work_of(row.operator))


def material_of(store: "Store", target: Target, specs: Mapping[str, DeviceSpecs]) -> Material:
    """The rows of a device; all others, too, where it has few.

    Args:
        store: With the rows.
        target: The device.
        specs: Of devices.
    """
    own = [] if target.place is None else observed_at(store, target.place)
    imported = store.operators.tables(device=target.hardware)
    if len(own) + sum(map(len, imported)) >= ENOUGH:
        return Material(target.label, own, imported, specs)
    elsewhere = [one for one in place_tables(store) if len(one) and str(one.device[0]) != target.label]
    return Material(target.label, own, [*elsewhere, *store.operators.tables()], specs)


def nothing_known(store: "Store", target: Target, operators: Collection[Operator]) -> UsageError:
    """The error where there is neither a measured operator nor anything to predict from."""
    there = hardware_with_rows(store)
    others = f"; the database has rows of {', '.join(there)}" if there else ""
    what = f"nothing is known of operators on {target.hardware}{others}"
    if target.hardware in there:
        what = f"too few operators were measured on {target.hardware} to learn from"
        there = [name for name in there if name != target.hardware]
    now = f"stopwatt ops measure --device {target.device}" if target.here else "stopwatt ops import FILE"
    return UsageError(
        what,
        when=f"predicting {len(operators)} operators",
        now=f"{now}, then stopwatt ops fit" + (f"; or predict for --device {shlex.quote(there[0])}" if there else ""),
    )
