"""Does a series rise or fall? The Mann-Kendall test, in O(n log n) and without scipy (warm-up uses it)."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Trend:
    """Result of a Mann-Kendall test.

    Attributes:
        score: Rising pairs minus falling pairs.
        p: Two-sided p-value of "no trend"; 1 where the series is too short or constant to say anything.
    """

    score: int
    p: float


def mann_kendall(values: NDArray[Any]) -> Trend:
    """Mann-Kendall test with correction for ties and for continuity (Mann 1945; Kendall, Rank Correlation Methods).

    Args:
        values: Finite numbers in the order in which they happened. Assumed independent where there is no trend.
    """
    n = int(values.size)
    _, ranks, ties = np.unique(values, return_inverse=True, return_counts=True)
    score = _rising_minus_falling(ranks)
    tied = int((ties * (ties - 1) * (2 * ties + 5)).sum())
    variance = (n * (n - 1) * (2 * n + 5) - tied) / 18
    if variance <= 0:
        return Trend(score=0, p=1.0)
    z = max(0, abs(score) - 1) / math.sqrt(variance)
    return Trend(score=score, p=math.erfc(z / math.sqrt(2)))


def _rising_minus_falling(ranks: NDArray[np.intp]) -> int:
    """Pairs (i < j) with rank i < rank j, minus those with rank i > rank j.

    Two different ranks first differ in one bit. Going from the highest bit to the lowest, ranks that agree in all
    higher bits stand together in their order of time; there, each one-bit forms a rising pair with every zero-bit
    before it, and each zero-bit a falling pair with every one-bit before it. Equal ranks never differ: no pair.
    """
    score = 0
    ordered = ranks
    for bit in reversed(range(int(ranks.max(initial=0)).bit_length())):
        ones = (ordered >> bit) & 1
        _, starts, sizes = np.unique(ordered >> (bit + 1), return_index=True, return_counts=True)
        ones_in_all_before = np.cumsum(ones) - ones
        ones_before = ones_in_all_before - np.repeat(ones_in_all_before[starts], sizes)
        position = np.arange(ordered.size) - np.repeat(starts, sizes)
        score += int(np.where(ones == 1, position - ones_before, -ones_before).sum())
        ordered = ordered[np.argsort(ordered >> bit, kind="stable")]
    return score
