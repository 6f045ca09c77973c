"""How much faster is one setup than another, and is that decided?

The verdict is read off the interval: `equivalent` where all of it lies within the margin (two one-sided tests,
Schuirmann 1987), otherwise `faster` or `slower` where it excludes 1, otherwise `inconclusive`. An effect that is shown
but does not matter is thus equivalent. A verdict is wrong only where the interval misses the truth, so that for one
ratio alone the risk is that of the interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from numpy.typing import NDArray

from stopwatt.stats.differences import paired_difference, unpaired_difference
from stopwatt.stats.intervals import LARGEST_LOG, geometric_mean
from stopwatt.stats.noise import Evidence
from stopwatt.stats.quantiles import CONFIDENCE, NoInterval

MARGIN = 0.02


class Verdict(StrEnum):
    """What the interval of a speed-up says against no difference and against the margin."""

    FASTER = "faster"
    SLOWER = "slower"
    EQUIVALENT = "equivalent"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Claims:
    """What can be claimed of one ratio, as two-sided p-values: a claim at p <= 0.05 and the 95 % interval agree.

    Attributes:
        different: It is not 1.
        equivalent: It lies within the margin.
        beyond: It lies beyond the margin, on the side where it was seen.
    """

    different: float
    equivalent: float
    beyond: float

    @classmethod
    def of(cls, evidence: Evidence, bound: float) -> Self:
        """The claims that evidence on a logarithm supports; the margin is from `-bound` to `bound`."""
        inside = max(evidence.below(bound), evidence.above(-bound))
        outside = min(evidence.above(bound), evidence.below(-bound))
        return cls(evidence.p, min(1.0, 2 * inside), min(1.0, 2 * outside))


@dataclass(frozen=True, slots=True)
class Ratio:
    """A speed-up: time of the base / time of the other; above 1 the other is faster.

    Attributes:
        value: Geometric mean over the rounds; `None` where there is nothing to compare.
        low, high: Interval; `None` where there is none.
        verdict: Of the other; `None` where there is nothing to compare.
        rounds: Pairs of rounds compared; where rounds do not pair, those of the set that has fewer.
        p: p-value of the verdict's claim, or of the one nearest to being made; `None` where nothing was tested.
        why: Why the value, the interval or a decided verdict is missing.
        claims: What `judge_family` needs; `None` where nothing was tested.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: Verdict | None = None
    rounds: int = 0
    p: float | None = None
    why: str = ""
    claims: Claims | None = None

    def inverted(self) -> Self:
        """Time of the other / time of the base; above 1 the other is slower. The verdict stays that of the other."""
        if self.value is None:
            return self
        turned = replace(self, value=1 / self.value)
        return (
            turned if self.low is None or self.high is None else replace(turned, low=1 / self.high, high=1 / self.low)
        )


def compare_rounds(
    base: NDArray[Any], other: NDArray[Any], *, margin: float = MARGIN, confidence: float = CONFIDENCE
) -> Ratio:
    """Speed-up of `other` over `base` with a t-interval on the logarithms of the ratios of paired rounds.

    Pairing by round removes what both had in common (the hour, the temperature). The margin ends at 1 + margin on the
    faster side, at 1 / (1 + margin) on the slower side.

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
    if base.size == 0:
        return Ratio(why="no round in common")
    value = geometric_mean(base / other)
    return judge(value, paired_difference(base, other), int(base.size), margin=margin, confidence=confidence)


def compare_sets(
    base: NDArray[Any], other: NDArray[Any], *, margin: float = MARGIN, confidence: float = CONFIDENCE
) -> Ratio:
    """Speed-up of `other` over `base` where their rounds have nothing in common: Welch's t on the logarithms.

    Args:
        base: Positive times (medians), one per round.
        other: The same of the setup that is compared with it; the number of rounds may differ.
        margin: Relative difference that does not matter.
        confidence: Of the two-sided interval.
    """
    if not base.size or not other.size:
        return Ratio(why="no round to compare")
    value = geometric_mean(base) / geometric_mean(other)
    rounds = min(int(base.size), int(other.size))
    return judge(value, unpaired_difference(base, other), rounds, margin=margin, confidence=confidence)


def judge(
    value: float,
    evidence: Evidence | NoInterval,
    rounds: int,
    *,
    margin: float = MARGIN,
    confidence: float = CONFIDENCE,
) -> Ratio:
    """The ratio with the interval and the verdict that the evidence on its logarithm supports.

    Args:
        value: The ratio itself.
        evidence: On its logarithm, or why there is none.
        rounds: As `Ratio.rounds`.
        margin: Relative difference that does not matter.
        confidence: Of the two-sided interval.
    """
    estimate = Ratio(value=value, verdict=Verdict.INCONCLUSIVE, rounds=rounds)
    if isinstance(evidence, NoInterval):
        return replace(estimate, why=f"no interval: {evidence.why}")
    low, high = evidence.interval(confidence)
    if max(-low, high) > LARGEST_LOG:
        return replace(estimate, why=f"no interval: the {rounds} rounds differ beyond all measure")
    claims = Claims.of(evidence, math.log1p(margin))
    judged = replace(estimate, low=math.exp(low), high=math.exp(high), claims=claims)
    risk = 1 - confidence
    if claims.equivalent <= risk:
        return replace(judged, verdict=Verdict.EQUIVALENT, p=claims.equivalent)
    if claims.different <= risk:
        return replace(judged, verdict=Verdict.FASTER if evidence.value > 0 else Verdict.SLOWER, p=claims.different)
    why = f"the interval holds 1 and reaches beyond the margin of {margin:.1%}"
    return replace(judged, p=min(claims.equivalent, claims.different), why=why)


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
    """The same ratios with verdicts that hold together: at most 5 % risk that any one of them is wrong.

    Two kinds of claims are tested here. Giving Holm's procedure the p-value of the claim that each ratio makes would
    be wrong: a ratio that leaves the family with one claim true could still have made the other one falsely (a third
    of families of 16 then hold a false verdict, `docs/results/verdicts.md`). Only a ratio that is shown to lie beyond
    the margin can no longer be called equivalent, nor different on the wrong side. So these leave the family step by
    step (Holm 1979), and each of the others is judged by its interval at a risk divided by their number (Bonferroni).
    A family only takes verdicts back: it never turns one into another. Intervals stay those of each ratio alone;
    ratios that were not tested do not count as members.
    """
    risk = 1 - confidence
    gone = holm([ratio.claims.beyond for ratio in ratios if ratio.claims is not None])
    left = max(1, sum(p > risk for p in gone))
    beyond = iter(gone)
    return [
        ratio if ratio.claims is None else _in_family(ratio, next(beyond), left, len(gone), risk) for ratio in ratios
    ]


def _in_family(ratio: Ratio, beyond: float, left: int, family: int, risk: float) -> Ratio:
    """A ratio among others.

    Args:
        ratio: Judged alone.
        beyond: Adjusted p-value of its lying beyond the margin.
        left: Members of the family that are not shown to lie there.
        family: All members.
        risk: That any verdict of the family is wrong.
    """
    p = min(1.0, left * (ratio.p or 0.0))
    if ratio.verdict in {Verdict.FASTER, Verdict.SLOWER}:
        p = min(p, beyond)
    if p <= risk or ratio.verdict is Verdict.INCONCLUSIVE:
        return replace(ratio, p=p)
    why = f"decided alone, but not among {family} comparisons (Holm)"
    return replace(ratio, p=p, verdict=Verdict.INCONCLUSIVE, why=why)
