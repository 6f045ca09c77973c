"""What the rounds of one cell say together."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.answers import Answers
from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.worst import WorstCase
from stopwatt.records import Cell, Note, Status, Trouble
from stopwatt.stats.ratios import Ratio


@dataclass(frozen=True, slots=True)
class CountedNote:
    """A note and the number of rounds that had it (the same but for figures in its text, of which the first stand)."""

    note: Note
    rounds: int


RoundValues = tuple[tuple[int, float], ...]
"""Round numbers, each with a value."""


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
        round_energies: Name of a metric (energy a sample, gross or net, of some scope) -> round number and joules of
            each OK round that measured it; suspect and estimated values are not among them.
        round_rates: Round number and median samples/s of each OK round that measured the throughput.
        worst: Of `latency`, and of `response` where arrivals were paced; empty where nobody asked for it.
        answers: To labelled samples, where accuracy was measured.
        speedup: Against the fp32 eager row of the same workload, batch, device and threads.
    """

    cell: Cell
    status: Status
    trouble: Trouble | None
    rounds_ok: int
    rounds_failed: int
    estimates: Mapping[str, Estimate]
    notes: tuple[CountedNote, ...] = ()
    round_medians: RoundValues = ()
    speedup: Ratio = field(default_factory=Ratio)
    worst: tuple[WorstCase, ...] = ()
    round_energies: Mapping[str, RoundValues] = field(default_factory=dict)
    answers: Answers | None = None
    round_rates: RoundValues = ()


def paired_medians(base: Row, other: Row) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median latencies in seconds of the rounds that both rows have, in the same order."""
    return paired(base.round_medians, other.round_medians)


def paired(ours: RoundValues, theirs: RoundValues) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values of the rounds that both have, in the same order.

    A round number that occurs more than once (a cell measured again) pairs first with first, second with second.
    """
    first, second = _by_round(ours), _by_round(theirs)
    pairs = [pair for number in first for pair in zip(first[number], second.get(number, ()), strict=False)]
    array = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return array[:, 0], array[:, 1]


def _by_round(values: RoundValues) -> Mapping[int, list[float]]:
    found: dict[int, list[float]] = defaultdict(list)
    for number, value in values:
        found[number].append(value)
    return found
