"""The latency by which cells of a grid are compared, and the rounds in which two of them were measured together."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.row import Row
from stopwatt.records import Status

METRICS = ("latency", "response", "mean_latency")
"""What can be a cell's level; the first that has a value is."""

RoundKey = tuple[int, int]
"""Round number, and which of the rounds of that number (a cell may have been measured again)."""


@dataclass(frozen=True, slots=True)
class Level:
    """The typical latency of a cell.

    Attributes:
        metric: Levels of different metrics mean different things and are never compared.
        value: Seconds.
        rounds: Median of each round in seconds; empty for all but `latency`.
    """

    metric: str
    value: float
    rounds: Mapping[RoundKey, float] = field(default_factory=dict)


def level_of(row: Row) -> Level | None:
    """The level of a cell; `None` where it has none."""
    if row.status is not Status.OK:
        return None
    for metric in METRICS:
        estimate = row.estimates.get(metric)
        if estimate is not None and estimate.value is not None and estimate.value > 0:
            return Level(metric, estimate.value, _rounds(row) if metric == METRICS[0] else {})
    return None


def together(levels: Sequence[Level]) -> tuple[tuple[RoundKey, ...], NDArray[np.float64]]:
    """The rounds that all levels have, and their medians [rounds, levels], seconds.

    What a round did to all of them is in each row.
    """
    first, *others = levels
    shared = tuple(key for key in first.rounds if all(key in other.rounds for other in others))
    table = [[level.rounds[key] for level in levels] for key in shared]
    return shared, np.array(table, dtype=np.float64).reshape(len(shared), len(levels))


def log_ratios(first: Level, second: Level) -> dict[RoundKey, float]:
    """ln(second / first) in every round that both have."""
    return {
        key: float(np.log(second.rounds[key] / value)) for key, value in first.rounds.items() if key in second.rounds
    }


def _rounds(row: Row) -> dict[RoundKey, float]:
    seen: Counter[int] = Counter()
    found = {}
    for number, median in row.round_medians:
        found[number, seen[number]] = median
        seen[number] += 1
    return found
