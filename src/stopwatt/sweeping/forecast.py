"""How long a plan will take, said before it begins, and what that rests on.

A round takes what its trials take, and a rest: start, build, warm-up, checks, throughput. Both are known from rounds of
the same cell, or read off rounds of cells that differ from it in size only, by interpolation of logarithms. Of cells
larger than any that was measured nothing is said but the least.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, prod

import numpy as np

from stopwatt.devices.resolve import kind_of
from stopwatt.energy import EnergyRules
from stopwatt.records import Cell, Process, Protocol, Scalar
from stopwatt.sweeping import energycost
from stopwatt.sweeping.pacing import planned_s
from stopwatt.sweeping.plan import Plan

Group = tuple[Scalar, ...]
"""What cells have in common that differ in numbers only, parameters and batch."""

_LEAST_WARMUP_S = {"cpu": 1.0, "cuda": 3.0}
_SHORTEST_S = 1e-9


@dataclass(frozen=True, slots=True)
class Timed:
    """What one round that was measured says about the time of others.

    Attributes:
        size: Product of the cell's numbers: parameters and batch.
        trial_s: Seconds of one trial, that on the device's clock included, without a pause before it.
        rest_s: Seconds of everything else in the round, but for a paced series and energy.
        energy: Rules by which its energy was measured; `None` if it was not.
        energy_s: Seconds that this took: none where no counter is.
    """

    key: str
    group: Group
    size: float
    trial_s: float
    rest_s: float
    energy: EnergyRules | None = None
    energy_s: float = 0.0

    def round_s(self, rules: Protocol) -> float:
        """Seconds of a round with such trials under these rules."""
        paced = 0.0 if rules.paced is None else planned_s(rules.paced)
        return self.rest_s + trials_s(self.trial_s + rules.idle_s, rules) + paced + self._energy_s(rules)

    def _energy_s(self, rules: Protocol) -> float:
        """As before; under other rules, as long as they say, unless it is known that there is no counter."""
        if rules.energy is None:
            return 0.0
        known = rules.energy == self.energy or (self.energy is not None and not self.energy_s)
        return self.energy_s if known else energycost.whole_s(rules)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Seconds that rounds will take, one after another.

    Attributes:
        rounds: To be measured.
        same: Of them, rounds of cells that were measured before.
        similar: Rounds of cells between, in size, those that were.
        unknown: Rounds of which only the least time is known.
        low: At least so long.
        likely: Best guess; `None` where rounds are unknown.
        high: As long as the slowest of their kind for all rounds; `None` where rounds are unknown.
    """

    rounds: int
    same: int
    similar: int
    unknown: int
    low: float
    likely: float | None
    high: float | None


def group_of(cell: Cell) -> Group:
    """The cells like this one but for the numbers among the parameters, and the batch."""
    setup = cell.setup
    words = [value for value in cell.workload.params.values() if not _is_number(value)]
    runtime = (setup.backend_label, str(setup.precision), setup.device, setup.threads)
    return cell.workload.source, cell.code, cell.machine, *runtime, *words


def size_of(cell: Cell) -> float:
    """Grows with the work of a call, for cells of one group: the product of their numbers."""
    numbers = [float(value) for value in (*cell.workload.params.values(), cell.setup.batch) if _is_number(value)]
    return prod(abs(number) for number in numbers if number)


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def timed(cell: Cell, trials: int, phases: Mapping[str, float]) -> Timed | None:
    """What a round says that did so many trials; `None` where it had none."""
    if not trials or not {"round", "trials"} <= phases.keys():
        return None
    of_trials = phases["trials"] + phases.get("device time", 0.0)
    busy_s = phases.get("energy", 0.0)
    once_s = phases.get("accuracy", 0.0)  # in one round of a cell
    rest_s = max(0.0, phases["round"] - of_trials - phases.get("paced", 0.0) - busy_s - once_s)
    trial_s = max(0.0, of_trials / trials - cell.protocol.idle_s)
    metered = (cell.protocol.energy, busy_s + phases.get("idle", 0.0))
    return Timed(cell.key, group_of(cell), size_of(cell), trial_s, rest_s, *metered)


def trials_s(trial_s: float, rules: Protocol) -> float:
    """Seconds of all trials of a round, as its limits have them."""
    whole = trial_s * rules.trials
    if rules.trial_seconds is None:
        return whole
    return min(whole, max(rules.trial_seconds, trial_s * min(rules.min_trials, rules.trials)))


def least_s(cell: Cell) -> float:
    """Seconds that the rules alone take: warm-up, windows of throughput, paced arrivals; not a single trial.

    Windows of energy count on a GPU only: a CPU may have no counter, and they are left out then.
    """
    rules, warmup = cell.protocol, cell.protocol.warmup
    own = _LEAST_WARMUP_S[cell.setup.device.partition(":")[0]] if rules.process is Process.FRESH else 0.0
    first = own if warmup.min_seconds is None else warmup.min_seconds
    windows = 2 * min(warmup.window_seconds, warmup.window_cap_seconds)
    paced = 0.0 if rules.paced is None else planned_s(rules.paced)
    energy = energycost.whole_s(rules) if kind_of(cell.setup.device) != "cpu" else 0.0
    throughput = rules.throughput_windows * rules.throughput_seconds
    return min(warmup.cap_seconds, first + windows) + throughput + paced + energy


def forecast(plan: Plan, known: Iterable[Timed], done: Iterable[tuple[str, int]] = ()) -> Forecast:
    """How long the rounds of a plan will take.

    Args:
        plan: What to measure.
        known: Rounds that were measured.
        done: `(cell key, round)` that need no measuring any more.
    """
    by_key: dict[str, list[Timed]] = defaultdict(list)
    by_group: dict[Group, list[Timed]] = defaultdict(list)
    for one in known:
        by_key[one.key].append(one)
        by_group[one.group].append(one)
    curves = {group: _Curve(members) for group, members in by_group.items()}
    finished = set(done)
    counts = {"same": 0, "similar": 0, "unknown": 0}
    low = likely = high = 0.0
    for cell in plan.cells:
        rounds = sum((cell.key, number) not in finished for number in range(plan.protocol.rounds))
        kind, least, usual, most = _of_cell(cell, by_key.get(cell.key, ()), curves)
        counts[kind] += rounds
        low += rounds * least
        likely += rounds * usual
        high += rounds * most
    open_end = counts["unknown"] > 0
    return Forecast(
        sum(counts.values()), **counts, low=low, likely=None if open_end else likely, high=None if open_end else high
    )


def _of_cell(cell: Cell, same: Sequence[Timed], curves: Mapping[Group, "_Curve"]) -> tuple[str, float, float, float]:
    """What is known, and the least, the likely and the longest seconds of one round."""
    rules = cell.protocol
    if same:
        seconds = [one.round_s(rules) for one in same]
        return "same", min(seconds), sum(seconds) / len(seconds), max(seconds)
    curve = curves.get(group_of(cell))
    size = size_of(cell)
    if curve is None or size > curve.largest:
        return "unknown", least_s(cell), 0.0, 0.0
    least, most = curve.extremes(rules)
    return "similar", least, curve.at(size).round_s(rules), most


class _Curve:
    """Time of a trial and of the rest over size, for one group."""

    def __init__(self, members: Sequence[Timed]) -> None:
        by_size: dict[float, list[Timed]] = defaultdict(list)
        for one in members:
            by_size[one.size].append(one)
        self._members = members
        sizes = sorted(by_size)
        self.largest = sizes[-1]
        self._sizes = np.log(np.maximum(sizes, _SHORTEST_S))
        self._trials = np.array([_mean_log([one.trial_s for one in by_size[size]]) for size in sizes])
        self._rests = np.array([_mean_log([one.rest_s for one in by_size[size]]) for size in sizes])

    def at(self, size: float) -> Timed:
        """A round of this size."""
        place = log(max(size, _SHORTEST_S))
        trial_s, rest_s = (exp(float(np.interp(place, self._sizes, ys))) for ys in (self._trials, self._rests))
        like = max(self._members, key=lambda one: one.energy_s)
        return Timed("", like.group, size, trial_s, rest_s, like.energy, like.energy_s)

    def extremes(self, rules: Protocol) -> tuple[float, float]:
        """The shortest and the longest round of the group under these rules."""
        seconds = [one.round_s(rules) for one in self._members]
        return min(seconds), max(seconds)


def _mean_log(values: Sequence[float]) -> float:
    return sum(log(max(value, _SHORTEST_S)) for value in values) / len(values)
