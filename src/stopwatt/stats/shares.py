"""How large is a share of the trials, when what is counted may come in bursts or in some processes only?"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, expit, logit, stdtrit

from stopwatt.stats.intervals import LEAST_ROUNDS
from stopwatt.stats.quantiles import CONFIDENCE
from stopwatt.stats.tail import block_counts, independent_share, upper_bound

UNLIKE_P = 0.05

Indicator = NDArray[np.bool_]


def share_interval(rounds: Sequence[Indicator], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Two-sided interval of the probability of an event (Clopper & Pearson 1934).

    Where the events cluster in time, the trials count as fewer independent ones (`tail.independent_share`). Where
    rounds differ in their share more than that explains (chi-squared, p < 0.05), the interval reaches as far as a
    t-interval on the log odds of the rounds does, at least three of them: another process would have another share.

    Args:
        rounds: For each trial of each process, in order, whether it is one of those in question; each at least one.
        confidence: Of the interval.
    """
    above, trials = block_counts([events.astype(np.int8) for events in rounds], [0.5])
    count, n = int(above.sum()), int(trials.sum())
    worth = independent_share(above[:, 0], trials)
    each_side = (1 + confidence) / 2
    low = 1 - upper_bound((n - count) * worth, n * worth, each_side)
    high = upper_bound(count * worth, n * worth, each_side)
    counts = np.array([np.count_nonzero(events) for events in rounds])
    sizes = np.array([events.size for events in rounds])
    if len(rounds) < LEAST_ROUNDS or not 0 < count < n or not _differ(rounds, counts, sizes):
        return low, high
    odds = logit((counts + 0.5) / (sizes + 1))
    half = float(stdtrit(len(rounds) - 1, each_side)) * float(odds.std(ddof=1)) / math.sqrt(len(rounds))
    middle = float(odds.mean())
    return min(low, float(expit(middle - half))), max(high, float(expit(middle + half)))


def _differ(rounds: Sequence[Indicator], counts: NDArray[np.int64], sizes: NDArray[np.int64]) -> bool:
    """Whether rounds have different shares, beyond what bursts within them explain."""
    rate = counts.sum() / sizes.sum()
    statistic = float(((counts - rate * sizes) ** 2 / (rate * (1 - rate) * sizes)).sum())
    if chdtrc(len(rounds) - 1, statistic) >= UNLIKE_P:
        return False
    within = [block_counts([events.astype(np.int8)], [0.5]) for events in rounds]
    worth = float(np.mean([independent_share(above[:, 0], trials) for above, trials in within]))
    return bool(chdtrc(len(rounds) - 1, statistic * worth) < UNLIKE_P)
