"""What to measure next: candidates from captured models, what is doubtful about them, as many as a budget allows.

captured models -> operators with their shares of time -> candidates -> doubt and cost of each -> chosen one by one
"""

import math
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stopwatt.devices.resolve import kind_of
from stopwatt.errors import UsageError
from stopwatt.operators.capture import Capture
from stopwatt.operators.replay import ReplayRules
from stopwatt.operators.table import DeviceSpecs
from stopwatt.operators.work import Work
from stopwatt.ops.learning import kept_predictor, material_of
from stopwatt.ops.measured import observed_at
from stopwatt.ops.pace import USUAL_S, pace_of, series_s
from stopwatt.ops.places import specs_in
from stopwatt.ops.plan_file import check_name, write_plan
from stopwatt.ops.prospects import Known, called_in, forecast, known_at, poor_among
from stopwatt.ops.subjects import EAGER
from stopwatt.ops.target import Target, target_of
from stopwatt.predicting.basis import basis
from stopwatt.predicting.candidates import Called, Candidate, candidates_of, identity_of
from stopwatt.predicting.choosing import Points, Weights, choose, distances, points_of, weights_for
from stopwatt.predicting.choosing import kind_of as kind_at
from stopwatt.predicting.plan import Plan, Planned
from stopwatt.predicting.predictor import Predictor
from stopwatt.records import Precision
from stopwatt.reporting.operators.plan import PlanResult
from stopwatt.store import Access, open_store
from stopwatt.workloads.params import short_label

if TYPE_CHECKING:
    from stopwatt.store.database import Store

Floats = NDArray[np.float64]

BUDGET_S = 1800.0
GENERIC = 0.25
"""What models that nobody captured count beside the captured ones, whose shares of time add up to 1."""
_LARGER = 4.0
"""Times the largest captured operator's bytes: larger ones are not made; nor what would leave no room for turns."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plan is made for.

    Attributes:
        workloads: Captured ones; all, and the basis of operators that belong to no model, if empty.
        device: `cpu`, `cuda`, or hardware of the database.
        threads: Of the host; 0 for all, or as most rows of another machine have.
        precision: `TF32` for float32 products in it.
        budget_s: For measuring.
        count: Operators at most.
        seed: Of everything random.
        basis: The basis alone, whatever was captured.
    """

    workloads: Sequence[str] = ()
    device: str = "cpu"
    threads: int = 0
    precision: Precision = Precision.FP32
    budget_s: float = BUDGET_S
    count: int | None = None
    seed: int = 0
    basis: bool = False


def plan_operators(
    asked: Asked, *, out: Path | None = None, overwrite: bool = False, store: str | None = None
) -> PlanResult:
    """The operators that are worth measuring next, and a file of them.

    Args:
        asked: What for.
        out: File for `ops measure`; its ending names the format.
        overwrite: Whether that file may be replaced.
        store: Results database.

    Raises:
        UsageError: Nothing was captured and more than the basis is asked for, workloads and the basis alone are, no
            such device, a budget or count that is not above 0, or a file name that cannot be or is taken.
        StoreError: The store cannot be read, or the file cannot be written.
    """
    if out is not None:
        check_name(out)
    access = Access.WRITE if asked.basis else Access.READ  # before the basis nothing need have been measured
    with open_store(store, access=access) as database:
        found = make_plan(database, asked)
        where = database.where
    if out is not None:
        write_plan(found, out, overwrite=overwrite)
    return PlanResult(found, where, "" if out is None else str(out), _options(asked, found, store))


def _options(asked: Asked, found: Plan, store: str | None) -> str:
    """Of the command that measures the plan, so that it does so at the same place and finds the same store."""
    same = {
        "--threads": asked.threads or "",
        "--precision": "" if asked.precision is Precision.FP32 else asked.precision,
        "--store": store if store and found.here else "",
    }
    return "".join(f" {name} {shlex.quote(str(value))}" for name, value in same.items() if value)


def make_plan(store: "Store", asked: Asked) -> Plan:
    """The plan for an open store.

    Raises:
        UsageError: As `plan_operators`.
    """
    _check(asked)
    target = target_of(store, asked.device, asked.threads, asked.precision)
    captures = [] if asked.basis else _captures(store, asked.workloads, target)
    known = _known(store, target)
    called = called_in(captures, known)
    rules = ReplayRules()
    candidates = _candidates(store, known, called, asked, rules)
    pace = None if target.place is None else pace_of(store.operators.replays(place=target.place))
    planned = _chosen(candidates, called, known, asked, (USUAL_S if pace is None else pace, rules))
    return Plan(
        target.hardware,
        target.device,
        target.here,
        0 if target.place is None else target.place.threads,
        asked.precision,
        asked.budget_s,
        planned,
        tuple(dict.fromkeys(f"{short_label(one.workload)} batch {one.setup.batch}" for one in captures)),
        Counter(one.why for one in candidates),
        len(known.costs),
        known.predictor is not None,
        USUAL_S if pace is None else pace,
        pace is not None,
        tuple(note for note in (target.note,) if note),
    )


def _check(asked: Asked) -> None:
    if not 0 < asked.budget_s < math.inf:
        raise UsageError(f"the budget is {asked.budget_s:g} s", when="planning", now="give a time such as 30min")
    if asked.count is not None and asked.count < 1:
        raise UsageError(f"{asked.count} operators cannot be planned", when="--count", now="give 1 or more")
    if asked.basis and asked.workloads:
        raise UsageError(
            "the basis belongs to no workload", when="--basis", now="name workloads, or ask for the basis alone"
        )


def _captures(store: "Store", names: Sequence[str], target: Target) -> list[Capture]:
    """Those of the device's kind; without any of a workload, those of other devices: operators are the same."""
    found: list[Capture] = []
    for name in names or (None,):
        every = store.operators.captures(workload=name, backend=EAGER)
        own = [one for one in every if kind_of(one.setup.device) == kind_of(target.device)]
        if not every:
            what = "no model was captured" if name is None else f"{name} was not captured"
            now = f"stopwatt ops capture {name or 'WORKLOAD; or stopwatt ops plan --basis, which needs no model'}"
            raise UsageError(what, when="planning what to measure", now=now)
        found += own or every
    return found


def _known(store: "Store", target: Target) -> Known:
    specs = _specs(store, target)
    return known_at(store, target, _predictor(store, target, specs), specs)


def _specs(store: "Store", target: Target) -> dict[str, DeviceSpecs]:
    return specs_in(store, *((target.place,) if target.place is not None else ()))


def _predictor(store: "Store", target: Target, specs: Mapping[str, DeviceSpecs]) -> Predictor | None:
    """The one that was kept; else one from what was measured at the place, if anything was."""
    kept = kept_predictor(store)
    if kept is not None:
        return kept
    material = material_of(store, target, specs)
    return material.predictor() if material.own else None


def _candidates(
    store: "Store", known: Known, called: Sequence[Called], asked: Asked, rules: ReplayRules
) -> list[Candidate]:
    place, predictor = known.target.place, known.predictor
    rows = [] if place is None or predictor is None or asked.basis else observed_at(store, place)
    poor = [] if predictor is None else poor_among(rows, known, predictor.families, asked.seed)
    most = min(_LARGER * max((one.work.bytes for one in called), default=0.0), rules.footprint / 2)
    generic = () if asked.workloads else basis(asked.seed)
    measured = {identity_of(one) for one in known.works}
    return candidates_of(called, measured, poor, generic, most_bytes=most, seed=asked.seed)


def _chosen(
    candidates: Sequence[Candidate],
    called: Sequence[Called],
    known: Known,
    asked: Asked,
    pace: tuple[float, ReplayRules],
) -> tuple[Planned, ...]:
    if not candidates:
        return ()
    works = [one.work for one in candidates]
    time_s, doubt = forecast([one.operator for one in candidates], works, known)
    doubt = np.maximum(doubt, [one.error for one in candidates])
    cost_s = _costs(time_s, *pace)
    points, weights, near = _placed(works, called, known)
    weights = weights.also(np.array([one.worth for one in candidates]), GENERIC)
    picks = choose(points, weights.times(doubt), near, cost_s=cost_s, budget_s=asked.budget_s, count=asked.count)
    until = np.cumsum([cost_s[pick.place] for pick in picks])
    return tuple(
        Planned(one.operator, one.work, one.why, one.of, one.error, float(np.median(times)), pick.gain, end)
        for pick, end in zip(picks, until.tolist(), strict=True)
        for one, times in ((candidates[pick.place], time_s[pick.place]),)
    )


def _costs(time_s: Floats, pace_s: float, rules: ReplayRules) -> Floats:
    """Seconds for all modes of each candidate."""
    return np.array([sum(series_s(one, pace_s, rules) for one in row) for row in time_s.tolist()])


def _placed(works: Sequence[Work], called: Sequence[Called], known: Known) -> tuple[Points, Weights, Floats]:
    """Where candidates lie, for how much of the models' time they speak, how far what is measured lies."""
    real = [one.work for one in called]
    kinds = sorted({kind_at(one) for one in (*works, *real, *known.works)})
    points = points_of(works, kinds)
    weights = weights_for(points, points_of(real, kinds), np.array([one.share for one in called]))
    return points, weights, distances(points, points_of(known.works, kinds))
