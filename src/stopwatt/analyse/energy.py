"""Energy and power of a cell: which metrics these are, what its rounds say of them, and what people are shown."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from stopwatt.analyse.estimate import Estimate, Rejected, counted, single_values
from stopwatt.analyse.row import RoundValues, Row
from stopwatt.energy import SCOPES, Scope
from stopwatt.meters.spread import HALF_WIDTH
from stopwatt.metrics import CPU_ESTIMATE, METRICS, Metric
from stopwatt.records import Cell, Estimated, Measured, Measurement, Protocol, Reading, Suspect, Unavailable
from stopwatt.stats.intervals import LEAST_ROUNDS, geometric_mean

OF_SCOPE = {scope: tuple(name for name in METRICS if name.endswith(f"_{scope}")) for scope in SCOPES}
"""Scope -> names of its metrics."""
ENERGY_METRICS = (*(name for names in OF_SCOPE.values() for name in names), CPU_ESTIMATE)
NOT_ASKED = "not asked for: --energy"
ESTIMATE_NOT_ASKED = "not asked for: --estimate-cpu-energy WATTS"


def asked_for(name: str, protocol: Protocol) -> bool:
    """Whether rounds by these rules were to measure (or to estimate) this metric of energy."""
    return protocol.cpu_watts is not None if name == CPU_ESTIMATE else protocol.energy is not None


def energy_estimate(metric: Metric, cell: Cell, ok: Sequence[Measurement], why_nothing: str) -> Estimate:
    """A metric of energy over the rounds of a cell.

    Measured where every reading that was taken is; suspect where one of them is: a doubt is mostly about the
    instrument, which is the same in all rounds. An estimate is one only where nothing was measured, and its bounds are
    those of its rule, since more rounds do not make a rule more right.

    Args:
        metric: One of `ENERGY_METRICS`.
        cell: What was measured, and by which rules.
        ok: Its rounds that are OK.
        why_nothing: Why it is missing where no round says anything of it.
    """
    found = [(one.round, one.readings[metric.name]) for one in ok if metric.name in one.readings]
    readings = [reading for _, reading in found]
    taken = [(number, reading) for number, reading in found if isinstance(reading, Measured | Suspect)]
    if taken and metric.name in _NET and any(_only_net_is_missing(one, metric.name) for one in ok):
        why = _with_reasons(Estimate(metric.name, metric.unit), readings).why
        return Estimate(metric.name, metric.unit, why=f"{why}; of the others alone it would be too high")
    if taken:
        return _with_reasons(_of_taken(metric, ok, taken), readings)
    estimated = [reading for reading in readings if isinstance(reading, Estimated)]
    if estimated:
        return _with_reasons(_of_rule(metric, estimated), readings)
    not_asked = ESTIMATE_NOT_ASKED if metric.name == CPU_ESTIMATE else NOT_ASKED
    missing = why_nothing if asked_for(metric.name, cell.protocol) else not_asked
    return Estimate(metric.name, metric.unit, why="; ".join(_unavailable(readings)) or missing)


_NET = {f"energy_net_{scope}": f"energy_{scope}" for scope in SCOPES}


def _only_net_is_missing(one: Measurement, name: str) -> bool:
    """Whether a round has an energy and no net energy: a difference of two powers that was lost in their noise."""
    whole = one.readings.get(_NET[name])
    return isinstance(one.readings.get(name), Unavailable) and isinstance(whole, Measured | Suspect)


def _of_taken(metric: Metric, ok: Sequence[Measurement], taken: Sequence[tuple[int, Measured | Suspect]]) -> Estimate:
    for number, reading in taken:
        if not (math.isfinite(reading.value) and reading.value > 0):
            return Estimate(metric.name, metric.unit, why=f"rejected: round {number} read {reading.value:g}")
    whole = single_values(metric.name, metric.unit, np.array([reading.value for _, reading in taken]))
    if len(taken) < LEAST_ROUNDS:
        whole = _by_windows(whole, [one for one in ok if isinstance(one.readings.get(metric.name), Measured | Suspect)])
    doubts = [reading.why for _, reading in taken if isinstance(reading, Suspect)]
    if not doubts:
        return whole
    some = f"in {len(doubts)} of {counted(len(taken), 'round')}: " if len(doubts) < len(taken) else ""
    return replace(whole, doubt=some + "; ".join(dict.fromkeys(doubts)))


def _by_windows(estimate: Estimate, rounds: Sequence[Measurement]) -> Estimate:
    """With the interval that the energy windows of one process support; of two, from the lower low to the higher high.

    It says nothing of other processes, as that of the times of so few rounds does not.
    """
    ends = [bounds for one in rounds if (bounds := bounds_of_round(one, estimate.metric)) is not None]
    if len(ends) < len(rounds):
        return estimate
    windows = sum(one.cell.protocol.energy.windows for one in rounds if one.cell.protocol.energy is not None)
    processes = "one process" if len(rounds) == 1 else "two processes"
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    return replace(estimate, low=low, high=high, method=f"{processes}, t on {windows} energy windows", why="")


def bounds_of_round(one: Measurement, name: str) -> tuple[float, float] | None:
    """The interval of a metric of energy that the energy windows of one process support; `None` where they do not."""
    reading, half = one.readings.get(name), one.facts.get(f"{HALF_WIDTH}{name}")
    if not (isinstance(reading, Measured | Suspect) and isinstance(half, int | float) and 0 < half < 1):
        return None
    return reading.value * (1 - half), reading.value * (1 + half)


def _of_rule(metric: Metric, found: Sequence[Estimated]) -> Estimate:
    value, low, high = (
        geometric_mean(np.array([getattr(one, end) for one in found])) for end in ("value", "low", "high")
    )
    how = "; ".join(dict.fromkeys(one.how for one in found))
    count = len(found)
    return Estimate(metric.name, metric.unit, value, low, high, count, count, method=how, estimated=True)


def _with_reasons(estimate: Estimate, readings: Sequence[Reading]) -> Estimate:
    """With what is known of the rounds that say nothing."""
    reasons = _unavailable(readings)
    if not reasons:
        return estimate
    lost = sum(isinstance(reading, Unavailable) for reading in readings)
    said = f"unavailable in {lost} of {counted(len(readings), 'round')}: {'; '.join(reasons)}"
    return replace(estimate, why="; ".join(part for part in (estimate.why, said) if part))


def _unavailable(readings: Iterable[Reading]) -> list[str]:
    """Each reason once."""
    return list(dict.fromkeys(reading.why for reading in readings if isinstance(reading, Unavailable)))


def value_of_round(one: Measurement, name: str) -> float:
    """The joules or watts of one round, as comparisons count them.

    Raises:
        Rejected: There is none that may be compared; says why.
    """
    match one.readings.get(name):
        case Measured(value=value) if math.isfinite(value) and value > 0:
            return value
        case Measured(value=value):
            raise Rejected(f"round {one.round} read {value:g}")
        case Suspect(why=why):
            raise Rejected(f"suspect, and not compared: {why}")
        case Estimated():
            raise Rejected("estimated, and not compared")
        case Unavailable(why=why):
            raise Rejected(f"unavailable: {why}")
    raise Rejected(NOT_ASKED if one.cell.protocol.energy is None else f"{name} was not measured")


def round_energies(ok: Sequence[Measurement]) -> dict[str, RoundValues]:
    """Joules a sample of each scope that rounds measured, gross and net, by the name of the metric."""
    found = {}
    for name in (f"{kind}_{scope}" for scope in SCOPES for kind in ("energy", "energy_net")):
        taken = [(one.round, reading.value) for one in ok if isinstance(reading := one.readings.get(name), Measured)]
        if taken:
            found[name] = tuple(taken)
    return found


def scopes_of(device: str) -> tuple[Scope, ...]:
    """Scopes that have to do with a device, the one that people ask for first: a GPU's board, a CPU's package."""
    own = Scope.GPU if device.startswith("cuda") else Scope.PACKAGE
    return tuple(dict.fromkeys((own, Scope.PACKAGE, Scope.DRAM)))


def belongs_to(name: str, device: str) -> bool:
    """Whether a metric of energy is of a scope that has to do with a device."""
    return name == CPU_ESTIMATE or any(name in OF_SCOPE[scope] for scope in scopes_of(device))


def own_energy(device: str) -> str:
    """Name of the energy of a device itself."""
    return f"energy_{scopes_of(device)[0]}"


def shown_energy(rows: Sequence[Row]) -> str:
    """The metric of energy by which cells are told apart: that of most of them that has values; empty for none.

    The energies of different scopes never stand for each other, so a grid has one.
    """
    names = [own_energy(row.cell.setup.device) for row in rows]
    known = [name for name, row in zip(names, rows, strict=True) if name in row.estimates and row.estimates[name].value]
    return max(dict.fromkeys(known), key=known.count, default="")


def scope_name(metric: str) -> str:
    """`GPU board` for any metric of that scope."""
    return next((name for scope, name in SCOPES.items() if metric.endswith(f"_{scope}")), "")
