"""Are the trials of a round independent of each other? Three questions, one answer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.stats.autocorrelation import ljung_box
from stopwatt.stats.bursts import bunched_p
from stopwatt.stats.fences import upper_fence
from stopwatt.stats.steady import block_medians
from stopwatt.stats.trend import mann_kendall

MOST_TRIALS = 2**20
MOST_VALUES = 1000


@dataclass(frozen=True, slots=True)
class Battery:
    """p-values of "the trials are independent", each against another way of not being so.

    Attributes:
        neighbours_p: Against neighbours that resemble each other (Ljung-Box on ranks).
        outliers_p: Against outliers that come together (`bursts.bunched_p`).
        trend_p: Against a trend (Mann-Kendall, on at most 1,000 medians of blocks).
    """

    neighbours_p: float
    outliers_p: float
    trend_p: float

    @property
    def p(self) -> float:
        """The smallest, adjusted for there being three (Bonferroni)."""
        return min(1.0, 3 * min(self.neighbours_p, self.outliers_p, self.trend_p))


def battery(values: NDArray[Any]) -> Battery:
    """Ask the three questions.

    Args:
        values: Positive and finite, in the order in which they happened, at least one. Of more than 1,048,576 trials
            the neighbours and the outliers are looked at in the middle ones: how neighbours depend on each other shows
            in any stretch.
    """
    spare = max(0, values.size - MOST_TRIALS) // 2
    stretch = values[spare : spare + MOST_TRIALS]
    return Battery(
        neighbours_p=ljung_box(stretch),
        outliers_p=bunched_p([np.asarray(stretch > upper_fence(stretch))]),
        trend_p=mann_kendall(block_medians(values, MOST_VALUES)).p,
    )
