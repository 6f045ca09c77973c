"""Outliers by Tukey's fences, and whether there are so many far ones that the tail is heavy.

J. W. Tukey, Exploratory Data Analysis (1977), section 2D: values beyond the quartiles by more than 1.5 interquartile
ranges are outside, by more than 3 far out.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

INNER = 1.5
OUTER = 3.0
EXPONENTIAL_FAR_OUT = 0.25 / 27
"""Share of an exponential distribution beyond its upper outer fence: exp(-(ln 4 + 3 ln 3))."""
HEAVY_P = 0.01


def upper_fence(values: NDArray[Any], whiskers: float = INNER) -> float:
    """Third quartile + `whiskers` interquartile ranges; at least one value."""
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high + whiskers * (high - low))


def heavy_tail_p(values: NDArray[Any], least: float = 0.0) -> float:
    """p-value of "no more values are far out than of an exponential distribution" (binomial).

    What lies farther out than an exponential tail is what "heavy-tailed" means; counting beyond the outer fence needs
    no fit and no choice of a threshold.

    Args:
        values: Independent, in any order, at least one.
        least: Values up to here do not count, however narrow the body is.
    """
    n = int(values.size)
    beyond = int(np.count_nonzero(values > max(upper_fence(values, OUTER), least)))
    return float(bdtrc(beyond - 1, n, EXPONENTIAL_FAR_OUT)) if beyond else 1.0
