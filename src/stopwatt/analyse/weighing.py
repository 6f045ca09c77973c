"""What the rounds of two sides say about their ratio: cell by cell, and for all cells together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.detectable import times
from stopwatt.analyse.matching import Member
from stopwatt.stats.differences import moderated, paired_difference, unpaired_difference
from stopwatt.stats.intervals import geometric_mean
from stopwatt.stats.noise import Evidence
from stopwatt.stats.quantiles import NoInterval

Pair = tuple[Member, Member]
Times = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weighed:
    """The speed-up of B over A as the rounds show it.

    Attributes:
        value: Time of A / time of B.
        evidence: On its logarithm.
        rounds: Of either side.
        method: How the interval came about, a short phrase.
    """

    value: float
    evidence: Evidence | NoInterval
    rounds: tuple[int, int]
    method: str


def weigh_pairs(pairs: Sequence[Pair], metric: str, *, paired: bool) -> list[Weighed]:
    """Each cell by its own rounds; large families of unpaired ones share what they know of the noise.

    Args:
        pairs: Both members of each have a value; of paired ones, in the same round.
        metric: What the values are.
        paired: Whether rounds of the same number belong together.
    """
    if paired:
        return [_paired(*common_times(pair, metric)) for pair in pairs]
    alone = [_unpaired(times(a.rounds, metric), times(b.rounds, metric)) for a, b in pairs]
    shared = moderated([one.evidence for one in alone], [one.rounds for one in alone])
    return [
        one if evidence == one.evidence else replace(one, evidence=evidence, method=f"{one.method}, shared noise")
        for one, evidence in zip(alone, shared, strict=True)
    ]


def weigh_together(pairs: Sequence[Pair], metric: str) -> Weighed | None:
    """The geometric mean of all cells. The unit that is counted is the round: cells of one round share its conditions.

    Args:
        pairs: As for `weigh_pairs`, of unpaired rounds.
        metric: What the values are.

    Returns:
        `None` for fewer than two cells, or where fewer than 3 rounds of a side have all of them.
    """
    if len(pairs) < 2:  # noqa: PLR2004  (two cells)
        return None
    a, b = (_whole_rounds([pair[side] for pair in pairs], metric) for side in (0, 1))
    if not a or not b:
        return None
    found = _unpaired(np.array(list(a.values())), np.array(list(b.values())))
    return found if isinstance(found.evidence, Evidence) else None


def common_times(pair: Pair, metric: str) -> tuple[Times, Times]:
    """Times of the rounds that both have, in the same order."""
    ours, theirs = ({one.round: one for one in member.rounds} for member in pair)
    numbers = sorted(ours.keys() & theirs.keys())
    return times([ours[n] for n in numbers], metric), times([theirs[n] for n in numbers], metric)


def _paired(a: Times, b: Times) -> Weighed:
    count = int(a.size)
    method = f"t on {count} pairs of rounds"
    return Weighed(geometric_mean(a / b), paired_difference(a, b), (count, count), method)


def _unpaired(a: Times, b: Times) -> Weighed:
    sizes = (int(a.size), int(b.size))
    method = f"Welch's t on {sizes[0]} and {sizes[1]} rounds"
    return Weighed(geometric_mean(a) / geometric_mean(b), unpaired_difference(a, b), sizes, method)


def _whole_rounds(members: Sequence[Member], metric: str) -> dict[int, float]:
    """Geometric mean over the cells of each round that has all of them."""
    by_round = [dict(zip((one.round for one in m.rounds), times(m.rounds, metric), strict=True)) for m in members]
    numbers = set.intersection(*(set(found) for found in by_round))
    return {n: geometric_mean(np.array([found[n] for found in by_round])) for n in sorted(numbers)}
