"""The generalised Pareto distribution with a shape of 0 or more: fit, interval and goodness of fit.

A shape below 0 means a finite end point. Distributions like the normal and the lognormal look as if they had one when
they are fitted above thresholds that can be reached, so that what is extrapolated is nearly always too low; an
exponential tail, shape 0, bounds them from above (Abella et al., "Measurement-based worst-case execution time
estimation using the coefficient of variation", ACM TODAES 22(4), 2017). So shapes below 0 are not considered.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import chdtri

from stopwatt.stats.quantiles import CONFIDENCE

LARGEST_SHAPE = 2.0
EXPONENTIAL = 1e-9
"""A shape below this is that of the exponential distribution, as far as floating-point numbers can tell."""
STEP = 1.3
MOST_STEPS = 60


@dataclass(frozen=True, slots=True)
class Pareto:
    """Excesses over a threshold: P(excess > y) = (1 + shape * y / scale) ** (-1 / shape); shape 0 is the exponential.

    Attributes:
        shape: 0 or more.
        scale: In the unit of the excesses.
    """

    shape: float
    scale: float

    def quantile(self, survival: float) -> float:
        """The excess that is exceeded with a probability."""
        if self.shape == 0:
            return -self.scale * math.log(survival)
        return self.scale * math.expm1(-self.shape * math.log(survival)) / self.shape

    def survival(self, excesses: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of more than each excess."""
        if self.shape == 0:
            return np.exp(-excesses / self.scale)
        return np.exp(-np.log1p(self.shape * excesses / self.scale) / self.shape)

    def draw(self, n: int, generator: np.random.Generator) -> NDArray[np.float64]:
        """So many excesses."""
        exponential = generator.standard_exponential(n)
        return self.scale * (exponential if self.shape == 0 else np.expm1(self.shape * exponential) / self.shape)

    def log_likelihood(self, excesses: NDArray[np.float64]) -> float:
        """Of excesses."""
        k = excesses.size
        if self.shape < EXPONENTIAL:
            return -k * math.log(self.scale) - float(excesses.sum()) / self.scale
        return -k * math.log(self.scale) - (1 / self.shape + 1) * float(
            np.log1p(self.shape * excesses / self.scale).sum()
        )

    def anderson_darling(self, excesses: NDArray[np.float64]) -> float:
        """Anderson & Darling's statistic A^2 (1954), which weighs misfits of the tail."""
        k = excesses.size
        survival = np.clip(self.survival(np.sort(excesses)), 1e-300, 1 - 1e-16)
        weights = 2 * np.arange(1, k + 1) - 1
        return float(-k - (weights * (np.log1p(-survival) + np.log(survival[::-1]))).mean())

    def return_interval(self, excesses: NDArray[np.float64], expected: float) -> tuple[float, float]:
        """Profile-likelihood 95 % interval of the level exceeded once (Coles 2001, section 4.3.3).

        Args:
            excesses: Those that the distribution was fitted to.
            expected: Excesses over the threshold among which the level is exceeded once, above 1.

        Returns:
            Its ends; the upper one is infinite where the likelihood sets no bound.
        """
        best = self.quantile(1 / expected)
        least = self.log_likelihood(excesses) - float(chdtri(1, 1 - CONFIDENCE)) / 2

        def lacking(level: float) -> float:
            return least - _profile(excesses, level, math.log(expected))

        return _end(lacking, best, 1 / STEP), _end(lacking, best, STEP)


def fit_pareto(excesses: NDArray[np.float64]) -> Pareto:
    """Maximum likelihood with shape >= 0, as a search over shape / scale (Grimshaw 1993)."""
    mean = float(excesses.mean())

    def shape(ratio: float) -> float:
        return float(np.log1p(ratio * excesses).mean())

    def cost(log_ratio: float) -> float:
        found = shape(math.exp(log_ratio))
        return math.log(found) - log_ratio + found

    best = minimize_scalar(cost, bounds=(math.log(1e-4 / mean), math.log(1e2 / mean)), method="bounded")
    if math.log(mean) <= float(best.fun):  # the exponential fits as well
        return Pareto(0.0, mean)
    ratio = math.exp(float(best.x))
    return Pareto(shape(ratio), shape(ratio) / ratio)


def _end(lacking: Callable[[float], float], best: float, step: float) -> float:
    """Where a function that is below 0 at `best` reaches 0, going outwards by equal factors."""
    inner = best
    for _ in range(MOST_STEPS):
        outer = inner * step
        if lacking(outer) >= 0:
            return float(brentq(lacking, inner, outer, xtol=1e-4 * best))
        inner = outer
    return math.inf if step > 1 else 0.0


def _profile(excesses: NDArray[np.float64], level: float, log_expected: float) -> float:
    """The largest log-likelihood of a distribution with this return level."""

    def cost(shape: float) -> float:
        scale = level / log_expected if shape < EXPONENTIAL else level * shape / math.expm1(shape * log_expected)
        return -Pareto(shape, scale).log_likelihood(excesses)

    inside = minimize_scalar(cost, bounds=(0.0, LARGEST_SHAPE), method="bounded", options={"xatol": 1e-4})
    return -min(float(inside.fun), cost(0.0))
