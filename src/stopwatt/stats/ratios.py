"""How much faster is one setup than another, and is that decided?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from stopwatt.stats.intervals import across_rounds, geometric_mean
from stopwatt.stats.quantiles import CONFIDENCE, NoInterval

MARGIN = 0.02


class Verdict(StrEnum):
    """What the interval of a speed-up says against the margin."""

    FASTER = "faster"
    SLOWER = "slower"
    EQUIVALENT = "equivalent"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Ratio:
    """A speed-up: time of the base / time of the other; above 1 the other is faster.

    Attributes:
        value: Geometric mean over the rounds; `None` where there is nothing to compare.
        low, high: Interval; `None` where there is none.
        verdict: `None` where there is nothing to compare.
        rounds: Pairs of rounds compared.
        p: p-value of the verdict's claim, or of the one nearest to being made; `None` where nothing was tested.
        why: Why the value, the interval or a decided verdict is missing.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: Verdict | None = None
    rounds: int = 0
    p: float | None = None
    why: str = ""


def compare_rounds(
    base: NDArray[Any], other: NDArray[Any], *, margin: float = MARGIN, confidence: float = CONFIDENCE
) -> Ratio:
    """Speed-up of `other` over `base` with a t-interval on the logarithms of the ratios of paired rounds.

    Pairing by round removes what both had in common (the hour, the temperature). The verdict is read off the interval:
    faster or slower where all of it lies beyond the margin, equivalent where all of it lies inside, inconclusive
    otherwise. On the faster side the margin ends at 1 + margin, on the slower side at 1 / (1 + margin).

    Args:
        base: Positive times (medians), one per round.
        other: The same of the setup that is compared with it, in the same order of rounds.
        margin: Relative difference that does not matter.
        confidence: Of the two-sided interval.

    Raises:
        ValueError: The two do not pair.
    """
    if base.shape != other.shape:
        raise ValueError(f"{base.size} rounds do not pair with {other.size}")
    rounds = int(base.size)
    if rounds == 0:
        return Ratio(why="no round in common")
    ratios = base / other
    estimate = Ratio(value=geometric_mean(ratios), verdict=Verdict.INCONCLUSIVE, rounds=rounds)
    interval = across_rounds(ratios, confidence)
    if isinstance(interval, NoInterval):
        return replace(estimate, why=f"no interval: {interval.why}")
    logs = np.log(ratios)
    error = float(logs.std(ddof=1)) / math.sqrt(rounds)
    verdict, p = _claim(float(logs.mean()), error, rounds - 1, math.log1p(margin))
    judged = replace(estimate, low=interval.low, high=interval.high, p=p)
    if p <= 1 - confidence:
        return replace(judged, verdict=verdict)
    return replace(judged, why=f"the interval reaches across the margin of {margin:.1%}")


def _claim(centre: float, error: float, freedom: int, bound: float) -> tuple[Verdict, float]:
    """The claim with the strongest evidence, and its p-value.

    Two one-sided t-tests against either end of the margin (Schuirmann 1987 for equivalence); each p-value is doubled,
    so that a claim at p <= 0.05 and the two-sided 95 % interval say the same.
    """
    beyond = float(stdtr(freedom, (bound - centre) / error))
    short = float(stdtr(freedom, (centre + bound) / error))
    p_values = {
        Verdict.FASTER: 2 * beyond,
        Verdict.SLOWER: 2 * short,
        Verdict.EQUIVALENT: 2 * max(1 - beyond, 1 - short),
    }
    verdict = min(p_values, key=lambda claim: p_values[claim])
    return verdict, min(1.0, p_values[verdict])


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for being tested together (Holm 1979), in the order given."""
    family = len(p_values)
    adjusted = [0.0] * family
    running = 0.0
    for step, index in enumerate(sorted(range(family), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (family - step) * p_values[index]))
        adjusted[index] = running
    return adjusted


def judge_family(ratios: Sequence[Ratio], confidence: float = CONFIDENCE) -> list[Ratio]:
    """The same ratios with verdicts that hold together: at most 5 % risk that any one of them is wrong (Holm).

    Intervals stay those of each ratio alone. Ratios that were not tested do not count as members of the family.
    """
    tested = [ratio.p for ratio in ratios if ratio.p is not None]
    adjusted = iter(holm(tested))
    return [ratio if ratio.p is None else _judged(ratio, next(adjusted), len(tested), confidence) for ratio in ratios]


def _judged(ratio: Ratio, p: float, family: int, confidence: float) -> Ratio:
    if p <= 1 - confidence or ratio.verdict is Verdict.INCONCLUSIVE:
        return replace(ratio, p=p)
    why = f"decided alone, but not among {family} comparisons (Holm)"
    return replace(ratio, p=p, verdict=Verdict.INCONCLUSIVE, why=why)
