"""Energy counters as a poller sees them.

A counter of energy does not flow: it is brought up to date in ticks, 1 to 100 ms apart, and stands still in between. A
poller sees each new value up to one poll after its tick. Between two arbitrary moments such a counter errs by a part of
a tick at either end. At its ticks it is right, and the slope of the straight line through all ticks of a window is a
mean power in which the middle of the window weighs most and its ends nothing: a load that comes and goes within a
window then makes next to no difference, wherever in its cycle the window begins.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from stopwatt.stats.quantiles import CONFIDENCE

Floats = NDArray[np.float64]

LEAST_TICKS = 3
"""A slope needs two, a residual one more."""
FASTEST_WRAP = 2.0
"""A wrap may stand for at most this multiple of the fastest step seen elsewhere; what is faster was a reset."""
_MICRO = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Counter:
    """A counter, laid out without its wraps.

    Attributes:
        seconds: When each tick was first seen, rising, shape (n,).
        joules: What the counter had risen to then, rising, shape (n,).
        resets: When it fell back without a wrap; what lies on both sides of one has nothing in common.
    """

    seconds: Floats
    joules: Floats
    resets: Floats

    def between(self, begin: float, end: float) -> "Counter":
        """Its ticks and resets in a time, both ends included."""
        inside = (self.seconds >= begin) & (self.seconds <= end)
        broken = (self.resets >= begin) & (self.resets <= end)
        return Counter(self.seconds[inside], self.joules[inside], self.resets[broken])


@dataclass(frozen=True, slots=True)
class Slope:
    """Mean power, from a line through ticks.

    Attributes:
        watts: The slope.
        se: Its standard error.
        low, high: Its interval.
        ticks: Through which the line goes.
    """

    watts: float
    se: float
    low: float
    high: float
    ticks: int


def count(seconds: NDArray[Any], joules: NDArray[Any], wraps: float | None = None) -> Counter:
    """The ticks of a counter that may wrap.

    A fall is a wrap where the counter is known to wrap and the energy that this means could have been used in that
    time: no more than twice as fast as the fastest of all other steps. Every other fall is a reset.

    Args:
        seconds: When it was read, rising, shape (n,).
        joules: What it said, finite, shape (n,).
        wraps: What it holds at most.
    """
    steps, waits = np.diff(joules), np.diff(seconds)
    falls = steps < 0
    if falls.any() and wraps is not None:
        around = steps[falls] + wraps
        possible = (around >= 0) & (around <= FASTEST_WRAP * _fastest(steps, waits) * _at_least(waits, steps)[falls])
        steps[falls] = np.where(possible, around, steps[falls])
    resets, changed = seconds[1:][steps < 0], np.diff(joules) != 0
    risen = joules[:1] + np.cumsum(np.maximum(steps, 0.0))
    return Counter(seconds[1:][changed], risen[changed], resets)


def _fastest(steps: Floats, waits: Floats) -> float:
    """Of the steps up, joules a second; a tick that was seen late makes the next one look fast, so waits are filled."""
    up = steps > 0
    return float((steps[up] / _at_least(waits, steps)[up]).max()) if up.any() else 0.0


def _at_least(waits: Floats, steps: Floats) -> Floats:
    """The waits, but none shorter than the usual time between two ticks."""
    at = np.cumsum(waits)[steps != 0]
    usual = float(np.median(np.diff(at))) if at.size > 1 else 0.0
    return np.maximum(waits, usual)


def slope(counter: Counter, poll_s: float, confidence: float = CONFIDENCE) -> Slope:
    """The least-squares line through the ticks of a counter.

    What is left over of a line is not independent where the load comes and goes: the standard error is that of Newey &
    West (1987), who weigh the covariances of neighbours with falling weights, with the degrees of freedom that so few
    values have. It is never less than what the poller alone makes (a tick was seen up to `poll_s` late, evenly).

    Args:
        counter: Ticks of one window, without a reset.
        poll_s: Time between two readings of the counter.
        confidence: Of the two-sided interval.

    Raises:
        ValueError: Fewer than 3 ticks, or all at one time.
    """
    n = counter.seconds.size
    if n < LEAST_TICKS:
        raise ValueError(f"a slope needs {LEAST_TICKS} ticks (has {n})")
    at = counter.seconds - counter.seconds.mean()
    spread = float(at @ at)
    if spread <= 0:
        raise ValueError("all ticks at one time")
    joules = counter.joules - counter.joules.mean()
    watts = float(at @ joules) / spread
    left = joules - watts * at
    lags = _lags(n)
    polling = abs(watts) * poll_s / math.sqrt(12 * spread)
    se = max(math.sqrt(_long_run(at * left, lags) * n / (n - 2)) / spread, polling)
    half = float(stdtrit(max(1, n // (lags + 1)), (1 + confidence) / 2)) * se
    return Slope(watts, se, watts - half, watts + half, int(n))


def _lags(n: int) -> int:
    """Neighbours that are looked at (Newey & West 1994: the fourth of n/100 to the power 2/9)."""
    return min(n - 2, max(1, int(4 * math.pow(n / 100, 2 / 9))))


def _long_run(values: Floats, lags: int) -> float:
    """Variance of the sum of correlated values, with Bartlett's weights (never negative)."""
    total = float(values @ values)
    for lag in range(1, lags + 1):
        total += 2 * (1 - lag / (lags + 1)) * float(values[lag:] @ values[:-lag])
    return total if total > 0 else 0.0


def rates(counter: Counter, ticks: int) -> Floats:
    """Mean power over each so many ticks in a row, all of them if there are fewer; at least 2 ticks, no reset.

    A tick that was seen late would make the next one look fast: no wait counts less than the usual one.
    """
    apart = min(ticks, counter.seconds.size - 1)
    waits = counter.seconds[apart:] - counter.seconds[:-apart]
    found: Floats = (counter.joules[apart:] - counter.joules[:-apart]) / np.maximum(waits, float(np.median(waits)))
    return found


def unevenness(counter: Counter) -> float:
    """How far the slope of the line may be from the mean power, relative to it, where the power changed in the window.

    A straight line and a curve that follows what changes slowly say the same mean power of an even load; a step of the
    load within the window sets them apart. In Legendre polynomials only the odd ones differ between both ends, so that
    it is the third coefficient, or the third and the fifth, to all of them.

    Args:
        counter: At least 7 ticks of one window, without a reset.

    Returns:
        The larger of the two; infinite where the counter did not rise.
    """
    at = counter.seconds - counter.seconds[0]
    place = 2 * at / at[-1] - 1
    off = [
        float(found[3::2].sum() / found[1::2].sum()) if found[1::2].sum() > 0 else math.inf
        for found in (np.polynomial.legendre.legfit(place, counter.joules, degree) for degree in (3, 5))
    ]
    return max(off, key=abs)


def quantum(joules: NDArray[Any]) -> float:
    """The step in which a counter counts, in joules: the greatest one of which all differences are multiples.

    Looked for in whole microjoules; 0 where the counter never moved.
    """
    micro = np.rint(np.diff(joules) * _MICRO).astype(np.int64)
    return int(np.gcd.reduce(np.abs(micro))) / _MICRO if micro.size else 0.0


def mean_over(seconds: NDArray[Any], values: NDArray[Any], begin: float, end: float) -> float | None:
    """Mean of a field over a time, each reading weighed by the time for which it is the nearest.

    Args:
        seconds: When it was read, rising, shape (n,).
        values: What it said, finite, shape (n,).
        begin: When the time begins, on the same clock.
        end: When it ends.

    Returns:
        `None` without a reading inside.
    """
    inside = (seconds >= begin) & (seconds <= end)
    if not inside.any():
        return None
    at = seconds[inside]
    edges = np.concatenate([[begin], (at[1:] + at[:-1]) / 2, [end]])
    weights = np.diff(edges)
    if weights.sum() <= 0:
        return float(values[inside].mean())
    return float(np.average(values[inside], weights=weights))


def rise_time(
    seconds: NDArray[Any], values: NDArray[Any], step: float, *, before_s: float = 1.0, level: float = 0.9
) -> float | None:
    """How long a field takes to follow a step of the load: until it has gone most of the way and stays there.

    Args:
        seconds: When it was read, rising, shape (n,).
        values: What it said, finite, shape (n,); the last quarter of those after the step is where it settles.
        step: When the load changed.
        before_s: So long before the step the field is taken for the level from which it starts.
        level: Part of the way.

    Returns:
        Seconds; `None` where there is nothing on one side of the step, or where the field hardly moved (10 %).
    """
    before = values[(seconds >= step - before_s) & (seconds < step)]
    after = seconds >= step
    if before.size == 0 or np.count_nonzero(after) < 4:  # noqa: PLR2004  (a quarter of it is one reading)
        return None
    at, then = seconds[after], values[after]
    start, settled = float(np.median(before)), float(np.median(then[-(then.size // 4) :]))
    if abs(settled - start) <= 0.1 * max(abs(settled), abs(start)):
        return None
    short = np.flatnonzero((then - start) / (settled - start) < level)
    short = short[short < then.size - then.size // 4]
    first = int(short[-1]) + 1 if short.size else 0
    return float(at[first] - step)
