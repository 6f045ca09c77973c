"""Do the rounds of a cell differ by more than their trials explain?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from stopwatt.stats.intervals import SAME

BLOCKS = 20
LEAST_TRIALS = 5 * BLOCKS


@dataclass(frozen=True, slots=True)
class RoundSpread:
    """How far rounds lie apart.

    Attributes:
        ratio: Largest median of a round / smallest.
        p: p-value of "the rounds differ only as their trials do".
    """

    ratio: float
    p: float


def compare_levels(rounds: Sequence[NDArray[Any]]) -> RoundSpread | None:
    """One-way analysis of variance on the logarithms of the medians of 20 blocks of neighbouring trials per round.

    Blocks instead of trials: their medians are nearly independent although neighbours are not (batch means, Conway
    1963), and outliers hardly move them.

    Args:
        rounds: The positive trials of each, in the order in which they happened.

    Returns:
        `None` with fewer than two rounds of 100 trials, or where no block differs from another of its round.
    """
    usable = [values for values in rounds if values.size >= LEAST_TRIALS]
    if len(usable) < 2:  # noqa: PLR2004
        return None
    blocks = np.log([[np.median(part) for part in np.array_split(values, BLOCKS)] for values in usable])
    medians = [float(np.median(values)) for values in usable]
    count = len(usable)
    within = float(blocks.var(axis=1, ddof=1).mean())
    between = BLOCKS * float(blocks.mean(axis=1).var(ddof=1))
    if within <= SAME**2:
        return None
    p = float(fdtrc(count - 1, count * (BLOCKS - 1), between / within))
    return RoundSpread(max(medians) / min(medians), p)
