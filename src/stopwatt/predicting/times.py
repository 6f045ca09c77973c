"""What each operator of a model will take on a device, and how that is known.

measured   a replay at that place
predicted  the models of its family
dispatch   nothing to do but to be dispatched: the median of such operators that were measured there
rough      its family has no model: by bytes and operations, as the operators that were measured there
"""

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.costs import OperatorCost
from stopwatt.operators.expected import weights
from stopwatt.operators.memory import available
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Mode
from stopwatt.operators.rows import queries_of
from stopwatt.operators.table import DeviceSpecs, Table, joined
from stopwatt.operators.work import Family, Work
from stopwatt.predicting.columns import MODES, Columns, OperatorTimes, Range

if TYPE_CHECKING:
    from stopwatt.predicting.family import Forecast

Floats = NDArray[np.float64]

_TAIL = 0.05
"""Of what other operators took for their weight, left out on each side of a rough time's interval."""
_LEAST_FACTOR = 2.0
"""A rough time is not known better than this, however alike the others are."""


class Predicting(Protocol):
    """What is asked of a predictor."""

    @property
    def families(self) -> Container[Family]:
        """Those it has models of."""
        ...

    def modes(self, family: Family) -> Collection[str]:
        """Memory modes that it learnt of a family; an empty one for rows that say none."""
        ...

    def predict(self, family: Family, table: Table, specs: Mapping[str, DeviceSpecs]) -> "Forecast":
        """Times and powers of rows."""
        ...


@dataclass(frozen=True, slots=True)
class Rates:
    """Seconds for the weight of an operator (`operators.expected.weights`), as others needed.

    Attributes:
        floor_s: What the quickest of them takes.
        low, middle, high: Beyond that, for a unit of weight: quantiles over the others' time.
    """

    floor_s: float
    low: float
    middle: float
    high: float

    def seconds(self, weight: float) -> tuple[float, float, float]:
        """Time and interval of an operator of that weight."""
        low, middle, high = (self.floor_s + weight * one for one in (self.low, self.middle, self.high))
        return middle, min(low, middle / _LEAST_FACTOR), max(high, middle * _LEAST_FACTOR)


@dataclass(frozen=True, slots=True)
class Ground:
    """What times of operators follow from.

    Attributes:
        device: Hardware, as the rows that were learnt from have it.
        known: Costs of measured operators, by key.
        ranges: Intervals of their times in s, by key and mode; of those that are not there none is known.
        dispatch_s: What an operator without work takes; NaN for unknown.
        submit_s: Until any other call has returned to the host of a GPU.
        predictor: `None` where there is none.
        specs: Of devices.
        rates: Of operators that were measured there, for those of families without a model; the model's own if absent.
        modes: Whether what was learnt from of this device says its memory mode; tables of others do not.
        on_gpu: Whether operators without work take no time there.
    """

    device: str
    known: Mapping[str, OperatorCost] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    dispatch_s: float = np.nan
    submit_s: float = 0.0
    predictor: Predicting | None = None
    specs: Mapping[str, DeviceSpecs] = field(default_factory=dict)
    rates: Rates | None = None
    modes: bool = True
    on_gpu: bool = False


def times_of(
    operators: Sequence[Operator], works: Sequence[Work], wanted: NDArray[np.bool_], ground: Ground
) -> OperatorTimes:
    """Times of all operators.

    Args:
        operators: Distinct ones.
        works: What each has to do.
        wanted: In which modes they are called, shape (operators, modes).
        ground: What the times follow from.

    Raises:
        ValueError: Nothing at all is known of any of them.
    """
    columns = Columns.empty(len(operators))
    for row, operator in enumerate(operators):
        cost = ground.known.get(operator.key)
        if cost is not None and cost.time_s:
            columns.measured(row, cost, ground.ranges.get(operator.key, {}), ground.submit_s)
    idle = np.array([is_idle(one) for one in works], dtype=np.bool_)
    dispatch_s = 0.0 if ground.on_gpu else ground.dispatch_s
    if np.isfinite(dispatch_s):
        columns.dispatched(idle & columns.open, dispatch_s, ground.submit_s)
    if ground.predictor is not None:
        _predict(columns, operators, wanted & columns.open[:, None], ground)
    _guess(columns, works, ground)
    return columns.done()


def is_idle(work: Work) -> bool:
    """Whether an operator has nothing to do but to be dispatched."""
    return work.family is Family.VIEW or (work.flops is not None and not work.flops and not work.bytes)


def dispatch_of(costs: Sequence[tuple[Work, OperatorCost]]) -> float:
    """What an operator without work takes: the median of those that were measured; NaN without any."""
    found = [min(cost.time_s.values()) for work, cost in costs if cost.time_s and is_idle(work)]
    return float(np.median(found)) if found else np.nan


def _predict(columns: Columns, operators: Sequence[Operator], wanted: NDArray[np.bool_], ground: Ground) -> None:
    """Ask the predictor once for each family, whatever the memory modes are."""
    predictor = ground.predictor
    assert predictor is not None  # noqa: S101  (asked by the caller)
    asked: dict[Family, list[tuple[Table, NDArray[np.int64], int]]] = {}
    for column, mode in enumerate(MODES):
        rows = np.flatnonzero(wanted[:, column])
        queries = queries_of([operators[row] for row in rows.tolist()], mode, ground.device)
        for family, (table, places) in queries.items():
            if family in predictor.families:
                same = in_mode(table, mode, predictor.modes(family), modes=ground.modes)
                asked.setdefault(family, []).append((same, rows[places], column))
    for family, parts in asked.items():
        rows = np.concatenate([places for _, places, _ in parts])
        which = np.concatenate([np.full(places.size, column, dtype=np.int64) for _, places, column in parts])
        found = _forecast(predictor, family, joined([one for one, _, _ in parts]), ground.specs)
        columns.predicted(rows, which, found, ground.submit_s)


def _forecast(predictor: Predicting, family: Family, table: Table, specs: Mapping[str, DeviceSpecs]) -> "Forecast":
    """Of each row in its mode; in the nearest other one where only in that such sizes were measured.

    Only what gives what it takes can be chained: of linear layers those as wide as their input. An operator that lies
    outside of them, though not of all that were measured, is none that nobody knows.
    """
    found = predictor.predict(family, table, specs)
    learnt = {mode for mode in MODES if mode in predictor.modes(family)}
    rows = np.flatnonzero(found.outside & np.isin(table.mode, [str(one) for one in learnt]))
    if not rows.size or len(learnt) == 1:
        return found
    nearest = {str(mode): str(available(mode, learnt - {mode})) for mode in learnt}
    elsewhere = replace(table.take(rows), mode=np.array([nearest[str(one)] for one in table.mode[rows]], dtype=np.str_))
    other = predictor.predict(family, elsewhere, specs)
    return _with(found, rows[~other.outside], other, ~other.outside)


def _with(found: "Forecast", rows: NDArray[np.intp], other: "Forecast", chosen: NDArray[np.bool_]) -> "Forecast":
    """The forecast, with what another one says of some rows."""
    columns = {}
    for name in found.__slots__:
        here, there = getattr(found, name), getattr(other, name)
        columns[name] = here.astype(np.result_type(here, there))  # as long as the longer reason
        columns[name][rows] = there[chosen]
    return replace(found, **columns)


def in_mode(table: Table, mode: Mode, learnt: Collection[str], *, modes: bool) -> Table:
    """The rows in the mode that was learnt of their family and is nearest; in none on a device whose rows say none."""
    usable = {one: 0.0 for one in MODES if one in learnt}
    name = "" if not modes else str(available(mode, usable) if usable else mode)
    return replace(table, mode=np.array([name] * len(table), dtype=np.str_))


def _guess(columns: Columns, works: Sequence[Work], ground: Ground) -> None:
    """What is left takes for its weight what others took for theirs: all that were measured there, or this model's."""
    left = np.flatnonzero(columns.open)
    if not left.size:
        return
    heavy = np.array(weights(works, ground.specs.get(ground.device)))
    rates = ground.rates or _rates(heavy, _typical(columns.time_s))
    if rates is None:
        raise ValueError("nothing is known of any operator")
    for row in left.tolist():
        family = works[row].family
        why = f"no measurements of {family} operators" if family is not Family.OTHER else "no formula for its work"
        columns.guessed(row, rates.seconds(float(heavy[row])), ground.submit_s, why)


def _typical(values: Floats) -> Floats:
    """The first known value of each row, NaN without any, shape (n,)."""
    known = np.isfinite(values)
    first = values[np.arange(len(values)), known.argmax(axis=1)]
    return np.asarray(np.where(known.any(axis=1), first, np.nan))


def rates_of(costs: Sequence[tuple[Work, OperatorCost]], specs: DeviceSpecs | None) -> Rates | None:
    """What operators take for their weight, from those that were measured; `None` without any."""
    timed = [(work, float(np.median(list(cost.time_s.values())))) for work, cost in costs if cost.time_s]
    heavy = np.array(weights([work for work, _ in timed], specs)) if timed else np.zeros(0)
    return _rates(heavy, np.array([seconds for _, seconds in timed]))


def _rates(heavy: Floats, times_s: Floats) -> Rates | None:
    usable = np.isfinite(times_s) & (times_s > 0)
    if not usable.any():
        return None
    heavy, times_s = heavy[usable], times_s[usable]
    floor = float(times_s.min()) if times_s.size > 1 else 0.0
    work = heavy > 0
    if not work.any():
        return Rates(floor or float(times_s.min()), 0.0, 0.0, 0.0)
    each = (times_s[work] - floor) / heavy[work]
    order = np.argsort(each)
    reached = np.cumsum(times_s[work][order]) / times_s[work].sum()  # what takes long tells more of what work takes
    low, middle, high = (float(each[order][np.searchsorted(reached, at)]) for at in (_TAIL, 0.5, 1 - _TAIL))
    return Rates(floor, low, middle, high)
