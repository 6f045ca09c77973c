"""From the raw values of a cell's rounds to one estimate of a metric, with the interval that its rounds support."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from stopwatt.records import Samples
from stopwatt.stats.autocorrelation import looks_independent
from stopwatt.stats.intervals import LEAST_ROUNDS, across_rounds, geometric_mean, within_round
from stopwatt.stats.quantiles import Interval, NeedsTrials, NoInterval, Quantile, needed_trials, percentile
from stopwatt.stats.trials import validate_trials

_STORED_UNITS = {"ns": (1e9, "s")}
"""Unit as stored -> how many make one of the unit that estimates are in."""

NOT_MEASURED = "not measured"
"""Why a metric is missing of which no round says anything, not even why."""


class Trust(StrEnum):
    """What the value of an estimate is. Values of different trust never stand for each other."""

    MEASURED = "measured"
    SUSPECT = "suspect"  # taken, but something speaks against it: shown with the reason, never compared
    ESTIMATED = "estimated"  # what a rule makes of other readings: in a column of its own, never compared
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number of a cell and how far it can be trusted.

    Attributes:
        metric: Name of the metric.
        unit: Of value, low and high.
        value: `None` where there is none; never 0 for "not known".
        low, high: 95 % interval; both `None` where there is none.
        n: Trials (or readings) behind it.
        rounds: Rounds that they came from.
        method: How value and interval came about, a short phrase.
        why: Why the value or the interval is missing; empty where both are there.
        needs: Trials that the value would take, where there are too few for it.
        doubt: Why the value, though it was taken, may be wrong; empty where nothing speaks against it.
        estimated: Whether the value was not taken at all, but follows from others by a rule (`method`).
    """

    metric: str
    unit: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    rounds: int = 0
    method: str = ""
    why: str = ""
    needs: int | None = None
    doubt: str = ""
    estimated: bool = False

    @property
    def verdict(self) -> Trust:
        """What the value is."""
        if self.value is None:
            return Trust.UNAVAILABLE
        if self.estimated:
            return Trust.ESTIMATED
        return Trust.SUSPECT if self.doubt else Trust.MEASURED

    @property
    def measured(self) -> float | None:
        """The value where it may be compared with others; `None` where it is suspect, estimated or not there."""
        return self.value if self.verdict is Trust.MEASURED else None


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """The trials of one round in the unit of estimates, in the order in which they happened; never empty."""

    round: int
    values: NDArray[np.float64]


class Rejected(Exception):  # noqa: N818  (a verdict about data, answered by an estimate that says why)
    """Some trials or readings cannot be what they claim, so the metric has no estimate."""


def series_of(rounds: Sequence[tuple[int, Samples]]) -> tuple[str, list[Series]]:
    """The unit of estimates, and each round's trials in it. Rounds without a trial are left out.

    Raises:
        Rejected: A trial is zero, negative, infinite or NaN; names the round and the trial.
    """
    series = []
    unit = ""
    for number, samples in rounds:
        per_unit, unit = _STORED_UNITS.get(samples.unit, (1.0, samples.unit))
        bad = validate_trials(samples.values)
        if bad is not None:
            raise Rejected(f"round {number}: {bad}")
        if samples.values.size:
            series.append(Series(number, samples.values / per_unit))
    return unit, series


def medians(rounds: Sequence[Series]) -> NDArray[np.float64]:
    """The median of each round."""
    return np.array([float(np.median(series.values)) for series in rounds])


def typical(metric: str, unit: str, rounds: Sequence[Series]) -> Estimate:
    """The median: geometric mean of the rounds' medians, with an interval across rounds.

    With fewer than 3 rounds the spread between processes is not known: the interval is then that within the round (of
    two rounds, from the lower low to the higher high), and `method` says so.

    Args:
        metric: Name of the estimate.
        unit: Of the series.
        rounds: At least one.
    """
    blank = Estimate(metric, unit)
    return _of_rounds(blank, rounds, medians(rounds), "median", lambda series: within_round(series.values))


def tail(metric: str, unit: str, rounds: Sequence[Series], q: float) -> Estimate:
    """A quantile far from the middle, guarded by the number of trials.

    Where every round supports it: the geometric mean of the rounds' quantiles, with an interval across rounds (3 or
    more) or within them. Where only all rounds together support it: the order statistic of the pooled trials without an
    interval, since pooled trials do not know the spread between processes. Otherwise: how many trials it needs.

    Args:
        metric: Name of the estimate.
        unit: Of the series.
        rounds: At least one.
        q: 0.9 or more.
    """
    quantiles = [percentile(series.values, q) for series in rounds]
    supported = [quantile.value for quantile in quantiles if isinstance(quantile, Quantile)]
    if len(supported) < len(rounds):
        return _pooled_tail(metric, unit, rounds, q)
    blank, what = Estimate(metric, unit), f"p{100 * q:g}"
    return _of_rounds(blank, rounds, np.array(supported), what, lambda series: _tail_within(series.values, q))


def largest(metric: str, unit: str, rounds: Sequence[Series]) -> Estimate:
    """The largest trial of all rounds. It has no interval: a longer run will find a larger one."""
    n = _trials(rounds)
    return Estimate(
        metric,
        unit,
        value=max(float(series.values.max()) for series in rounds),
        n=n,
        rounds=len(rounds),
        method=f"largest of {n} trials",
        why="no interval: a maximum grows with the number of trials",
    )


def single_values(metric: str, unit: str, values: NDArray[np.float64]) -> Estimate:
    """A metric with one value a round: the geometric mean, with an interval across rounds.

    Where a value is 0, which has no logarithm: the median, without an interval.

    Args:
        metric: Name of the estimate.
        unit: Of the values.
        values: One per round, at least one; finite, not negative.
    """
    rounds = len(values)
    if (values == 0).any():
        middle = Estimate(metric, unit, float(np.median(values)), n=rounds, rounds=rounds)
        return replace(middle, method=f"median of {counted(rounds, 'round')}", why="no interval: a value is 0")
    centre = Estimate(metric, unit, geometric_mean(values), n=rounds, rounds=rounds)
    method = f"geometric mean of {counted(rounds, 'round')}" if rounds > 1 else "one process"
    return _with_interval(centre, across_rounds(values), f"t on {rounds} rounds", method)


def counted(number: int, noun: str) -> str:
    """`1 round`, `3 rounds`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _of_rounds(
    blank: Estimate,
    rounds: Sequence[Series],
    values: NDArray[np.float64],
    what: str,
    within: Callable[[Series], Interval | NoInterval],
) -> Estimate:
    """One value per round, summarised across rounds where there are enough, within them otherwise."""
    count = len(rounds)
    centre = replace(blank, value=geometric_mean(values), n=_trials(rounds), rounds=count)
    alone = f"geometric mean of {count} round {what}s" if count > 1 else f"{what} of one process"
    if count >= LEAST_ROUNDS:
        return _with_interval(centre, across_rounds(values), f"t on {count} round {what}s", alone)
    found = _hull([within(series) for series in rounds])
    processes = "one process" if count == 1 else "two processes"
    return _with_interval(centre, found, f"{processes}, {found.method}" if isinstance(found, Interval) else "", alone)


def _with_interval(centre: Estimate, found: Interval | NoInterval, method: str, without: str) -> Estimate:
    if isinstance(found, NoInterval):
        return replace(centre, method=without, why=f"no interval: {found.why}")
    return replace(centre, low=found.low, high=found.high, method=method)


def _hull(intervals: Sequence[Interval | NoInterval]) -> Interval | NoInterval:
    for interval in intervals:
        if isinstance(interval, NoInterval):
            return interval
    found = [interval for interval in intervals if isinstance(interval, Interval)]
    methods = dict.fromkeys(interval.method for interval in found)
    return Interval(min(i.low for i in found), max(i.high for i in found), " and ".join(methods))


def _tail_within(values: NDArray[np.float64], q: float) -> Interval | NoInterval:
    if not looks_independent(values):
        return NoInterval("order statistics need independent trials, and these depend on their neighbours")
    quantile = percentile(values, q)
    return NoInterval(str(quantile)) if isinstance(quantile, NeedsTrials) else quantile.interval


def _pooled_tail(metric: str, unit: str, rounds: Sequence[Series], q: float) -> Estimate:
    pooled = percentile(np.concatenate([series.values for series in rounds]), q)
    found = Estimate(metric, unit, n=pooled.n, rounds=len(rounds))
    if isinstance(pooled, NeedsTrials):
        return replace(found, why=str(pooled), needs=pooled.needed)
    return replace(
        found,
        value=pooled.value,
        method=f"p{100 * q:g} of {len(rounds)} rounds' pooled trials",
        why=f"no interval: needs {needed_trials(q)} trials in every round",
    )


def _trials(rounds: Sequence[Series]) -> int:
    return sum(series.values.size for series in rounds)
