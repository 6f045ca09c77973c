"""A weighted sum of means, and how sure it is, where some of the means come from the same rounds and others do not."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.stats.intervals import LEAST_ROUNDS, SAME
from stopwatt.stats.noise import Evidence
from stopwatt.stats.quantiles import NoInterval

_LEAST_GROUP = 2


@dataclass(frozen=True, slots=True)
class Contrast:
    """A weighted sum of means.

    Attributes:
        value: The sum itself; `None` where a mean has no round left.
        evidence: On the sum, or why there is none.
        rounds: Of the mean that has the fewest.
    """

    value: float | None
    evidence: Evidence | NoInterval
    rounds: int


def contrast(means: Sequence[Mapping[str, float]], weights: Sequence[float]) -> Contrast:
    """Sum of weight x mean over the rounds.

    What was measured in one round shares what was special about its process, so a round counts as a whole: rounds that
    hold the same of the means are replicates of each other, their contributions to the sum have one variance, and the
    variances of such groups add up. With one group this is the t-test on paired differences, with a group for each mean
    Welch's (1947, Biometrika 34). Degrees of freedom: Satterthwaite (1946, Biometrics Bulletin 2:110). A round that
    is alone in what it holds tells no variance and is left out.

    Args:
        means: Of each, round -> value; equal names are the same round.
        weights: One for each.
    """
    kept, groups = _replicated(means)
    least = min(len(one) for one in kept)
    if not least:
        return Contrast(None, NoInterval("has no rounds that can be compared"), 0)
    scaled = [weight / len(one) for one, weight in zip(kept, weights, strict=True)]
    shares = [_contributions(names, kept, scaled) for names in groups]
    return Contrast(float(sum(share.sum() for share in shares)), _evidence(shares, least), least)


def _replicated(means: Sequence[Mapping[str, float]]) -> tuple[list[dict[str, float]], list[list[str]]]:
    """The means without rounds that are alone in what they hold, and the other rounds in groups that hold the same."""
    groups: dict[tuple[bool, ...], list[str]] = defaultdict(list)
    for name in dict.fromkeys(name for one in means for name in one):
        groups[tuple(name in one for one in means)].append(name)
    kept = [names for names in groups.values() if len(names) >= _LEAST_GROUP]
    names = {name for group in kept for name in group}
    return [{name: value for name, value in one.items() if name in names} for one in means], kept


def _contributions(
    names: Sequence[str], means: Sequence[Mapping[str, float]], scaled: Sequence[float]
) -> NDArray[np.float64]:
    """What each of a group's rounds adds to the sum."""
    pairs = list(zip(means, scaled, strict=True))
    return np.array([sum(weight * one[name] for one, weight in pairs if name in one) for name in names])


def _evidence(shares: Sequence[NDArray[np.float64]], least: int) -> Evidence | NoInterval:
    if least < LEAST_ROUNDS:
        return NoInterval(f"needs {LEAST_ROUNDS} rounds of each (has {least})")
    variances = np.array([share.size * share.var(ddof=1) for share in shares])
    variance = float(variances.sum())
    if variance <= SAME**2:
        return NoInterval("all rounds gave the same value")
    freedom = variance**2 / float((variances**2 / np.array([share.size - 1 for share in shares])).sum())
    return Evidence(float(sum(share.sum() for share in shares)), math.sqrt(variance), freedom)
