"""What measuring an operator costs: as the queue learns it from its jobs, from those that a store remembers."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from stopwatt.operators.replay import ReplayRules
from stopwatt.store.operators import Kept

USUAL_S = 0.5
"""A series (an operator in a memory mode) where nothing was measured yet: the median that the first operators of six
models took on two cores that others used, too, filling buffers included."""
PAUSE_S = 60.0
"""Between two savings: longer is no job, nobody was measuring."""
LEAST_JOBS = 3
_PILOTS = 5
"""Calls before the first sample, at least."""


def pace_of(kept: Sequence[Kept]) -> float | None:
    """Seconds a series, of all jobs that were saved one soon after another.

    Args:
        kept: Replays at one place, in the order of saving.

    Returns:
        `None` where there are too few jobs.
    """
    ends = [datetime.fromisoformat(one.at).timestamp() for one in kept]
    jobs: list[tuple[float, int]] = []
    for end in ends:
        if jobs and end - jobs[-1][0] < 1.0:  # saved together
            jobs[-1] = (end, jobs[-1][1] + 1)
        else:
            jobs.append((end, 1))
    took = [(end - before, series) for (before, _), (end, series) in pairwise(jobs)]
    took = [(seconds, series) for seconds, series in took if seconds < PAUSE_S]
    if len(took) < LEAST_JOBS:
        return None
    return sum(seconds for seconds, _ in took) / sum(series for _, series in took)


def series_s(time_s: float, pace_s: float, rules: ReplayRules) -> float:
    """Seconds for one series.

    Args:
        time_s: Of a call; NaN for unknown.
        pace_s: Of a usual series.
        rules: What is beyond them (the least number of samples, each longer than the time for all) comes on top.
    """
    longer = (rules.least + _PILOTS) * time_s - rules.seconds
    return pace_s + (longer if longer > 0 else 0.0)
