"""How large is a share of the trials, when what is counted may come in bursts or in some processes only?"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stopwatt.stats.quantiles import CONFIDENCE
from stopwatt.stats.tail import block_counts, independent_share, upper_bound


def share_interval(rounds: Sequence[NDArray[np.bool_]], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Two-sided interval of the probability of an event (Clopper & Pearson 1934).

    Where the events cluster in time or differ between processes, the trials count as fewer independent ones
    (`tail.independent_share`).

    Args:
        rounds: For each trial of each process, in order, whether it is one of those in question; at least one trial.
        confidence: Of the interval.
    """
    above, trials = block_counts([events.astype(np.int8) for events in rounds], [0.5])
    count, n = int(above.sum()), int(trials.sum())
    worth = independent_share(above[:, 0], trials)
    each_side = (1 + confidence) / 2
    low = 1 - upper_bound((n - count) * worth, n * worth, each_side)
    return low, upper_bound(count * worth, n * worth, each_side)
