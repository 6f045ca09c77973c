"""What is known of operators at a device, and what is not: shares of time, doubts, bad predictions."""

import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stopwatt.devices.resolve import kind_of
from stopwatt.operators.capture import Capture
from stopwatt.operators.costs import OperatorCost
from stopwatt.operators.expected import weights
from stopwatt.operators.formulas import work_of
from stopwatt.operators.operator import Operator
from stopwatt.operators.portable import portable_key
from stopwatt.operators.rows import Observed, queries_of, tables_of
from stopwatt.operators.summary import counts_of
from stopwatt.operators.table import DeviceSpecs, Table, joined
from stopwatt.operators.work import DIMENSIONS, Family, Work
from stopwatt.ops.subjects import costs_at, subject_of
from stopwatt.ops.target import Target
from stopwatt.predicting.candidates import Called, Poor
from stopwatt.predicting.columns import MODES
from stopwatt.predicting.doubt import doubt_of, held_out_errors
from stopwatt.predicting.predictor import LEAST_ROWS, Predictor
from stopwatt.predicting.times import Ground, dispatch_of, in_mode, is_idle

if TYPE_CHECKING:
    from stopwatt.store.database import Store

Floats = NDArray[np.float64]

UNLEARNT = math.log(2.0)
"""Doubt about a family that nothing was learnt of: a factor of two, as rough times have it."""
DISPATCHED = 0.1
"""Doubt about what only costs its dispatch, where others of that kind were measured."""
POOR = math.log(1.25)
"""Errors of predictions above this are bad, if they are among the largest."""
WORST = 0.1
MOST_POOR = 12
MOST_TRIED = 1000
"""Rows of a family that errors are looked for among: their number decides how long that takes."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What a store knows at a device.

    Attributes:
        target: The device.
        costs: Of measured operators, by portable key.
        works: Of the measured operators.
        predictor: `None` where there is none.
        specs: Of devices.
        dispatch_s: What an operator without work takes; NaN for unknown.
    """

    target: Target
    costs: Mapping[str, OperatorCost]
    works: Sequence[Work]
    predictor: Predictor | None
    specs: Mapping[str, DeviceSpecs]
    dispatch_s: float

    def cost(self, operator: Operator) -> OperatorCost | None:
        """Of an operator, wherever it was captured."""
        return self.costs.get(portable_key(operator))


def known_at(store: "Store", target: Target, predictor: Predictor | None, specs: Mapping[str, DeviceSpecs]) -> Known:
    """Read what a store has of a device."""
    operators, costs = ({}, {}) if target.place is None else costs_at(store, target.place)
    pairs = [(work_of(operators[key]), cost) for key, cost in costs.items()]
    portable = {portable_key(operators[key]): cost for key, cost in costs.items()}
    return Known(target, portable, [work for work, _ in pairs], predictor, specs, dispatch_of(pairs))


def called_in(captures: Sequence[Capture], known: Known) -> list[Called]:
    """The distinct operators of models with their shares of all models' time, each model counting the same.

    Args:
        captures: Of the models.
        known: What there is of the device.
    """
    shares: dict[str, float] = {}
    operators: dict[str, Operator] = {}
    for capture in captures:
        total = _totals(capture, known)
        for operator, share in zip(capture.operators, (total / (total.sum() or 1.0)).tolist(), strict=True):
            key = portable_key(operator)
            operators.setdefault(key, operator)
            shares[key] = shares.get(key, 0.0) + share / len(captures)
    here = kind_of(known.target.device)
    devices = {kind_of(capture.setup.device) for capture in captures}
    found = []
    for key, operator in operators.items():
        moves = devices == {here} or operator.key == key  # names no device of the machine that captured it
        is_open = key not in known.costs and moves and not operator.obstacle
        found.append(Called(operator, work_of(operator), shares[key], is_open))
    return found


def _totals(capture: Capture, known: Known) -> Floats:
    """Seconds of all calls of each operator; where nothing at all is known, what they weigh."""
    target = known.target
    own = {one.key: cost for one in capture.operators if (cost := known.cost(one)) is not None}
    subject = subject_of(capture, target, own)
    ground = Ground(
        target.label,
        own,
        dispatch_s=known.dispatch_s,
        predictor=known.predictor,
        specs=known.specs,
        modes=target.modes,
        on_gpu=target.on_gpu,
    )
    with suppress(ValueError):  # nothing at all is known
        composed = subject.composed(ground)
        totals = np.asarray(composed.each_s * composed.calls)
        if totals.sum() > 0:
            return totals
    heavy = np.array(weights(subject.works, known.specs.get(target.label)))
    return np.asarray(heavy * np.array(counts_of(capture)))


def forecast(operators: Sequence[Operator], works: Sequence[Work], known: Known) -> tuple[Floats, Floats]:
    """What operators will take, and how doubtful that is.

    Args:
        operators: That could be measured.
        works: Of each.
        known: What there is of the device.

    Returns:
        Seconds by mode, NaN for unknown, shape (n, modes); standard deviation of their logarithm, the mean over the
        modes, shape (n,).
    """
    time_s = np.full((len(works), len(MODES)), np.nan)
    doubt = np.full((len(works), len(MODES)), UNLEARNT)
    parts: dict[Family, list[tuple[int, Table, NDArray[np.int64]]]] = {}
    predictor = known.predictor or Predictor({})
    for column, mode in enumerate(MODES):
        for family, (table, rows) in queries_of(operators, mode, known.target.label).items():
            if family in predictor.families:
                same = in_mode(table, mode, predictor.modes(family), modes=known.target.modes)
                parts.setdefault(family, []).append((column, same, rows))
    for family, columns in parts.items():
        table = joined([one for _, one, _ in columns])
        rows = np.concatenate([one for _, _, one in columns])
        which = np.concatenate([np.full(one.size, column) for column, _, one in columns])
        time_s[rows, which] = predictor.predict(family, table, known.specs).time_s
        doubt[rows, which] = doubt_of(predictor.models[family], table, known.specs)
    _fill(time_s, doubt, works, known)
    return time_s, doubt.mean(axis=1)


def _fill(time_s: Floats, doubt: Floats, works: Sequence[Work], known: Known) -> None:
    """Families that nothing was learnt of: by weight, as measured operators; what is only dispatched as those were."""
    specs = known.specs.get(known.target.label)
    heavy = np.array(weights(works, specs))
    rate = _rate(known, specs)
    least = min((min(cost.time_s.values()) for cost in known.costs.values()), default=0.0)
    for row, work in enumerate(works):
        if is_idle(work) and math.isfinite(known.dispatch_s):
            time_s[row], doubt[row] = known.dispatch_s, DISPATCHED
        elif np.isnan(time_s[row, 0]):
            time_s[row] = np.maximum(least, heavy[row] * rate)  # unknown where the rate is


def _rate(known: Known, specs: DeviceSpecs | None) -> float:
    """Seconds for a weight: of measured operators, else 1 where weights are seconds at the ceilings, else unknown."""
    own = np.array(weights(known.works, specs)) if known.works else np.zeros(0)
    times = np.array([min(cost.time_s.values()) for cost in known.costs.values()])
    if own.size == times.size and (own > 0).any():
        return float(np.median(times[own > 0] / own[own > 0]))
    return 1.0 if specs is not None and specs.bandwidth else math.nan


def poor_among(rows: Sequence[Observed], known: Known, families: Collection[Family], seed: int) -> list[Poor]:
    """Measured operators whose times are predicted badly by what did not learn from them; the worst first.

    Args:
        rows: Measured at the device.
        known: What there is of it.
        families: That are looked at.
        seed: Of the folds.
    """
    by_family: dict[Family, list[Observed]] = {}
    for row in rows:
        family = work_of(row.operator).family
        if family in families and DIMENSIONS[family]:
            by_family.setdefault(family, []).append(row)
    worst: dict[str, Poor] = {}
    for family, every in by_family.items():
        chosen = np.random.default_rng(seed).permutation(len(every))[:MOST_TRIED]
        own = [every[place] for place in sorted(chosen.tolist())]
        if len(own) < LEAST_ROWS:
            continue
        errors = np.abs(held_out_errors(tables_of(own, known.target.label)[family], known.specs, seed))
        bar = max(POOR, float(np.quantile(errors, 1 - WORST)))
        for row, error in zip(own, errors.tolist(), strict=True):
            key = row.operator.key
            if error > bar and (key not in worst or worst[key].error < error):
                worst[key] = Poor(row.operator.label, work_of(row.operator), error)
    return sorted(worst.values(), key=lambda one: one.error, reverse=True)[:MOST_POOR]
