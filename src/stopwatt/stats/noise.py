"""What a few rounds say about a difference, when many cells together tell how much rounds differ.

Three rounds alone hardly know their own spread: a t-interval on 2 degrees of freedom is four standard errors wide, and
no finding among hundreds could ever hold. But the cells of one grid were measured on one machine by one protocol, so
their spreads are alike; how alike, the spreads themselves tell. Smyth (2004, Linear models and empirical Bayes methods
for assessing differential expression, Stat. Appl. Genet. Mol. Biol. 3:3) combines both: a prior spread with as many
degrees of freedom as the spreads agree to. Here the combined spread is never smaller than the one that was seen, so
that a single disturbed round cannot be smoothed away.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, polygamma, stdtr, stdtrit

from stopwatt.stats.intervals import LEAST_ROUNDS, SAME
from stopwatt.stats.quantiles import CONFIDENCE

LEAST_FAMILY = 10
"""Spreads that it takes to say how alike they are."""
MOST_FREEDOM = 1000.0


@dataclass(frozen=True, slots=True)
class Noise:
    """How much one cell differs between rounds, beyond what all cells of a round have in common.

    Attributes:
        variance: Of the logarithm of a cell's value in one round.
        freedom: Degrees of freedom that this knowledge is worth; 0 for none.
    """

    variance: float = 0.0
    freedom: float = 0.0


UNKNOWN = Noise()


@dataclass(frozen=True, slots=True)
class Evidence:
    """An estimate with what it takes to judge it.

    Attributes:
        value: Mean over the rounds.
        error: Its standard error, above 0.
        freedom: Degrees of freedom of the t-distribution that it is judged by.
    """

    value: float
    error: float
    freedom: float

    @property
    def p(self) -> float:
        """Two-sided p-value of "the true value is 0"."""
        return 2 * float(stdtr(self.freedom, -abs(self.value) / self.error))

    def below(self, bound: float) -> float:
        """One-sided p-value of "the true value is not below the bound"."""
        return float(stdtr(self.freedom, (self.value - bound) / self.error))

    def above(self, bound: float) -> float:
        """One-sided p-value of "the true value is not above the bound"."""
        return float(stdtr(self.freedom, (bound - self.value) / self.error))

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Low and high of the two-sided interval."""
        half = float(stdtrit(self.freedom, (1 + confidence) / 2)) * self.error
        return self.value - half, self.value + half


def fit_noise(variances: Sequence[float], freedoms: Sequence[float]) -> Noise:
    """What spreads say together: the scaled inverse chi-squared prior, by the moments of their logarithms (Smyth 2004).

    Args:
        variances: One per cell or pair of cells, each for the same kind of value.
        freedoms: Degrees of freedom of each.

    Returns:
        `UNKNOWN` for fewer than 10 of them above 0.
    """
    variance, freedom = np.array(variances, dtype=np.float64), np.array(freedoms, dtype=np.float64)
    usable = (variance > SAME**2) & (freedom > 0)
    variance, freedom = variance[usable], freedom[usable]
    count = int(variance.size)
    if count < LEAST_FAMILY:
        return UNKNOWN
    halves = freedom / 2
    logs = np.log(variance) - digamma(halves) + np.log(halves)
    centre = float(logs.mean())
    excess = float(logs.var(ddof=1)) - float(polygamma(1, halves).mean())
    most = min(MOST_FREEDOM, float(freedom.sum()))
    prior = most if excess <= 0 else min(most, 2 * _inverse_trigamma(excess))
    return Noise(math.exp(centre + float(digamma(prior / 2)) - math.log(prior / 2)), prior)


def weigh(values: NDArray[Any], noise: Noise = UNKNOWN, norm: float = 1.0) -> Evidence | None:
    """What one value per round says about their mean.

    Args:
        values: One per round: a sum of the logarithms of several cells' values, each with its weight.
        noise: Of a single cell.
        norm: Square root of the sum of the squared weights: such a sum varies by `norm` times what a cell does.

    Returns:
        `None` for fewer than 3 rounds, or where the rounds do not differ at all.
    """
    rounds = int(values.size)
    if rounds < LEAST_ROUNDS:
        return None
    own, freedom = float(values.var(ddof=1)), rounds - 1.0
    prior = noise.variance * norm**2
    together = (noise.freedom * prior + freedom * own) / (noise.freedom + freedom)
    variance = max(own, together)
    if variance <= (SAME * norm) ** 2:
        return None
    return Evidence(float(values.mean()), math.sqrt(variance / rounds), noise.freedom + freedom)


def _inverse_trigamma(value: float) -> float:
    """The x > 0 at which trigamma is the value: Newton's method on 1 / trigamma, which is nearly a straight line."""
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-9 * x:
            break
    return x
