"""What single rounds say of one metric: the values that comparisons count."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from stopwatt.analyse.ceilings import is_ceiling
from stopwatt.analyse.energy import ENERGY_METRICS, OF_SCOPE, value_of_round
from stopwatt.analyse.estimate import Rejected, Series, series_of
from stopwatt.analyse.selftests import is_selftest
from stopwatt.analyse.sentinels import replaced, start_temperature
from stopwatt.analyse.stated import MEAN
from stopwatt.analyse.summary import LARGEST, TAILS
from stopwatt.errors import UsageError
from stopwatt.meters.sentinel import Sentinel, moved, scope_of, sentinel_of
from stopwatt.metrics import CPU_ESTIMATE, METRICS
from stopwatt.records import Cell, Measured, Measurement, Scalar, Severity, Status, Unavailable
from stopwatt.stats.quantiles import NeedsTrials, percentile

RATE = "samples/s"
COMPARED_ENERGY = tuple(name for name in ENERGY_METRICS if name != CPU_ESTIMATE)
COMPARABLE = (*TAILS, *(name for name, metric in METRICS.items() if metric.unit in {"s", RATE}), *COMPARED_ENERGY)
"""Metrics that tell a speed, or what it takes: of others (memory, deviation) nothing is better or worse."""
IMPORTED = "imported"
"""Kind of the warning that every round of somebody else's table carries."""
ONLY_MEAN = f"it holds a stated mean ({MEAN}), not trials"
ONLY_TRIALS = f"it holds trials (latency), not a stated mean ({MEAN})"
"""Why a round of the one kind has no value of the other's metric."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One round.

    Attributes:
        run: Id of its run.
        value: In the metric's unit; always positive. `None` where the round tells none that can be compared.
        why: Why it tells none.
        started_at: ISO 8601, UTC.
        warnings: Kinds of the warnings that the round carries.
        temperature: Degrees Celsius of the device when its windows of energy began; `None` if nobody read it.
        sentinel: What the fixed work took beside them.
    """

    cell: Cell
    run: str
    round: int
    started_at: str
    value: float | None = None
    why: str = ""
    warnings: tuple[str, ...] = ()
    temperature: float | None = None
    sentinel: Sentinel | None = None

    @property
    def imported(self) -> bool:
        """Whether somebody else measured it."""
        return IMPORTED in self.warnings


@dataclass(frozen=True, slots=True)
class Side:
    """All rounds of one side of a comparison.

    Attributes:
        word: The side as the user names it.
        where: Its results database.
        rounds: Oldest first.
        facts: Digest of a machine -> its facts as one of the rounds saw them.
    """

    word: str
    where: str
    rounds: tuple[Observed, ...]
    facts: Mapping[str, Mapping[str, Scalar]]


def unit_of(metric: str) -> str:
    """`s`, `samples/s`, `J`, ..."""
    return "s" if metric in TAILS else METRICS[metric].unit


def is_rate(metric: str) -> bool:
    """Whether more of it is better: comparisons then count what one sample takes, its inverse."""
    return metric not in TAILS and METRICS[metric].better == "higher"


def check_metric(metric: str) -> None:
    """Refuse a metric that is none, or no speed.

    Raises:
        UsageError: Names those that can be compared.
    """
    if metric in COMPARABLE:
        return
    known = f"use one of {', '.join(COMPARABLE)}"
    if metric == LARGEST:
        raise UsageError(
            "a maximum grows with the number of trials, and two of them cannot be compared",
            now=f"{known}; stopwatt show has the maxima",
        )
    if metric == CPU_ESTIMATE:
        raise UsageError(f"{metric} is no measurement: what is estimated is compared with nothing", now=known)
    if metric in METRICS:
        raise UsageError(f"{metric} is no speed: nothing is faster or slower by it", now=known)
    raise UsageError(f"there is no metric {metric!r}", now=known)


def observe(word: str, where: str, measurements: Iterable[tuple[str, Measurement]], metric: str) -> Side:
    """Reduce measurements to their values of one metric, one at a time.

    Args:
        word: The side as the user names it.
        where: Its results database.
        measurements: Each with the id of its run, oldest first.
        metric: One of `COMPARABLE`.
    """
    rounds: dict[str, Observed] = {}
    gone: set[str] = set()
    facts: dict[str, Mapping[str, Scalar]] = {}
    for run, one in measurements:
        if is_ceiling(one) or is_selftest(one):  # of the machine, and no model
            continue
        value, why = _value(one, metric)
        warnings = tuple(dict.fromkeys(note.kind for note in one.notes if note.severity is Severity.WARNING))
        beside = start_temperature(one), sentinel_of(one)
        rounds[one.id] = Observed(one.cell, run, one.round, one.started_at, value, why, warnings, *beside)
        gone |= replaced([one])
        facts.setdefault(one.cell.machine, one.facts)
    left = {ident: one for ident, one in rounds.items() if ident not in gone}
    doubts = _doubts(left.values()) if metric in COMPARED_ENERGY else {}
    return Side(word, where, tuple(_doubted(one, metric, doubts.get(ident)) for ident, one in left.items()), facts)


def _doubts(rounds: Iterable[Observed]) -> dict[str, str]:
    """Id of a measurement -> what speaks against its energy beside the other rounds of its run."""
    of_run: dict[str, list[Sentinel]] = defaultdict(list)
    for one in rounds:
        if one.sentinel is not None:
            of_run[one.run].append(one.sentinel)
    return {ident: why for sentinels in of_run.values() for ident, why in moved(sentinels).items()}


def _doubted(one: Observed, metric: str, why: str | None) -> Observed:
    if why is None or one.value is None or metric not in OF_SCOPE[scope_of(one.cell.setup.device)]:
        return one
    return replace(one, value=None, why=f"suspect, and not compared: {why}")


def _value(one: Measurement, metric: str) -> tuple[float | None, str]:
    """The round's value, or why there is none."""
    if one.status is not Status.OK:
        return None, f"{one.status}: {one.trouble.what}" if one.trouble else str(one.status)
    name = "latency" if metric in TAILS else metric
    if name in one.samples:
        try:
            _, series = series_of([(one.round, one.samples[name])])
        except Rejected as rejected:
            return None, f"rejected: {rejected}"
        return _of_series(series[0], metric) if series else (None, f"round {one.round} has no trial")
    return _of_energy(one, metric) if metric in COMPARED_ENERGY else _of_reading(one, metric)


def _of_energy(one: Measurement, metric: str) -> tuple[float | None, str]:
    try:
        return value_of_round(one, metric), ""
    except Rejected as rejected:
        return None, str(rejected)


def _of_reading(one: Measurement, metric: str) -> tuple[float | None, str]:
    reading = one.readings.get("latency" if metric in TAILS else metric)
    if isinstance(reading, Measured):
        positive = np.isfinite(reading.value) and reading.value > 0
        return (reading.value, "") if positive else (None, f"round {one.round} read {reading.value:g}")
    return None, reading.why if isinstance(reading, Unavailable) else _absent(one, metric)


def _absent(one: Measurement, metric: str) -> str:
    """Why a round tells nothing of a metric that it does not name."""
    if metric in {"latency", *TAILS} and MEAN in one.readings:
        return ONLY_MEAN
    if metric == MEAN and "latency" in one.samples:
        return ONLY_TRIALS
    return f"{metric} was not measured"


def _of_series(series: Series, metric: str) -> tuple[float | None, str]:
    if metric not in TAILS:
        return float(np.median(series.values)), ""
    quantile = percentile(series.values, TAILS[metric])
    return (None, str(quantile)) if isinstance(quantile, NeedsTrials) else (quantile.value, "")
