"""The cost of batch along every line of batch sizes: fixed and marginal cost, knee, sweet spot."""

from dataclasses import dataclass

import numpy as np

from stopwatt.analyse.grid import Grid, Line
from stopwatt.analyse.growth import Ladder, ladders_of
from stopwatt.analyse.steps import PAIR, UNKNOWN_NOISES, Noises
from stopwatt.stats.batching import best_batch, best_within, fit_additive, knee
from stopwatt.stats.noise import Noise, weigh


@dataclass(frozen=True, slots=True)
class BatchCost:
    """Latency = fixed + marginal * batch along one line of batch sizes.

    Attributes:
        fixed_s, marginal_s: Seconds a call, and a sample.
        fixed_low, fixed_high, marginal_low, marginal_high: 95 % intervals; `None` where there are none.
        error: Largest relative residual of the model: where it is large the model does not describe the line.
        best: Batch with the most samples/s.
        knee: Smallest batch with at least 90 % of the most samples/s: the sweet spot.
        within: Batch with the most samples/s whose latency stays below the bound asked for; `None` without a bound, or
            where no batch does.
        smallest: Smallest batch of the line: what gain and cost refer to.
        gain: Samples/s of the knee / samples/s of the smallest batch, one call at a time.
        gain_low, gain_high: 95 % interval; `None` where there is none.
        cost: Latency of the knee / latency of the smallest batch.
        metric: Which latency.
    """

    line: Line
    fixed_s: float
    marginal_s: float
    fixed_low: float | None
    fixed_high: float | None
    marginal_low: float | None
    marginal_high: float | None
    error: float
    best: int
    knee: int
    within: int | None = None
    smallest: int = 1
    gain: float = 1.0
    gain_low: float | None = None
    gain_high: float | None = None
    cost: float = 1.0
    metric: str = "latency"


def batch_costs_of(grid: Grid, noises: Noises = UNKNOWN_NOISES, within_s: float | None = None) -> tuple[BatchCost, ...]:
    """The cost of batch along every line of batch sizes; none where other sizes change together with the batch.

    Args:
        grid: Of any shape.
        noises: How much a cell differs between rounds.
        within_s: Longest latency that is of use, seconds.
    """
    axis = grid.axis("batch")
    if axis is None or not axis.numeric or grid.tied(axis):
        return ()
    return tuple(
        _cost(ladder, noises.of(line.points[0].where), within_s)
        for line in grid.lines(axis)
        for ladder in ladders_of(line)
    )


def _cost(ladder: Ladder, noise: Noise, within_s: float | None) -> BatchCost:
    batches, levels = ladder.sizes, ladder.levels
    model = fit_additive(batches, levels, ladder.rounds)
    at = knee(batches, levels)
    gain = float(batches[at] / batches[0] * levels[0] / levels[at])
    low, high = _gain_interval(ladder, at, noise)
    within = None if within_s is None else best_within(batches, levels, within_s)
    return BatchCost(
        ladder.line,
        model.fixed.value,
        model.marginal.value,
        model.fixed.low,
        model.fixed.high,
        model.marginal.low,
        model.marginal.high,
        model.error,
        best=int(batches[best_batch(batches, levels)]),
        knee=int(batches[at]),
        within=None if within is None else int(batches[within]),
        smallest=int(batches[0]),
        gain=gain,
        gain_low=low,
        gain_high=high,
        cost=float(levels[at] / levels[0]),
        metric=ladder.metric,
    )


def _gain_interval(ladder: Ladder, at: int, noise: Noise) -> tuple[float | None, float | None]:
    if not at:
        return None, None
    logs = ladder.logs
    evidence = weigh(logs[:, 0] - logs[:, at], noise, PAIR)
    if evidence is None:
        return None, None
    more = ladder.sizes[at] / ladder.sizes[0]
    low, high = (float(more * np.exp(end)) for end in evidence.interval())
    return low, high
