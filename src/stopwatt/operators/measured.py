"""What one start of measuring operators left."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Place, Replay

SENTINEL = "sentinel"
"""Name of the reading that a replay has of its job: what the same fixed work took at its head and end."""


class Ending(StrEnum):
    """Why measuring ended."""

    DONE = "done"  # everything that was asked for is measured
    BUDGET = "budget"  # the time is used; the same command goes on


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of it. A *series* is one operator in one memory mode.

    Attributes:
        place: Where it was measured.
        operators: By key, all that were asked for.
        replays: Made now and saved, the last of each series.
        known: Series that the store had before.
        left: Series that are still to be measured.
        left_s: About so long they take; 0 where nothing is known of it.
        seconds: What this took.
        jobs: Jobs that were done, repeated ones included.
        repeated: Jobs that were done once more, since their sentinel had moved.
        sentinel_s: Median of the sentinel; NaN without one.
        spread: Its largest less its smallest, over the median.
        ending: Why no more was measured.
    """

    place: Place
    operators: Mapping[str, Operator]
    replays: tuple[Replay, ...]
    known: int
    left: int
    left_s: float
    seconds: float
    jobs: int
    repeated: int
    sentinel_s: float
    spread: float
    ending: Ending
