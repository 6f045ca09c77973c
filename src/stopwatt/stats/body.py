"""Modes within the body: a few per cent apart, where they overlap and none of them stands alone.

A density that shows several peaks is a question, not an answer: an estimate of a unimodal body does too. The answer is
that of two tests of which one suffices: the dip, which sees two modes of similar size, and a test of the trough between
them, which sees a small mode beside a large one (a dip of 10 % of the trials is hidden in what the dip allows for).
"""

import math

import numpy as np
from numpy.typing import NDArray

from stopwatt.stats.basins import Basins
from stopwatt.stats.density import LogHistogram, log_histogram, smooth
from stopwatt.stats.dip import dip, dip_p
from stopwatt.stats.ticks import spread_ticks

BODY = 1.1
"""The body ends at this multiple of the main mode."""
BINS = 2**12
DEPTH = 0.85
LEAST_MASS = 0.05
LEAST_TRIALS = 30
MOST_MODES = 5
DIP_P = 0.01
TROUGH_P = 0.005
EXACT = 20_000
"""Of a longer series the dip test sees so many quantiles of the histogram: they vary less than as many trials would,
and what is too small for them to show is of no interest.
"""


def find_body_modes(values: NDArray[np.float64], mode: float, tick: float = 0.0) -> tuple[float, ...]:
    """Centres of the modes within the body, rising; empty where there is one only.

    The density of the logarithm has a bandwidth of 0.9 x s n^-0.2, where s is the smaller of 1.4826 MAD and the
    interquartile range / 1.349 (Silverman 1986). Peaks count where the valley between them is below 85 % of the lower
    one and they hold 5 % of the body; they stand if the dip test calls the body multimodal (p <= 0.01) or the trough is
    not explained by a density that falls outwards (`Basins.trough_p`, p <= 0.005).

    Args:
        values: Trials of the main cluster, positive and finite, in any order; of several processes aligned.
        mode: Where the main cluster is densest.
        tick: Step of the clock in the unit of the values, over which equal values are spread; 0 for the smallest
            difference between two of them.
    """
    body = values[values <= BODY * mode]
    if body.size < LEAST_TRIALS or np.ptp(body) == 0:
        return ()
    few = body.size <= EXACT
    span = math.log(float(body.max() / body.min()))
    if few or tick > span / BINS * mode:
        body = spread_ticks(body, tick or smallest_step(body))
        span = math.log(float(body[-1] / body[0]))
    histogram = log_histogram(body, span / BINS)
    bandwidth = max(0.9 * _scale(histogram) * body.size**-0.2, 2 * histogram.width)
    basins = Basins(smooth(histogram, bandwidth))
    basins.merge_shallow(DEPTH)
    basins.merge_light(LEAST_MASS * body.size, MOST_MODES)
    if basins.peaks.size > 1 and not _dips(np.unique(body) if few else histogram.quantiles(EXACT)):
        basins.merge_explained(TROUGH_P, bandwidth)
    place = basins.density.histogram.value_at
    return tuple(place(peak + 0.5) for peak in basins.peaks) if basins.peaks.size > 1 else ()


def _scale(histogram: LogHistogram) -> float:
    quartiles = (histogram.rank(0.75) - histogram.rank(0.25)) * histogram.width
    return min(histogram.deviation(), quartiles / 1.349)


def _dips(ordered: NDArray[np.float64]) -> bool:
    return dip_p(dip(ordered), ordered.size) <= DIP_P


def smallest_step(values: NDArray[np.float64]) -> float:
    """The smallest difference between two values that differ by more than rounding."""
    steps = np.diff(np.unique(values))
    steps = steps[steps > 1e-12 * values.max()]
    return float(steps.min()) if steps.size else 0.0
