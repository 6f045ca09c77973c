"""The worst case: the largest trial first, then how often a deadline was and may be missed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Miss:
    """How often a deadline was missed.

    Attributes:
        deadline_s: In seconds.
        misses: Trials above it.
        n: Trials.
        upper: Clopper-Pearson 95 % upper bound of the share of misses (one-sided); > 0 also where none was seen.
    """

    deadline_s: float
    misses: int
    n: int
    upper: float

    @property
    def share(self) -> float:
        """Misses / n."""
        return self.misses / self.n


@dataclass(frozen=True, slots=True, eq=False)
class WorstCase:
    """The tail of one metric of a cell.

    Attributes:
        metric: `latency` (closed loop) or `response` (paced arrivals, from the intended start).
        max_s: Largest trial, seconds.
        n: Trials of all rounds.
        seconds: Time over which they were spread.
        load: The declared background load, empty for none.
        deadlines: Those asked for.
        curve: The same for a grid of deadlines from the median to beyond the maximum, rising.
        intervals_s: Largest trial of each of the equal intervals of time, [rounds][intervals], seconds.
        overruns: Paced cycles whose call was not done when the next one was due; `None` without paced arrivals.
        annex: One sentence on an extreme-value extrapolation, or why there is none.
    """

    metric: str
    max_s: float
    n: int
    seconds: float
    load: str = ""
    deadlines: tuple[Miss, ...] = ()
    curve: tuple[Miss, ...] = ()
    intervals_s: tuple[NDArray[np.float64], ...] = ()
    overruns: int | None = None
    annex: str = ""
