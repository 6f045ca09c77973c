"""An extrapolation beyond the longest trial, behind gates. An annex: the counts in `tail` assume nothing of the kind.

Above a high threshold u the excesses of independent trials of one continuous distribution tend to a generalised Pareto
distribution (Balkema & de Haan 1974; Pickands 1975; Coles, An Introduction to Statistical Modeling of Extreme Values,
2001, chapter 4). Fitted to the excesses, it gives the level that is exceeded once in so many trials. Every word of the
assumption can be wrong for latencies, and a fit does not show it: so an extrapolation is made only if the trials pass
all gates, and refused with the reason otherwise.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

from stopwatt.stats.autocorrelation import looks_independent
from stopwatt.stats.pareto import Pareto, fit_pareto
from stopwatt.stats.tail import block_counts, independent_share, longest
from stopwatt.stats.trend import mann_kendall

LEAST_TRIALS = 10_000
HORIZON = 10.0
"""Times as many trials as there are: how far is extrapolated."""
FARTHEST = 100.0
EXCESSES_PER_ROOT = 3.0
"""Excesses that are fitted / sqrt(n): 300 of 10^4 trials, 3000 of 10^6; farther out the limit is nearer."""
GATE_P = 0.01
RESAMPLES = 99
FIT_P = 0.05
HELD_OUT = (30.0, 10.0, 3.0, 1.0)
"""Numbers of exceedances in the other half of the trials that the levels tested there should have."""
LONGEST_RANKED = 2**17
"""Successive trials of a round whose ranks are tested for dependence: enough to see any that matters."""
HALVES = 64
"""Blocks that belong to one half and the other in turn."""


@dataclass(frozen=True, slots=True)
class ReturnLevel:
    """An extrapolation that passed the gates.

    Attributes:
        level: Expected to be exceeded once in `once_in` trials, in the unit of the trials.
        low, high: Profile-likelihood 95 % interval.
        once_in: Number of trials.
        threshold: Above it the distribution was fitted.
        excesses: Trials above it.
        shape: Of the generalised Pareto distribution, 0 or more.
        scale: In the unit of the trials.
    """

    level: float
    low: float
    high: float
    once_in: float
    threshold: float
    excesses: int
    shape: float
    scale: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is extrapolated.

    Attributes:
        gate: Which gate the trials did not pass.
        why: The reason, without a full stop.
    """

    gate: str
    why: str


@dataclass(frozen=True, slots=True)
class _Tail:
    """The longest trials.

    Attributes:
        values: Excesses over `threshold`, in the order in which they happened.
        half: 0 or 1, by the block of time of each.
        n: All trials.
    """

    threshold: float
    values: NDArray[np.float64]
    half: NDArray[np.intp]
    n: int

    def above(self, threshold: float) -> "_Tail":
        """The tail above a higher threshold."""
        kept = self.values > threshold - self.threshold
        return _Tail(threshold, self.values[kept] - (threshold - self.threshold), self.half[kept], self.n)

    def higher(self, excesses: int) -> "_Tail":
        """The tail with fewer excesses."""
        return self.above(self.threshold + float(np.partition(self.values, -excesses - 1)[-excesses - 1]))


def extrapolate(
    rounds: Sequence[NDArray[Any]], *, once_in: float | None = None, clusters: int = 1
) -> ReturnLevel | Refusal:
    """The level that is exceeded once in so many trials, if the trials let one say so.

    Args:
        rounds: Positive trials of each process in the order in which they happened.
        once_in: Number of trials; ten times as many as there are if absent.
        clusters: Modes of the distribution, as far as the caller knows; a mixture is refused.
    """
    n = sum(values.size for values in rounds)
    horizon = HORIZON * n if once_in is None else once_in
    if clusters > 1:
        return Refusal("mixture", f"the trials fall into {clusters} clusters: the longest are those of one of them")
    if n < LEAST_TRIALS:
        return Refusal("trials", f"needs {LEAST_TRIALS} trials (has {n})")
    if not n <= horizon <= FARTHEST * n:
        return Refusal("horizon", f"once in {horizon:.3g} trials does not lie between {n} trials and 100 times as many")
    wide = _tail(rounds, 2 * _excesses(n))
    tail = wide.higher(_excesses(n)) if wide.values.size > _excesses(n) else wide
    fit = fit_pareto(tail.values) if tail.values.size else Pareto(0.0, 1.0)
    gates: tuple[Callable[[], Refusal | None], ...] = (
        lambda: _resolution(tail),
        lambda: _stationarity(rounds, tail),
        lambda: _independence(rounds, tail),
        lambda: _stability(wide, tail, horizon),
        lambda: _goodness(tail, fit),
        lambda: _held_out(tail),
    )
    for gate in gates:
        refusal = gate()
        if refusal is not None:
            return refusal
    found = _return_level(tail, fit, horizon)
    return found if math.isfinite(found.high) else Refusal("interval", "the trials set no upper limit to it")


def _excesses(n: int) -> int:
    return round(EXCESSES_PER_ROOT * math.sqrt(n))


def _tail(rounds: Sequence[NDArray[Any]], count: int) -> _Tail:
    found, where = longest(rounds, count + 1)
    n = sum(values.size for values in rounds)
    threshold = float(found.min())
    kept = found > threshold
    return _Tail(threshold, found[kept] - threshold, where[kept] * HALVES // n % 2, n)


def _resolution(tail: _Tail) -> Refusal | None:
    distinct = len(np.unique(tail.values))
    if distinct > max(tail.values.size, _excesses(tail.n)) / 2:
        return None
    return Refusal("resolution", f"only {distinct} different values among the longest trials: the clock is too coarse")


def _stationarity(rounds: Sequence[NDArray[Any]], tail: _Tail) -> Refusal | None:
    """No trend of the body nor of the tail within a round."""
    for values in rounds:
        middle = float(np.median(values[:: max(1, values.size // LONGEST_RANKED)]))
        counts, _ = block_counts([values], sorted((middle, tail.threshold)), HALVES)
        p = min(mann_kendall(counts[:, 0]).p, mann_kendall(counts[:, 1]).p)
        if p < GATE_P / (2 * len(rounds)):
            return Refusal("stationarity", f"the trials drift (Mann-Kendall p = {p:.1g})")
    return None


def _independence(rounds: Sequence[NDArray[Any]], tail: _Tail) -> Refusal | None:
    counts, trials = block_counts(rounds, [tail.threshold])
    share = independent_share(counts[:, 0], trials)
    if share < 1:
        return Refusal("independence", f"the longest trials come in bursts: {tail.n} are worth {share * tail.n:.0f}")
    if all(looks_independent(values[:LONGEST_RANKED]) for values in rounds):
        return None
    return Refusal("independence", "successive trials depend on each other (Ljung-Box on ranks)")


def _goodness(tail: _Tail, fit: Pareto) -> Refusal | None:
    """Anderson & Darling's statistic against its distribution under the fit, refitted each time."""
    statistic = fit.anderson_darling(tail.values)
    generator = np.random.default_rng(0)
    larger = 0
    for _ in range(RESAMPLES):
        drawn = fit.draw(tail.values.size, generator)
        larger += fit_pareto(drawn).anderson_darling(drawn) >= statistic
    p = (1 + larger) / (1 + RESAMPLES)
    if p > FIT_P:
        return None
    return Refusal("fit", f"the longest trials do not follow a generalised Pareto distribution (p = {p:.2f})")


def _held_out(tail: _Tail) -> Refusal | None:
    """Levels foretold from one half of the blocks of time are exceeded in the other as often as foretold."""
    for here in (0, 1):
        excesses, others = tail.values[tail.half == here], tail.values[tail.half != here]
        if not excesses.size:
            return Refusal("held-out", "the longest trials lie in one half of the time")
        fit = fit_pareto(excesses)
        for expected in HELD_OUT:
            survival = min(1.0, expected / excesses.size)
            seen = int((others > fit.quantile(survival)).sum())
            p = float(bdtrc(seen - 1, tail.n // 2, expected / (tail.n // 2))) if seen else 1.0
            if p < GATE_P / (2 * len(HELD_OUT)):
                what = f"{seen} held-out trials exceed a level that {expected:g} should exceed"
                return Refusal("held-out", what)
    return None


def _stability(wide: _Tail, tail: _Tail, horizon: float) -> Refusal | None:
    """Fits above a lower and a higher threshold foretell the same."""
    middle = _return_level(tail, fit_pareto(tail.values), horizon)
    for other in (wide, tail.higher(tail.values.size // 2)):
        again = _return_level(other, fit_pareto(other.values), horizon)
        if again.low > middle.high or again.high < middle.low or not middle.low <= again.level <= middle.high:
            return Refusal("threshold", "the extrapolation depends on the threshold above which it is fitted")
    return None


def _return_level(tail: _Tail, fit: Pareto, horizon: float) -> ReturnLevel:
    """The level with its profile-likelihood interval (Coles 2001, section 4.3.3)."""
    u = tail.threshold
    expected = horizon * tail.values.size / tail.n
    low, high = fit.return_interval(tail.values, expected)
    level = u + fit.quantile(1 / expected)
    return ReturnLevel(level, u + low, u + high, horizon, u, tail.values.size, fit.shape, fit.scale)
