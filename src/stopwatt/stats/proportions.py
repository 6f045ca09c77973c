"""Shares of independent samples, and the difference of two shares of the same samples."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from stopwatt.stats.quantiles import CONFIDENCE


def wilson(count: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Two-sided score interval of a share (Wilson 1927): it never leaves 0 to 1, and has a width at 0 and 1 too.

    Args:
        count: Samples of which it holds.
        n: Samples, at least one.
        confidence: Of the interval.
    """
    z = float(ndtri((1 + confidence) / 2))
    share, weight = count / n, 1 + z**2 / n
    middle = (share + z**2 / (2 * n)) / weight
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / weight
    return (0.0 if count == 0 else middle - half), (1.0 if count == n else middle + half)


def paired_loss(base: NDArray[Any], other: NDArray[Any], confidence: float = CONFIDENCE) -> tuple[float, float, float]:
    """By how much the share of ones is smaller than that of the same samples before, and its two-sided interval.

    Only samples that changed tell anything, as in McNemar's test (1947). The interval is Wald's with one sample added
    to either kind of change (Bonett & Price 2012): it holds its level for few samples and few changes, none included.

    Args:
        base: 0 or 1 for each sample, before.
        other: The same samples in the same order, after.
        confidence: Of the interval.

    Raises:
        ValueError: They are not as many.
    """
    if base.shape != other.shape or not base.size:
        raise ValueError(f"{base.size} samples do not pair with {other.size}")
    n = int(base.size)
    lost, won = (int(np.count_nonzero((one == 1) & (two == 0))) for one, two in ((base, other), (other, base)))
    away, towards = (lost + 1) / (n + 2), (won + 1) / (n + 2)
    half = float(ndtri((1 + confidence) / 2)) * math.sqrt((away + towards - (away - towards) ** 2) / (n + 2))
    middle = away - towards
    return (lost - won) / n, max(-1.0, middle - half), min(1.0, middle + half)
