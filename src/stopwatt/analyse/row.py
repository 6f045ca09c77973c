"""What the rounds of one cell say together."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.worst import WorstCase
from stopwatt.records import Cell, Note, Status, Trouble
from stopwatt.stats.ratios import Ratio


@dataclass(frozen=True, slots=True)
class CountedNote:
    """A note and the number of rounds that had it (the same but for figures in its text, of which the first stand)."""

    note: Note
    rounds: int


@dataclass(frozen=True, slots=True)
class Row:
    """One cell, summarised.

    Attributes:
        status: `OK` if at least one round is; otherwise how most of the rounds ended.
        trouble: Why the failed rounds failed (the first of them), also where others are OK.
        rounds_failed: Rounds that are not OK; an invalid one counts as failed.
        estimates: By metric name, with `latency_p90`, `latency_p99`, `latency_p99.9` and `latency_max`, and the same
            of `response`. Complete: a metric that was not measured is there with the reason.
        round_medians: Round number and median latency in seconds of each OK round.
        worst: Of `latency`, and of `response` where arrivals were paced; empty where nobody asked for it.
        speedup: Against the fp32 eager row of the same workload, batch, device and threads.
    """

    cell: Cell
    status: Status
    trouble: Trouble | None
    rounds_ok: int
    rounds_failed: int
    estimates: Mapping[str, Estimate]
    notes: tuple[CountedNote, ...] = ()
    round_medians: tuple[tuple[int, float], ...] = ()
    speedup: Ratio = field(default_factory=Ratio)
    worst: tuple[WorstCase, ...] = ()


def paired_medians(base: Row, other: Row) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median latencies in seconds of the rounds that both rows have, in the same order.

    A round number that occurs more than once (a cell measured again) pairs first with first, second with second.
    """
    ours, theirs = _by_round(base), _by_round(other)
    pairs = [pair for number in ours for pair in zip(ours[number], theirs.get(number, ()), strict=False)]
    array = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return array[:, 0], array[:, 1]


def _by_round(row: Row) -> Mapping[int, list[float]]:
    found: dict[int, list[float]] = defaultdict(list)
    for number, median in row.round_medians:
        found[number].append(median)
    return found
