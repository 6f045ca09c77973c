"""The median of a sum from samples of its parts: medians do not add up.

Half of an operator's calls are slower than its median, some of them much. Of a hundred operators some are always among
the slow ones of theirs, so the median of a model's calls is above the sum of its operators' medians; for one that is a
single operator, both are the same.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_DRAWS = 2000
_MANY = 64
"""Calls of one operator whose sum is drawn from a normal distribution with their mean and variance."""
_SEED = 0


def excess_of_median(parts: Iterable[tuple[Floats, int]]) -> float:
    """How far the median of a sum lies above the sum of the medians, if calls are slow independently of each other.

    Each call's time is drawn from the samples of its operator, and the median of 2,000 sums of such draws is taken.

    Args:
        parts: Samples of an operator, shape (samples,) with one at least, and how often it is called.

    Returns:
        In the unit of the samples; 0 without parts.
    """
    dice = np.random.default_rng(_SEED)
    sums = np.zeros(_DRAWS)
    for samples, calls in parts:
        beyond = samples - np.median(samples)
        if calls > _MANY:
            sums += dice.normal(calls * beyond.mean(), np.sqrt(calls) * beyond.std(), _DRAWS)
        else:
            sums += dice.choice(beyond, (calls, _DRAWS)).sum(axis=0)
    return float(np.median(sums))
