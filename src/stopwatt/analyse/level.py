"""What cells of a grid are compared by, mostly a latency, and the rounds in which two of them were measured."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.row import RoundValues, Row
from stopwatt.records import Status

METRICS = ("latency", "response", "mean_latency")
"""What can be a cell's level; the first that has a value is."""

THROUGHPUT = "throughput"

RoundKey = tuple[int, int]
"""Round number, and which of the rounds of that number (a cell may have been measured again)."""


@dataclass(frozen=True, slots=True)
class Level:
    """The typical latency of a cell, or another of its metrics.

    Attributes:
        metric: Levels of different metrics mean different things and are never compared.
        value: In the unit of the metric (latency: seconds).
        rounds: Of each round the median latency or throughput, or the energy a sample; empty for other metrics.
    """

    metric: str
    value: float
    rounds: Mapping[RoundKey, float] = field(default_factory=dict)


def level_of(row: Row, metric: str = "") -> Level | None:
    """The level of a cell; `None` where it has none.

    Args:
        row: The cell.
        metric: Name of the estimate that is its level, where it was measured and is above 0; empty for its latency.
    """
    if row.status is not Status.OK:
        return None
    if metric and metric != METRICS[0]:
        return _measured(row, metric)
    for latency in METRICS:
        estimate = row.estimates.get(latency)
        if estimate is not None and estimate.value is not None and estimate.value > 0:
            return Level(latency, estimate.value, _by_key(row.round_medians) if latency == METRICS[0] else {})
    return None


def _measured(row: Row, metric: str) -> Level | None:
    """Of a metric that is no latency; what is suspect or estimated is no level."""
    value = row.estimates[metric].measured if metric in row.estimates else None
    if value is None or value <= 0:
        return None
    rounds = row.round_rates if metric == THROUGHPUT else row.round_energies.get(metric, ())
    return Level(metric, value, _by_key(rounds))


def together(levels: Sequence[Level]) -> tuple[tuple[RoundKey, ...], NDArray[np.float64]]:
    """The rounds that all levels have, and their values in them [rounds, levels].

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


def _by_key(values: RoundValues) -> dict[RoundKey, float]:
    seen: Counter[int] = Counter()
    found = {}
    for number, value in values:
        found[number, seen[number]] = value
        seen[number] += 1
    return found
