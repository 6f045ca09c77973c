"""What a batch costs: a fixed part for each call and a marginal part for each sample, and which size pays."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from stopwatt.stats.intervals import LEAST_ROUNDS, SAME
from stopwatt.stats.quantiles import CONFIDENCE

KNEE = 0.9
"""Share of the most samples/s from which on a batch is large enough."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the cost, seconds, with its 95 % interval; `None` for both ends where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Additive:
    """latency = fixed + marginal * batch.

    Attributes:
        error: Largest relative deviation of the model from a latency; 0 for two batches, which cannot contradict it.
    """

    fixed: Part
    marginal: Part
    error: float


def fit_additive(
    batches: NDArray[Any], levels: NDArray[Any], rounds: NDArray[Any] | None = None, confidence: float = CONFIDENCE
) -> Additive:
    """Fit the additive model by least squares of the relative deviation, so that small batches count as large ones.

    The intervals are t-intervals over the fits of single rounds (3 or more): the rounds' machine states are in them.

    Args:
        batches: [points], at least two different sizes.
        levels: Latency of each [points], seconds, above 0.
        rounds: The same in each round [rounds, points]; `None` where there are none.
        confidence: Of the two-sided intervals.
    """
    fixed, marginal = _fit(batches, levels)
    parts = [Part(fixed), Part(marginal)]
    if rounds is not None and len(rounds) >= LEAST_ROUNDS:
        fits = np.array([_fit(batches, level) for level in rounds])
        parts = [_with_interval(part, column, confidence) for part, column in zip(parts, fits.T, strict=True)]
    error = float(np.abs((fixed + marginal * batches) / levels - 1).max()) if batches.size > 2 else 0.0  # noqa: PLR2004
    return Additive(parts[0], parts[1], error)


def _fit(batches: NDArray[Any], levels: NDArray[Any]) -> tuple[float, float]:
    design = np.stack([1 / levels, batches / levels], axis=1)
    fixed, marginal = np.linalg.lstsq(design, np.ones_like(levels), rcond=None)[0]
    return float(fixed), float(marginal)


def _with_interval(part: Part, values: NDArray[np.float64], confidence: float) -> Part:
    """Around the fit of all rounds together, which the mean of the single fits comes close to."""
    count = int(values.size)
    half = float(stdtrit(count - 1, (1 + confidence) / 2)) * float(values.std(ddof=1)) / math.sqrt(count)
    if half <= SAME * float(np.abs(values).max()):
        return part
    return Part(part.value, part.value - half, part.value + half)


def best_batch(batches: NDArray[Any], levels: NDArray[Any]) -> int:
    """Index of the batch with the most samples/s; the smallest of several."""
    return int((batches / levels).argmax())


def knee(batches: NDArray[Any], levels: NDArray[Any]) -> int:
    """Index of the smallest batch with at least 90 % of the most samples/s.

    Args:
        batches: [points], rising.
        levels: Latency of each [points], above 0.
    """
    rates = batches / levels
    return int((rates >= KNEE * rates.max()).argmax())


def best_within(batches: NDArray[Any], levels: NDArray[Any], bound: float) -> int | None:
    """Index of the batch with the most samples/s among those with a latency up to a bound; `None` if there is none."""
    rates = np.where(levels <= bound, batches / levels, -np.inf)
    return int(rates.argmax()) if np.isfinite(rates.max()) else None
