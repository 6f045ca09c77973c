"""The worst case: the largest trial first, then how often a deadline was and may be missed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.estimate import Rejected, Series, series_of
from stopwatt.analyse.labels import Label, Watched, counts_of, watch, watch_paced
from stopwatt.records import Measurement, Status
from stopwatt.stats.extreme import ReturnLevel, extrapolate
from stopwatt.stats.tail import SAME, Exceedance, deadline_grid, exceedances, largest_per_interval
from stopwatt.units import interval

INTERVALS = 60
"""Intervals of a round whose largest trials are kept; fewer where they would hold less than five trials each."""
_IN_INTERVAL = 5


@dataclass(frozen=True, slots=True)
class Miss:
    """How often a deadline was missed.

    Attributes:
        deadline_s: In seconds.
        misses: Trials above it.
        n: Trials.
        upper: Upper 95 % bound of the share of misses (Clopper-Pearson, one-sided); > 0 also where none was seen.
        effective_n: Independent trials that the n are worth, because misses cluster in time: the bound is theirs. `n`
            where no clustering shows.
    """

    deadline_s: float
    misses: int
    n: int
    upper: float
    effective_n: float

    @property
    def share(self) -> float:
        """Misses / n."""
        return self.misses / self.n

    @property
    def clustered(self) -> bool:
        """Whether the bound was widened."""
        return self.effective_n < self.n


@dataclass(frozen=True, slots=True, eq=False)
class WorstCase:
    """The tail of one metric of a cell.

    Attributes:
        metric: `latency` (closed loop) or `response` (paced arrivals, from the intended start).
        max_s: Largest trial, seconds.
        n: Trials of all rounds.
        seconds: Time over which they were spread.
        load: The declared background load, empty for none.
        deadlines: Those asked for, rising.
        curve: The same for a grid of deadlines from the median to beyond the maximum, rising.
        intervals_s: Largest trial of each of the equal intervals of time, [rounds][intervals], seconds; NaN where no
            trial began in an interval.
        overruns: Paced cycles whose call was not done when the next one was due; `None` without paced arrivals.
        annex: One sentence on an extreme-value extrapolation, or why there is none.
        woken_late_s: Median and largest lateness with which the process that served paced requests came back from its
            sleeps, in seconds; of the whole series, since a request that queued has no sleep before it.
        longest_call_s: The longest call among the paced requests, without what they waited; `None` without them.
        labelled: How many of the n trials ran under which condition (`analyse.labels`); all of them count. Empty where
            none did, `None` where no instrument was read.
        max_labels: Conditions of the largest trial.
    """

    metric: str
    max_s: float
    n: int
    seconds: float
    load: str = ""
    deadlines: tuple[Miss, ...] = ()
    curve: tuple[Miss, ...] = ()
    intervals_s: tuple[NDArray[np.float64], ...] = ()
    overruns: int | None = None
    annex: str = ""
    woken_late_s: tuple[float, float] | None = None
    longest_call_s: float | None = None
    labelled: Mapping[Label, int] | None = None
    max_labels: tuple[Label, ...] = ()


def worst_of(
    metric: str,
    rounds: Sequence[Series],
    started: Sequence[NDArray[np.float64]],
    deadlines: Sequence[float] = (),
    *,
    load: str = "",
    overruns: int | None = None,
    longest_call_s: float | None = None,
    clusters: int = 1,
) -> WorstCase:
    """The tail of one metric.

    Args:
        metric: `latency` or `response`.
        rounds: Trials of each process in seconds; at least one.
        started: When each of them began (or was due), in seconds after the first of its round; in the same order.
        deadlines: In seconds.
        load: The declared background load.
        overruns: Counted while it was measured.
        longest_call_s: Of paced requests.
        clusters: Modes of the distribution, as far as they are known: several forbid an extrapolation.
    """
    values = [series.values for series in rounds]
    asked = sorted(deadlines)
    found = [_miss(one) for one in exceedances(values, [*asked, *deadline_grid(values)])]
    return WorstCase(
        metric,
        max_s=max(float(one.max()) for one in values),
        n=sum(one.size for one in values),
        seconds=sum(float(starts[-1]) + float(one[-1]) for starts, one in zip(started, values, strict=True)),
        load=load,
        deadlines=tuple(found[: len(asked)]),
        curve=tuple(found[len(asked) :]),
        intervals_s=tuple(_intervals(one, starts) for one, starts in zip(values, started, strict=True)),
        overruns=overruns,
        annex=_annex(values, clusters),
        longest_call_s=longest_call_s,
    )


def worst_cases(
    measurements: Sequence[Measurement], deadlines: Sequence[float] = (), *, clusters: int = 1
) -> tuple[WorstCase, ...]:
    """The tails of a cell: of `latency`, and of `response` where arrivals were paced, without and under load apart.

    Only rounds that are OK count. A metric with a trial that cannot be a duration is left out; the row of the cell
    says so.

    Args:
        measurements: Rounds of one cell.
        deadlines: In seconds.
        clusters: Modes of its latency, as far as they are known.
    """
    parts: dict[tuple[str, str], list[_Part]] = {}
    ok = [one for one in measurements if one.status is Status.OK]
    for one in ok:
        for part in (*_closed_loop(one), *_paced(one)):
            parts.setdefault((part.metric, part.load), []).append(part)
    late = _woken_late(ok)
    cases = [_case(parts[key], deadlines, clusters) for key in sorted(parts)]
    return tuple(replace(case, woken_late_s=late) if case.metric == "response" else case for case in cases)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The trials of one round under one condition.

    Attributes:
        watched: All trials of the metric in this round, of which those here begin at `first`.
    """

    metric: str
    load: str
    series: Series
    started: NDArray[np.float64]
    overruns: int | None = None
    longest_call_s: float | None = None
    watched: Watched | None = None
    first: int = 0

    def labels_at(self, trial: int) -> tuple[Label, ...]:
        """Conditions of one of the trials."""
        seen = self.watched.seen if self.watched is not None else {}
        return tuple(label for label, one in seen.items() if one.flags[self.first + trial])


def _case(parts: Sequence[_Part], deadlines: Sequence[float], clusters: int) -> WorstCase:
    counted = [part.overruns for part in parts if part.overruns is not None]
    calls = [part.longest_call_s for part in parts if part.longest_call_s is not None]
    found = worst_of(
        parts[0].metric,
        [part.series for part in parts],
        [part.started for part in parts],
        deadlines,
        load=parts[0].load,
        overruns=sum(counted) if counted else None,
        longest_call_s=max(calls, default=None),
        clusters=clusters,
    )
    longest = max(parts, key=lambda part: float(part.series.values.max()))
    max_labels = longest.labels_at(int(longest.series.values.argmax()))
    return replace(found, labelled=_labelled(parts), max_labels=max_labels)


def _labelled(parts: Sequence[_Part]) -> dict[Label, int] | None:
    """Over all rounds; `None` where none of them was watched."""
    if not any(part.watched for part in parts):
        return None
    counts = [counts_of(part.watched, part.first, part.first + part.series.values.size) for part in parts]
    return {label: total for label in Label if (total := sum(count.get(label, 0) for count in counts))}


def _closed_loop(one: Measurement) -> Iterator[_Part]:
    series = _seconds(one, "latency")
    if series is None:
        return
    stored = one.samples.get("started")
    begun = series.values.cumsum() - series.values  # without pauses, where a table from elsewhere has no start times
    if stored is not None and stored.values.size == begun.size:
        begun = stored.values / 1e9
    yield _Part("latency", "", series, begun, watched=watch(one))


def _paced(one: Measurement) -> Iterator[_Part]:
    """The trials before the load and those under it."""
    series, paced = _seconds(one, "response"), one.cell.protocol.paced
    if series is None or paced is None:
        return
    n = series.values.size
    load_from = int(one.facts.get("load_from", n))
    late, watched = series.values > paced.period_s * (1 + SAME), watch_paced(one)
    service = one.samples["service"].values if "service" in one.samples else np.empty(0)
    for load, begin, end in (("", 0, load_from), (str(paced.load), load_from, n)):
        if begin < end:
            due = np.arange(end - begin, dtype=np.float64) * paced.period_s
            part, calls = Series(one.round, series.values[begin:end]), service[begin:end]
            longest = float(calls.max()) / 1e9 if calls.size else None
            yield _Part("response", load, part, due, int(late[begin:end].sum()), longest, watched, begin)


def _woken_late(measurements: Sequence[Measurement]) -> tuple[float, float] | None:
    late = [one.samples["wake_late"].values / 1e9 for one in measurements if "wake_late" in one.samples]
    found = np.concatenate(late) if late else np.empty(0)
    return (float(np.median(found)), float(found.max())) if found.size else None


def _seconds(one: Measurement, metric: str) -> Series | None:
    """The trials of a metric; `None` where there is none, or one that cannot be a duration."""
    if metric not in one.samples:
        return None
    try:
        _, series = series_of([(one.round, one.samples[metric])])
    except Rejected:
        return None
    return series[0] if series else None


def _miss(found: Exceedance) -> Miss:
    return Miss(found.level, found.count, found.n, found.upper, found.effective_n)


def _intervals(values: NDArray[np.float64], started: NDArray[np.float64]) -> NDArray[np.float64]:
    return largest_per_interval(values, started, max(1, min(INTERVALS, values.size // _IN_INTERVAL)))


def _annex(values: Sequence[NDArray[np.float64]], clusters: int) -> str:
    found = extrapolate(values, clusters=clusters)
    if not isinstance(found, ReturnLevel):
        return f"no extrapolation: {found.why}"
    between = interval(found.level, found.low, found.high, "s")
    return f"extrapolated, if nothing else can happen: once in {found.once_in:,.0f} trials above {between}"
