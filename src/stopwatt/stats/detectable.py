"""How small a difference can be found, and how many rounds it takes to find one.

A difference is found when the interval of its ratio excludes 1. The probability of that follows from the noncentral
t-distribution with the noncentrality difference / standard error (Johnson, Kotz & Balakrishnan, Continuous Univariate
Distributions 2, 2nd ed. 1995, chapter 31). The minimum detectable effect (Bloom 1995, Evaluation Review 19:547) is the
difference at which it reaches the power that is asked for.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, nctdtrinc, stdtrit

from stopwatt.stats.intervals import LARGEST_LOG, LEAST_ROUNDS, SAME
from stopwatt.stats.quantiles import CONFIDENCE, Interval

POWER = 0.9
MOST_ROUNDS = 1000


@dataclass(frozen=True, slots=True)
class Spread:
    """How much rounds of one setup differ.

    Attributes:
        sd: Standard deviation of the logarithm of a round's value.
        freedom: Degrees of freedom behind it.
    """

    sd: float
    freedom: float

    def interval(self, confidence: float = CONFIDENCE) -> Interval:
        """Of the standard deviation, by chi-squared."""
        tail = (1 - confidence) / 2
        low, high = (self.sd * math.sqrt(self.freedom / chdtri(self.freedom, q)) for q in (tail, 1 - tail))
        return Interval(float(low), float(high), f"chi-squared, {self.freedom:g} degrees of freedom")


def spread_of_pairs(first: NDArray[Any], second: NDArray[Any]) -> Spread | None:
    """The spread of single rounds from pairs of rounds of one and the same setup (an A/A measurement).

    Neighbours in time share the slow changes of the machine, so that these do not count.

    Args:
        first: Positive values, one per pair.
        second: The other of each pair.

    Returns:
        `None` for fewer than 3 pairs, or where pairs do not differ.
    """
    if first.size < LEAST_ROUNDS:
        return None
    logs = np.log(first / second)
    sd = float(logs.std(ddof=1)) / math.sqrt(2)
    return Spread(sd, first.size - 1.0) if sd > SAME else None


def detectable_effect(
    error: float, freedom: float, *, power: float = POWER, confidence: float = CONFIDENCE
) -> float | None:
    """The relative difference (0.018 is 1.8 %) that is found with probability `power`; `None` beyond all measure.

    Args:
        error: Standard error of the logarithm of the ratio.
        freedom: Degrees of freedom of its t-distribution.
        power: Probability of finding it.
        confidence: Of the two-sided interval that has to exclude 1.
    """
    critical = float(stdtrit(freedom, (1 + confidence) / 2))
    effect = error * float(nctdtrinc(freedom, 1 - power, critical))
    return math.expm1(effect) if effect < LARGEST_LOG else None


def effect_of_rounds(spread: float, base: int, other: int, *, power: float = POWER) -> float | None:
    """The smallest difference that two sets of rounds of equal spread find; as `detectable_effect`.

    Args:
        spread: Standard deviation of the logarithm of a round's value.
        base: Rounds of the one, at least 3.
        other: Rounds of the other, at least 3.
        power: Probability of finding it.
    """
    if min(base, other) < LEAST_ROUNDS:
        return None
    return detectable_effect(spread * math.sqrt(1 / base + 1 / other), _usual_freedom(base, other), power=power)


def _usual_freedom(base: int, other: int) -> float:
    """Degrees of freedom that Welch's test finds in rounds of equal spread.

    Satterthwaite's formula has base + other - 2 or fewer of them for the true spreads; for spreads that are estimated
    from n rounds each, their harmonic mean is n / (n + 1) of that, because the two shares of the variance are
    distributed as Beta((n - 1) / 2, (n - 1) / 2).
    """
    parts = (1 / base, 1 / other)
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (base - 1) + parts[1] ** 2 / (other - 1))
    size = 2 / sum(parts)
    return freedom * size / (size + 1)


def effect_of_pairs(spread: float, pairs: int, *, power: float = POWER) -> float | None:
    """The smallest difference that pairs of rounds find; as `detectable_effect`.

    Args:
        spread: Standard deviation of the logarithm of the ratio of a pair.
        pairs: At least 3.
        power: Probability of finding it.
    """
    if pairs < LEAST_ROUNDS:
        return None
    return detectable_effect(spread / math.sqrt(pairs), pairs - 1.0, power=power)


def rounds_to_find(effect: float, smallest: Callable[[int], float | None]) -> int | None:
    """Rounds (or pairs of rounds) that it takes to find a relative difference; `None` for more than 1000.

    Args:
        effect: 0.02 for 2 %.
        smallest: The smallest difference that so many rounds find, such as `effect_of_pairs` of a spread.
    """

    def finds(rounds: int) -> bool:
        found = smallest(rounds)
        return found is not None and found <= effect

    low, high = LEAST_ROUNDS, MOST_ROUNDS
    if not finds(high):
        return None
    while low < high:  # more rounds find smaller differences: bisection
        middle = (low + high) // 2
        low, high = (low, middle) if finds(middle) else (middle + 1, high)
    return low
