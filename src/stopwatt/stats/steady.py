"""Is the warm-up over? Two successive windows that agree and show no trend.

Runs in the measuring process between windows, so it is cheap and imports numpy only.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.stats.trend import mann_kendall
from stopwatt.stats.trials import validate_trials

TOLERANCE = 0.01
TREND_P = 0.01
BLOCKS = 100


@dataclass(frozen=True, slots=True)
class Steadiness:
    """The verdict on two windows.

    Attributes:
        steady: Whether the trials may begin.
        change: Median of the second window / median of the first - 1; `None` where a window has no median.
        trend_p: p-value of "no trend over both windows".
        why: What speaks against; empty where steady.
    """

    steady: bool
    change: float | None
    trend_p: float
    why: str = ""


def windows_agree(
    first: NDArray[Any], second: NDArray[Any], *, tolerance: float = TOLERANCE, trend_p: float = TREND_P
) -> Steadiness:
    """Whether two successive windows of warm-up calls are steady.

    Their medians agree within `tolerance`, and a Mann-Kendall test over both finds no trend at `trend_p`. The test
    assumes independent values, which successive calls are not, and calls any drift significant when n is large enough:
    so a window longer than 100 calls enters it as the medians of 100 blocks of equal length.

    Args:
        first: Durations of the calls in the order in which they happened, in any one unit.
        second: The same of the window that followed.
        tolerance: Largest relative change of the median.
        trend_p: A trend counts when its p-value is at most this.
    """
    for name, window in (("first", first), ("second", second)):
        bad = validate_trials(window)
        if window.size == 0 or bad is not None:
            return Steadiness(steady=False, change=None, trend_p=1.0, why=f"{name} window: {bad or 'no calls'}")
    change = float(np.median(second) / np.median(first)) - 1
    p = mann_kendall(np.concatenate([block_medians(first), block_medians(second)])).p
    against = []
    if abs(change) > tolerance:
        against.append(f"the median changed by {change:+.1%} (more than {tolerance:.1%})")
    if p <= trend_p:
        against.append(f"the calls show a trend (Mann-Kendall p = {p:.2g})")
    return Steadiness(steady=not against, change=change, trend_p=p, why=" and ".join(against))


def block_medians(values: NDArray[Any], blocks: int = BLOCKS) -> NDArray[np.float64]:
    """Medians of `blocks` successive blocks of equal length; the values themselves where there are no more than that.

    What is left over at the beginning, less than one value per block, is not used.
    """
    length = int(values.size) // blocks
    if length <= 1:
        return values.astype(np.float64)
    medians: NDArray[np.float64] = np.median(values[-blocks * length :].reshape(blocks, length), axis=1)
    return medians
