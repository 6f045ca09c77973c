"""How latency grows along a line of sizes: exponents, gradual bends, kinks.

A power law, latency ~ size ** exponent, is a straight line in the logarithms. Every figure here is a sum of the
logarithms of the points' latencies, each with its weight, taken in every round by itself: what the points of a round
have in common (the state of the machine) falls out, and the spread of the sum over the rounds judges it
(`noise.weigh`), whatever the single points' spreads are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from stopwatt.stats.noise import UNKNOWN, Evidence, Noise, weigh
from stopwatt.stats.quantiles import CONFIDENCE

LEAST_POINTS = 3
MOST_KINKS = 3
CHANGE = 0.1
"""Change of the exponent below which there is no kink, however well it is known."""
TOLERANCE = 0.02
"""Relative deviation up to which a law describes a latency: the margin of a verdict."""
_EXPONENTS = np.concatenate([np.linspace(-1, -0.1, 19), np.linspace(0.1, 3, 59)])

Weights = NDArray[np.float64]
Judge = Callable[[NDArray[np.float64]], Sequence[tuple[float, float]]]
"""Of a design [points, columns]: value and two-sided p of every coefficient but the first two."""


@dataclass(frozen=True, slots=True)
class Smooth:
    """A law without a kink that bends: fixed + factor * size ** exponent.

    Attributes:
        error: Largest relative deviation of the law from a point.
    """

    fixed: float
    factor: float
    exponent: float
    error: float


def exponent_weights(sizes: NDArray[Any]) -> Weights:
    """The weights with which the points' logarithms add up to the log-log slope (least squares)."""
    logs = np.log(sizes)
    centred: Weights = logs - logs.mean()
    return centred / float(centred @ centred)


def exponent(sizes: NDArray[Any], levels: NDArray[Any]) -> float:
    """Log-log slope of levels [points] at sizes [points], both above 0."""
    return float(np.log(levels) @ exponent_weights(sizes))


def deviation_from_power_law(sizes: NDArray[Any], levels: NDArray[Any]) -> float:
    """Largest relative deviation of a point from the power law of all."""
    x, y = np.log(sizes), np.log(levels)
    residuals = y - y.mean() - exponent(sizes, levels) * (x - x.mean())
    return float(np.expm1(np.abs(residuals)).max())


def judge_weights(logs: NDArray[Any], weights: Weights, noise: Noise = UNKNOWN) -> Evidence | None:
    """A weighted sum of the points' logarithms [rounds, points], judged by its spread over the rounds."""
    return weigh(logs @ weights, noise, float(np.sqrt(weights @ weights)))


def broken_line(sizes: NDArray[Any], knots: Sequence[int]) -> NDArray[np.float64]:
    """Design [points, 2 + knots] of a continuous line in the logarithms that bends at the points with these indices."""
    x = np.log(sizes)
    columns = [np.ones_like(x), x, *(np.maximum(0, x - x[knot]) for knot in knots)]
    return np.stack(columns, axis=1)


def segment_weights(sizes: NDArray[Any], knots: Sequence[int]) -> list[Weights]:
    """For each segment of `broken_line`, from left to right: the weights that add up to its slope."""
    coefficients = np.linalg.pinv(broken_line(sizes, knots))
    return list(np.cumsum(coefficients[1:], axis=0))


def judge_by_rounds(logs: NDArray[Any], noise: Noise = UNKNOWN) -> Judge:
    """Judges coefficients by how they differ between rounds [rounds, points]."""

    def judge(design: NDArray[np.float64]) -> list[tuple[float, float]]:
        found = []
        for weights in np.linalg.pinv(design)[2:]:
            evidence = judge_weights(logs, weights, noise)
            found.append((float(logs.mean(axis=0) @ weights), 1.0 if evidence is None else evidence.p))
        return found

    return judge


def judge_by_residuals(logs: NDArray[Any]) -> Judge:
    """Judges coefficients by what a law leaves of single logarithms [points], where nothing was measured twice.

    Every kink costs two degrees of freedom: its height and its place, which was searched for.
    """

    def judge(design: NDArray[np.float64]) -> list[tuple[float, float]]:
        inverse = np.linalg.pinv(design)
        fitted = inverse @ logs
        freedom = logs.size - 2 - 2 * (design.shape[1] - 2)
        residuals = logs - design @ fitted
        if freedom < 1:
            return [(float(value), 1.0) for value in fitted[2:]]
        variance = float(residuals @ residuals) / freedom
        errors = np.sqrt(variance * (inverse**2).sum(axis=1))[2:] + np.finfo(float).tiny
        return [
            (float(value), 2 * float(stdtr(freedom, -abs(value) / error)))
            for value, error in zip(fitted[2:], errors, strict=True)
        ]

    return judge


def find_kinks(sizes: NDArray[Any], levels: NDArray[Any], judge: Judge, critical: float) -> tuple[int, ...]:
    """Indices of the points at which the exponent changes: a segmented fit against the power law, forward and back.

    While some knot has a p-value of at most `critical` and changes the exponent by at least 0.1, the one joins with
    which the broken line comes nearest to the points (Friedman 1991 grows his splines so); what a later knot made
    needless leaves again. Since the t-test of one coefficient is the F-test of the fit with it against the fit without
    it, `critical` = 5 % / (all places looked at, in all lines) keeps the risk of any kink in any line that is a power
    law at 5 % (Bonferroni, for the search over unknown places: Andrews 1993 has the exact, less simple bound).

    Args:
        sizes: [points], rising, above 0.
        levels: Typical latency [points], above 0.
        judge: Tells a coefficient from 0.
        critical: Largest p-value of a kink.

    Returns:
        At most three, rising; none for fewer than 3 points.
    """
    knots: tuple[int, ...] = ()
    while len(knots) < min(MOST_KINKS, sizes.size - 2):
        free = [knot for knot in range(1, sizes.size - 1) if knot not in knots]
        judged = {knot: judge(broken_line(sizes, (*knots, knot)))[-1] for knot in free}
        strong = [knot for knot in free if abs(judged[knot][0]) >= CHANGE]
        if not any(judged[knot][1] <= critical for knot in strong):
            break
        nearest = min(strong, key=lambda knot: _left_over(sizes, levels, (*knots, knot)))
        grown = _pruned(sizes, judge, tuple(sorted((*knots, nearest))))
        if len(grown) <= len(knots):
            break
        knots = grown
    return knots


def _left_over(sizes: NDArray[Any], levels: NDArray[Any], knots: tuple[int, ...]) -> float:
    """What the broken line leaves: sum of squares in the logarithm."""
    design, logs = broken_line(sizes, knots), np.log(levels)
    residuals = logs - design @ (np.linalg.pinv(design) @ logs)
    return float(residuals @ residuals)


def _pruned(sizes: NDArray[Any], judge: Judge, knots: tuple[int, ...]) -> tuple[int, ...]:
    judged = judge(broken_line(sizes, knots))
    return tuple(
        knot for knot, (change, p) in zip(knots, judged, strict=True) if p <= 1 - CONFIDENCE and abs(change) >= CHANGE
    )


def fit_smooth(sizes: NDArray[Any], levels: NDArray[Any]) -> Smooth:
    """The law `fixed + factor * size ** exponent` that comes nearest in relative deviation.

    A fixed cost and work that grows as a power: what bends without a kink. For each exponent from -1 to 3 the other two
    follow from linear least squares weighted by 1 / level.

    Args:
        sizes: [points], above 0; at least 3.
        levels: [points], above 0.
    """
    scaled = sizes / sizes.max()  # powers stay within floating-point numbers
    powers = scaled[None, :] ** _EXPONENTS[:, None] / levels
    ones = 1 / levels
    a, b, c = float(ones @ ones), powers @ ones, (powers**2).sum(axis=1)
    right, left = float(ones.sum()), powers.sum(axis=1)
    scale = a * c - b**2
    fixed, factor = (c * right - b * left) / scale, (a * left - b * right) / scale
    residuals = fixed[:, None] * ones + factor[:, None] * powers - 1
    best = int((residuals**2).sum(axis=1).argmin())
    chosen = float(_EXPONENTS[best])
    return Smooth(
        float(fixed[best]),
        float(factor[best]) / float(sizes.max()) ** chosen,
        chosen,
        float(np.abs(residuals[best]).max()),
    )
