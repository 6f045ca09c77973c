"""The model of one family's time or power: law, features, ensemble, and errors on what was held out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import DeviceSpecs, Table
from stopwatt.operators.work import Family
from stopwatt.predicting.attending import ATTENTION, blocks_of, parts_of, without_phase
from stopwatt.predicting.ceilings import Ceilings, ceilings_of, completed
from stopwatt.predicting.features import BROAD, Features, Vocabulary, features_of, providers_of, vocabulary_of
from stopwatt.predicting.fitting import Form, Law, Names, Rows, fit_law, groups_of
from stopwatt.predicting.law import ROOFLINE, terms_of
from stopwatt.predicting.recurring import RECURRENCE, steps_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ground:
    """What features are computed with.

    Attributes:
        specs: Of the devices that were seen, complete.
        vocabulary: Categories that were seen.
        law: The law of the family.
    """

    specs: Mapping[str, DeviceSpecs]
    vocabulary: Vocabulary
    law: Law

    def features(self, table: Table, specs: Mapping[str, DeviceSpecs]) -> tuple[Features, Floats]:
        """Features of rows, and the seconds that the law says; `specs` are for devices that were not seen."""
        ceilings = ceilings_of(table, self._known(specs))
        alike = replace(table, device=self._stand_ins(table.device, specs))
        form, rows = _form_of(table, ceilings)
        law_s = self.law.seconds(form, rows, _groups(alike, self.vocabulary.column(table, "provider")))
        return features_of(table, ceilings, terms_of(table, ceilings), law_s, self.vocabulary), law_s

    def limits(self, table: Table, specs: Mapping[str, DeviceSpecs]) -> Floats:
        """Power limit of each row in watts, 1 where none is known, shape (n,)."""
        return np.nan_to_num(ceilings_of(table, self._known(specs)).power_w, nan=1.0)

    def _stand_ins(self, devices: NDArray[np.str_], specs: Mapping[str, DeviceSpecs]) -> NDArray[np.str_]:
        """The device itself, or that of the known ones whose peaks are most alike, shape (n,)."""
        names, place = np.unique(devices, return_inverse=True)
        chosen = [str(one) if str(one) in self.specs else self._nearest(specs.get(str(one))) for one in names]
        return np.array(chosen, dtype=np.str_)[place]

    def _nearest(self, wanted: DeviceSpecs | None) -> str:
        if wanted is None or not wanted.bandwidth or not wanted.flops:
            return ""
        return min(self.specs, key=lambda name: _apart(wanted, self.specs[name]))

    def _known(self, specs: Mapping[str, DeviceSpecs]) -> dict[str, DeviceSpecs]:
        usable = {name: one for name, one in specs.items() if one.bandwidth > 0 and one.flops}
        return usable | dict(self.specs)


def ground_of(table: Table, specs: Mapping[str, DeviceSpecs], seed: int) -> Ground:
    """Complete the specifications, note the categories, fit the law."""
    known = completed(table, specs)
    form, rows = _form_of(table, ceilings_of(table, known))
    law = fit_law(form, rows, _groups(table, providers_of(table)), table.time_s, seed)
    return Ground(known, vocabulary_of(table), law)


def _form_of(table: Table, ceilings: Ceilings) -> tuple[Form, Rows]:
    """The law of a family, and what it is computed from."""
    if table.family is Family.ATTENTION:
        return ATTENTION, blocks_of(table, ceilings)
    if table.family is Family.RECURRENT:
        return RECURRENCE, steps_of(table, ceilings)
    return ROOFLINE, terms_of(table, ceilings)


def _groups(table: Table, providers: Names) -> Names:
    if table.family is not Family.ATTENTION:
        return groups_of(table, providers)
    return groups_of(replace(table, kind=without_phase(table.kind)), providers, parts_of(table))


def shapes_of(table: Table) -> NDArray[np.int64]:
    """Number of each row's shape, shape (n,): rows of one shape, whatever their type or device, have the same."""
    sizes = np.column_stack([table.dims[name] for name in sorted(table.dims)])
    return np.unique(sizes, axis=0, return_inverse=True)[1].ravel().astype(np.int64)


def _apart(one: DeviceSpecs, other: DeviceSpecs) -> float:
    """Octaves between the peaks of two devices: bandwidth, and products in the types that both have."""
    shared = [np.log2(one.flops[name] / other.flops[name]) for name in one.flops.keys() & other.flops.keys()]
    compute = float(np.median(np.abs(shared))) if shared else BROAD
    return compute + abs(float(np.log2(one.bandwidth / other.bandwidth)))
