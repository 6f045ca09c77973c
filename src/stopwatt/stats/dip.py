"""Hartigan's dip: how far a sample is from the nearest distribution with a single mode.

J. A. Hartigan & P. M. Hartigan, The dip test of unimodality, Ann. Statist. 13 (1985) 70-84; the search for the modal
interval follows P. M. Hartigan, Algorithm AS 217, Appl. Statist. 34 (1985) 320-325. The convex minorants and concave
majorants that it needs are isotonic regressions of the slopes between neighbouring values (Barlow et al. 1972, theorem
1.1), so that no step is a loop over trials.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

LEAST = 4
LEAST_TESTED = 10

CHANCES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
CRITICAL = {
    10: (0.3088, 0.3763, 0.4133, 0.4418, 0.4768, 0.5070, 0.5284, 0.5575, 0.5733),
    30: (0.3365, 0.4044, 0.4454, 0.4836, 0.5237, 0.5556, 0.5829, 0.6174, 0.6462),
    100: (0.3550, 0.4273, 0.4724, 0.5112, 0.5562, 0.5911, 0.6223, 0.6590, 0.6956),
    300: (0.3644, 0.4403, 0.4862, 0.5266, 0.5732, 0.6072, 0.6401, 0.6793, 0.7175),
    1000: (0.3710, 0.4470, 0.4946, 0.5346, 0.5847, 0.6179, 0.6505, 0.6891, 0.7109),
    3000: (0.3751, 0.4508, 0.4955, 0.5357, 0.5873, 0.6239, 0.6642, 0.7058, 0.7359),
}
"""n -> the values that sqrt(n) x dip of n uniform trials exceeds with each of `CHANCES`: from 20,000 samples each,
drawn by `numpy.random.default_rng(n)`. Beyond n = 3,000 they no longer change."""


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A convex or concave bound of the distribution function at each value, in trials.

    Attributes:
        heights: At each value.
        corners: Indices of the values at which it touches.
    """

    heights: NDArray[np.float64]
    corners: NDArray[np.intp]


def dip(values: NDArray[Any]) -> float:
    """The dip: the largest distance between the distribution function and the nearest unimodal one.

    At least 1 / 2n; 1 / 4 for two points with half of the trials each.

    Args:
        values: Different from each other and rising (`ticks.spread_ticks` makes them so), at least one.
    """
    n = int(values.size)
    first, last, found = 0, n - 1, 1.0
    while last - first >= LEAST - 1:
        window = slice(first, last + 1)
        below = np.arange(first, last + 1, dtype=np.float64)  # the step function just before and just after each value
        upto = below + 1
        convex, concave = _convex(values[window], below), _concave(values[window], upto)
        low, high, apart = _modal_interval(convex, concave)
        if apart <= found:
            break
        left = (upto - convex.heights)[: low + 1].max()
        right = (concave.heights - below)[high:].max()
        found = max(found, float(left), float(right))
        if (low, high) == (0, last - first):
            break
        first, last = first + low, first + high
    return found / (2 * n)


def dip_p(statistic: float, n: int) -> float:
    """p-value of "the distribution has one mode": that of the uniform distribution, the unimodal one hardest to tell.

    Args:
        statistic: The dip.
        n: Number of trials.

    Returns:
        From 0.001, which stands for at most that, to 0.5, which stands for at least that; 1 for fewer than 10 trials.
    """
    if n < LEAST_TESTED:
        return 1.0
    sizes = np.log(list(CRITICAL))
    table = np.array(list(CRITICAL.values()))
    critical = [np.interp(math.log(n), sizes, column) for column in table.T]
    return math.exp(float(np.interp(math.sqrt(n) * statistic, critical, np.log(CHANCES))))


def _modal_interval(convex: _Fit, concave: _Fit) -> tuple[int, int, float]:
    """The corners between which the two bounds lie farthest apart, and how far."""
    gaps = concave.heights - convex.heights
    on_convex = int(convex.corners[gaps[convex.corners].argmax()])
    on_concave = int(concave.corners[gaps[concave.corners].argmax()])
    if gaps[on_convex] >= gaps[on_concave]:
        after = int(np.searchsorted(concave.corners, on_convex))
        return on_convex, int(concave.corners[after]), float(gaps[on_convex])
    before = int(np.searchsorted(convex.corners, on_concave, side="right")) - 1
    return int(convex.corners[before]), on_concave, float(gaps[on_concave])


def _convex(x: NDArray[Any], y: NDArray[np.float64]) -> _Fit:
    """The greatest convex function below the points."""
    lengths = np.diff(x)
    slopes = isotonic_regression(np.diff(y) / lengths, weights=lengths)
    heights = y[0] + np.concatenate([[0.0], np.cumsum(slopes.x * lengths)])
    return _Fit(heights, slopes.blocks)


def _concave(x: NDArray[Any], y: NDArray[np.float64]) -> _Fit:
    """The least concave function above the points."""
    mirrored = _convex(x, -y)
    return _Fit(-mirrored.heights, mirrored.corners)
