"""How wrong predictions of models are at a place: found once, by leaving out one family of models after another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopwatt.operators.table import DeviceSpecs
from stopwatt.ops.learning import material_of
from stopwatt.ops.subjects import Subjects, ground_at
from stopwatt.ops.target import Target
from stopwatt.predicting.held_out import cases_of
from stopwatt.predicting.models import LEAST_FAMILIES, LEAST_MODELS, Calibration, Case, calibrate
from stopwatt.predicting.saving import pack, unpack
from stopwatt.records import digest
from stopwatt.wire import to_document

if TYPE_CHECKING:
    from stopwatt.store.database import Store


CALIBRATION = "models of"
"""How names of what is kept beside predictors begin."""
GROWN = 1.2
"""Growth of the operator database from which the cases are made again: a few more operators change little."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Cases as they are kept in the store."""

    cases: tuple[Case, ...]


def calibration_at(
    store: "Store",
    target: Target,
    subjects: Subjects,
    specs: Mapping[str, DeviceSpecs],
    announce: Callable[[str], None],
) -> Calibration:
    """The calibration of a place; the cases are kept in the store until something that they rest on changes.

    Args:
        store: Keeps them.
        target: The place.
        subjects: Its measured models.
        specs: Of devices.
        announce: Says what takes long.
    """
    families = {one.family for one in subjects.models}
    if target.place is None or len(subjects.models) < LEAST_MODELS or len(families) < LEAST_FAMILIES:
        return Calibration(None, None, len(subjects.models), len(families))
    name = f"{CALIBRATION} {target.hardware} {digest(to_document(target.place))[:8]}"
    models, series = _models(target, subjects), len(store.operators.measured(target.place))
    kept = store.operators.predictor(name)
    if kept is not None and kept[1].get("models") == models and series <= GROWN * kept[1].get("series", 0):
        found: Kept = unpack(kept[0], Kept)
        return calibrate(found.cases)
    announce(f"calibrating on {len(subjects.models)} measured models of {len(families)} families; kept in the store")
    fit = material_of(store, target, specs).predictor
    cases = cases_of(subjects.models, ground_at(target, subjects, specs), fit)
    store.operators.save_predictor(name, pack(Kept(cases)), {"models": models, "series": series})
    return calibrate(cases)


def _models(target: Target, subjects: Subjects) -> str:
    """Digest of the latencies that cases rest on, and of how their operators are placed in caches."""
    models = sorted((one.label, one.capture.code, one.measured_s) for one in subjects.models)
    return digest([str(target.rule), target.label, [list(one) for one in models]])
