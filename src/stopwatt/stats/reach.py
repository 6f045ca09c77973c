"""The largest batch that would fit into memory, where what smaller ones took allows to say so.

Memory is taken to be a fixed part and a part for each sample. The batch at which that line meets the capacity is a
calibration, a value read off a fitted line backwards, with the interval that calibrations have (Draper & Smith, Applied
Regression Analysis, 3rd ed. 1998, section 3.2): it widens with the distance from what was measured.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from stopwatt.stats.quantiles import CONFIDENCE

LEAST_SIZES = 4
"""Batch sizes that it takes: three leave one degree of freedom, with which nothing is told from a curve."""
STRAIGHT = 0.02
"""Largest deviation of a batch's memory from the line, relative to the most that a batch took."""
WIDEST = 0.25
"""Largest half width of the interval, relative to the batch."""
FARTHEST = 8.0
"""Times the largest batch that ran, up to which is told: an allocator may behave differently farther away."""
_BLOCK = 2 * 2**20
"""Bytes in which allocators hand memory out: less than that no line is known."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The batch at which the memory would be full.

    Attributes:
        batch: Whole samples; `None` where it is not told.
        low, high: 95 % interval.
        why: Why it is not told; empty where it is.
    """

    batch: int | None = None
    low: int | None = None
    high: int | None = None
    why: str = ""


def reach(batches: NDArray[Any], taken: NDArray[Any], capacity: float, confidence: float = CONFIDENCE) -> Reach:
    """The batch at which memory would be full, or why that is not told.

    Args:
        batches: [points], rising.
        taken: Peak of the memory of each in bytes [points], above 0.
        capacity: Bytes that there are.
        confidence: Of the two-sided interval.
    """
    sizes = int(batches.size)
    if sizes < LEAST_SIZES:
        return Reach(why=f"memory per sample needs {LEAST_SIZES} batch sizes (has {sizes})")
    middle, spread = float(batches.mean()), float(((batches - batches.mean()) ** 2).sum())
    slope = float(((batches - middle) * taken).sum()) / spread
    left_over = taken - taken.mean() - slope * (batches - middle)
    error = max(math.sqrt(float(left_over @ left_over) / (sizes - 2)), _BLOCK / math.sqrt(12))
    t = float(stdtrit(sizes - 2, (1 + confidence) / 2))
    if slope <= t * error / math.sqrt(spread):
        return Reach(why="memory does not grow measurably with the batch")
    if float(np.abs(left_over).max()) > STRAIGHT * float(taken.max()):
        return Reach(why="memory is no straight line over the batch")
    full = middle + (capacity - float(taken.mean())) / slope
    half = t * error / slope * math.sqrt(1 + 1 / sizes + (full - middle) ** 2 / spread)
    if full > FARTHEST * float(batches[-1]):
        return Reach(why=f"it lies beyond {FARTHEST:g} times the largest batch that ran")
    if half > WIDEST * full:
        return Reach(why="memory per sample is not known well enough")
    return Reach(int(full), max(1, int(full - half)), int(full + half))
