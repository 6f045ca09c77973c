"""Models that were captured and measured at one place: what predictions of models are judged by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stopwatt.operators.capture import Capture
from stopwatt.operators.costs import OperatorCost, cost_of
from stopwatt.operators.explain import ENERGY_ON_CPU, ENERGY_ON_DEVICE, Model
from stopwatt.operators.formulas import work_of
from stopwatt.operators.memory import blends
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Mode, Place, Replay
from stopwatt.operators.statistics import interval_of, time_of
from stopwatt.operators.table import DeviceSpecs
from stopwatt.operators.work import Work
from stopwatt.ops.places import at_place, specs_in
from stopwatt.ops.target import Target
from stopwatt.ops.whole import known_row, model_of, specs_of
from stopwatt.predicting.composed import weights_of
from stopwatt.predicting.held_out import Subject
from stopwatt.predicting.times import Ground, dispatch_of, rates_of
from stopwatt.records import QUICK, Cell, Precision, Status
from stopwatt.stats.quantiles import NoInterval

if TYPE_CHECKING:
    from stopwatt.store.database import Store

EAGER = "eager"


@dataclass(frozen=True, slots=True)
class Subjects:
    """What a place has.

    Attributes:
        models: That were measured as wholes.
        dispatch_s: What an operator without work takes; NaN for unknown.
        submit_s: Until a call has returned to the host of a GPU, the median; 0 for unknown.
        idle_w: Power of the ready device; NaN for unknown.
        costs: Of all operators that were measured there, with what they have to do.
    """

    models: tuple[Subject, ...]
    dispatch_s: float
    submit_s: float
    idle_w: float
    costs: tuple[tuple[Work, OperatorCost], ...] = ()


def subjects_of(store: "Store", target: Target) -> Subjects:
    """Everything that was measured at a target's place."""
    if target.place is None:
        return Subjects((), np.nan, 0.0, np.nan)
    operators, costs = costs_at(store, target.place)
    found: list[Subject] = []
    idle: list[float] = []
    for capture in store.operators.captures(backend=EAGER, device=target.device):
        model = model_at(store, capture, target.place)
        if model is None or model.latency is None:
            continue
        known = {one.key: costs[one.key] for one in capture.operators if one.key in costs}
        found.append(subject_of(capture, target, known, model.latency.value))
        if model.active_idle_w is not None:
            idle.append(model.active_idle_w)
    submits = [seconds for one in costs.values() for seconds in one.submit_s.values()]
    worked = tuple((work_of(operators[key]), cost) for key, cost in costs.items())
    return Subjects(
        tuple(found),
        dispatch_of(worked),
        float(np.median(submits)) if submits else 0.0,
        float(np.median(idle)) if idle else np.nan,
        worked,
    )


def subject_of(
    capture: Capture, target: Target, known: Mapping[str, OperatorCost], measured_s: float = np.nan
) -> Subject:
    """A model at a target: with its own gaps where it was captured there, with none elsewhere."""
    works = [work_of(one) for one in capture.operators]
    own = gaps_hold(capture, target)
    caches = replace(target.caches, kept=capture.cache_kept) if own and not target.on_gpu else target.caches
    weights = weights_of(blends(capture, works, target.rule, caches))
    gaps = np.maximum(capture.gaps_ns, 0.0) * 1e-9 if own else np.zeros(0)
    label = f"{capture.workload.label} batch {capture.setup.batch}"
    return Subject(
        label, capture.workload.source, capture, works, weights, known, gaps, measured_s, on_device=target.on_gpu
    )


def ground_at(target: Target, subjects: Subjects, specs: Mapping[str, DeviceSpecs]) -> Ground:
    """What times of operators follow from at a target, but for the operators that were measured there."""
    return Ground(
        target.label,
        dispatch_s=subjects.dispatch_s,
        submit_s=subjects.submit_s,
        specs=specs,
        rates=rates_of(subjects.costs, specs.get(target.label)),
        modes=target.modes,
        on_gpu=target.on_gpu,
    )


def specs_at(store: "Store", target: Target, cell: Cell) -> dict[str, DeviceSpecs]:
    """Of all devices that somebody states; of this machine's as it was measured, where it was."""
    known = specs_in(store, *((target.place,) if target.place is not None else ()))
    if target.here and target.place is not None and (own := specs_of(store, cell, target.hardware)) is not None:
        known |= {target.hardware: own, target.label: at_place(own, target.place)}
    return known


def gaps_hold(capture: Capture, target: Target) -> bool:
    """Whether the gaps of a capture are those of the target: its host took it."""
    return target.place is not None and capture.machine == target.place.machine


def costs_at(
    store: "Store", place: Place, wanted: Sequence[Operator] | None = None
) -> tuple[dict[str, Operator], dict[str, OperatorCost]]:
    """Operators that were measured at a place, and what they cost, by key; only those wanted, if given."""
    keys = None if wanted is None else {one.key for one in wanted}
    operators: dict[str, Operator] = {}
    replays: dict[str, list[Replay]] = {}
    for kept in store.operators.replays(place=place, operators=keys):
        operators[kept.operator.key] = kept.operator
        replays.setdefault(kept.operator.key, []).append(kept.replay)
    energy = ENERGY_ON_CPU if place.device == "cpu" else ENERGY_ON_DEVICE
    costs = {key: cost_of(operators[key], found, energy) for key, found in replays.items()}
    return operators, {key: cost for key, cost in costs.items() if cost.time_s}


def ranges_at(store: "Store", place: Place, wanted: Sequence[Operator]) -> dict[str, dict[Mode, tuple[float, float]]]:
    """Intervals of measured operators' times in s, by key and mode, from the lowest to the highest of all replays."""
    found: dict[str, dict[Mode, tuple[float, float]]] = {}
    for kept in store.operators.replays(place=place, operators={one.key for one in wanted}):
        replay = kept.replay
        if replay.status is not Status.OK or not replay.samples:
            continue
        one, middle = interval_of(replay), time_of(replay)
        low, high = (middle, middle) if isinstance(one, NoInterval) else (one.low, one.high)
        modes = found.setdefault(kept.operator.key, {})
        least, most = modes.get(replay.mode, (low, high))
        modes[replay.mode] = (min(least, low), max(most, high))
    return found


def model_at(store: "Store", capture: Capture, place: Place) -> Model | None:
    """What was measured of a whole model; `None` where it was captured at another place, or not measured."""
    setup = capture.setup
    tf32 = setup.precision is Precision.TF32
    same = (capture.machine, setup.threads, setup.device) == (place.machine, place.threads, place.device)
    if not same or tf32 is not (place.precision is Precision.TF32):
        return None
    row = known_row(store, cell_of(capture))
    return None if row is None else model_of(row)


def cell_of(capture: Capture) -> Cell:
    """What would be measured of a captured model as a whole."""
    return Cell(
        capture.workload,
        capture.setup,
        QUICK,
        code=capture.code,
        software=dict(capture.software),
        machine=capture.machine,
    )
