"""The shape of a cell's latency: modes, outlier clusters, drift, dependence between trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from stopwatt import units
from stopwatt.analyse.aligned import Aligned, align
from stopwatt.analyse.estimate import Series
from stopwatt.stats.body import BODY, find_body_modes
from stopwatt.stats.bursts import bunched_p, period_of
from stopwatt.stats.drift import find_levels
from stopwatt.stats.fences import HEAVY_P, heavy_tail_p, upper_fence
from stopwatt.stats.independence import battery
from stopwatt.stats.quantiles import RESOLUTION_LIMITED
from stopwatt.stats.shares import share_interval

LEAST_TRIALS = 20
FEW_TICKS = 2.0
"""A body whose middle 90 % span no more ticks than this is hidden by the clock."""


class Form(StrEnum):
    """What kind of distribution a cell's trials have."""

    ONE_MODE = "one mode"
    CLUSTERS = "clusters"  # several, well apart (more than 10 %)
    BODY_MODES = "body modes"  # several within the main cluster, too near to each other to stand alone
    HEAVY_TAIL = "heavy tail"
    RESOLUTION_LIMITED = "resolution-limited"
    TOO_FEW = "too few trials"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One mode of the distribution.

    Attributes:
        centre_s: Median of its trials, seconds.
        ratio: centre / centre of the main cluster.
        count: Trials in it.
        mass: count / all trials.
        mass_low, mass_high: 95 % interval of the mass (`shares.share_interval`): Clopper-Pearson, wider where its
            trials come in bursts or in some rounds more than in others.
        bursty_p: p-value of "its trials are spread over time independently" (`bursts.bunched_p`).
        period: Calls between its trials where they come regularly; `None` where they do not, and for the main one.
    """

    centre_s: float
    ratio: float
    count: int
    mass: float
    mass_low: float
    mass_high: float
    bursty_p: float = 1.0
    period: float | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """Change of the level within a round.

    Attributes:
        round: Which round.
        segments: Segments of constant level (`drift.find_levels`); 1 where only a trend shows.
        trend_p: Mann-Kendall p-value of "no trend".
        change: Median of the last tenth of the trials / median of the first - 1 (`drift.Levels`).
    """

    round: int
    segments: int
    trend_p: float
    change: float


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What the trials of a cell look like.

    Attributes:
        n: Trials of all rounds.
        form: The kind of distribution. Clusters come before body modes, and those before a heavy tail, where a cell has
            several of them.
        clusters: By centre; the main one, which has the most trials, has ratio 1. At least one where n > 0. Every trial
            belongs to one, also a single one far out: to that which is nearest by the density.
        body_modes_s: Centres of the modes within the main cluster, where there are several; empty otherwise.
        outliers: Trials beyond the upper Tukey fence (third quartile + 1.5 interquartile ranges) of their round.
        drifts: One per round in which a change was found.
        independence_p: Smallest p-value of the battery over the rounds, adjusted for their number.
        labels: Round number -> index into `clusters` of each trial, int8 [n], in the order of the trials. Of a round
            that was measured twice (two series of one number): of both, one after the other.
        why: What a reader must know where `form` is not what the eye expects, or nothing could be said.
        levels_s: Main mode of each round as it was measured, seconds, in the order of the rounds. The clusters are
            those of rounds brought to one level; centres are on the geometric mean of the levels.
        between: Standard deviation of the logarithms of the levels: how much processes differ; 0 for one round.
        within: The same of the trials of the main cluster around the level of their round, from its quartiles.
        tick_s: Step of the clock in the trials, seconds; 0 where none shows.
    """

    n: int
    form: Form
    clusters: tuple[Cluster, ...] = ()
    body_modes_s: tuple[float, ...] = ()
    outliers: int = 0
    drifts: tuple[Drift, ...] = ()
    independence_p: float = 1.0
    labels: Mapping[int, NDArray[np.int8]] | None = None
    why: str = ""
    levels_s: tuple[float, ...] = ()
    between: float = 0.0
    within: float = 0.0
    tick_s: float = 0.0


def shape_of(rounds: Sequence[Series], tick_s: float | None = None) -> Shape:
    """What the trials of a cell look like.

    The rounds are brought to one level first, since processes differ (`aligned.align`). Drift, dependence and bursts
    are looked at within each round, modes in all of them together.

    Args:
        rounds: Trials of each round in seconds, positive and finite; may be none.
        tick_s: Step of the clock that measured them, seconds (the fact `clock_tick_ns`); `None` where it is not known.
    """
    rounds = [series for series in rounds if series.values.size]
    n = sum(series.values.size for series in rounds)
    if n == 0:
        return Shape(n=0, form=Form.TOO_FEW, why="no trials")
    if n < LEAST_TRIALS:
        return _of_few(rounds, n)
    aligned = align(rounds, tick_s)
    labels = [aligned.clusters.label(values) for values in aligned.values]
    drifts = _drifts(rounds)
    modes = find_body_modes(aligned.main_values, aligned.clusters.modes[aligned.clusters.main], aligned.tick)
    form = _form(aligned, modes)
    body_modes = modes if form is not Form.RESOLUTION_LIMITED else ()
    return Shape(
        n=n,
        form=form,
        clusters=_clusters(aligned, labels),
        body_modes_s=body_modes,
        outliers=sum(int(np.count_nonzero(one.values > upper_fence(one.values))) for one in rounds),
        drifts=drifts,
        independence_p=min(1.0, len(rounds) * min(battery(series.values).p for series in rounds)),
        labels=_by_round(rounds, labels),
        why=_why(aligned, form, body_modes, drifts),
        levels_s=tuple(aligned.levels.tolist()),
        between=aligned.between,
        within=aligned.within,
        tick_s=aligned.tick,
    )


def _of_few(rounds: Sequence[Series], n: int) -> Shape:
    """One cluster of all that there is."""
    values = np.concatenate([series.values for series in rounds])
    low, high = share_interval([np.ones(n, dtype=np.bool_)])
    return Shape(
        n=n,
        form=Form.TOO_FEW,
        clusters=(Cluster(float(np.median(values)), 1.0, n, 1.0, low, high),),
        labels=_by_round(rounds, [np.zeros(series.values.size, dtype=np.int8) for series in rounds]),
        why=f"needs {LEAST_TRIALS} trials (has {n})",
        levels_s=tuple(float(np.median(series.values)) for series in rounds),
    )


def _clusters(aligned: Aligned, labels: Sequence[NDArray[np.int8]]) -> tuple[Cluster, ...]:
    everywhere = np.concatenate(labels)
    count = len(aligned.clusters.counts)
    centres = [float(np.median(aligned.pooled[everywhere == place])) for place in range(count)]
    main = aligned.clusters.main
    found = []
    for place, centre in enumerate(centres):
        events = [one == place for one in labels]
        low, high = share_interval(events)
        trials = aligned.clusters.counts[place]
        found.append(
            Cluster(
                centre_s=centre,
                ratio=centre / centres[main],
                count=trials,
                mass=trials / aligned.pooled.size,
                mass_low=low,
                mass_high=high,
                bursty_p=bunched_p(events),
                period=None if place == main else period_of(events),
            )
        )
    return tuple(found)


def _by_round(rounds: Sequence[Series], labels: Sequence[NDArray[np.int8]]) -> dict[int, NDArray[np.int8]]:
    found: dict[int, NDArray[np.int8]] = {}
    for series, own in zip(rounds, labels, strict=True):
        before = found.get(series.round)
        found[series.round] = own if before is None else np.concatenate([before, own])
    return found


def _drifts(rounds: Sequence[Series]) -> tuple[Drift, ...]:
    found = []
    for series in rounds:
        levels = find_levels(series.values)
        if levels.changed:
            found.append(Drift(series.round, len(levels.starts), levels.trend_p, levels.change))
    return tuple(found)


def _form(aligned: Aligned, body_modes: Sequence[float]) -> Form:
    if len(aligned.clusters.modes) > 1:
        return Form.CLUSTERS
    low, high = np.quantile(aligned.pooled, [0.05, 0.95])
    if high - low <= FEW_TICKS * aligned.tick * (1 + 1e-9) or np.ptp(aligned.pooled) == 0:
        return Form.RESOLUTION_LIMITED
    if body_modes:
        return Form.BODY_MODES
    return Form.HEAVY_TAIL if _heavy(aligned) else Form.ONE_MODE


def _heavy(aligned: Aligned) -> bool:
    mode = aligned.clusters.modes[aligned.clusters.main]
    return heavy_tail_p(aligned.main_values, least=BODY * mode) < HEAVY_P


def _why(aligned: Aligned, form: Form, body_modes: Sequence[float], drifts: Sequence[Drift]) -> str:
    """What the form alone does not say."""
    said = []
    if form is Form.RESOLUTION_LIMITED:
        ticks = f"the trials lie within {FEW_TICKS:g} ticks of the clock ({units.quantity(aligned.tick, 's')})"
        said.append(ticks if np.ptp(aligned.pooled) else RESOLUTION_LIMITED)
    if form is Form.HEAVY_TAIL:
        said.append("more trials lie far out than of an exponential tail, and they form no cluster")
    elif aligned.clusters.refused:
        said.append("some trials lie apart, but a falling tail explains their places as well as clusters would")
    if body_modes and drifts:
        said.append("the level changes within a round: the modes may be its levels")
    if aligned.between > aligned.within > 0:
        rounds = f"the levels of the rounds differ by {units.percent(aligned.between)} (standard deviation)"
        said.append(f"{rounds}, the trials within a round by {units.percent(aligned.within)}")
    return "; ".join(said)
