"""Where in the distribution two setups differ: the ratio of their deciles."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stopwatt.analyse.estimate import Series
from stopwatt.stats.intervals import across_rounds, geometric_mean
from stopwatt.stats.quantiles import NoInterval

DECILES = tuple(place / 10 for place in range(1, 10))


@dataclass(frozen=True, slots=True)
class DecileShift:
    """One decile of B against the same decile of A.

    Attributes:
        q: 0.1 to 0.9.
        ratio: B / A: above 1 B is slower there.
        low, high: 95 % interval; `None` where there is none.
        why: Why there is none.
    """

    q: float
    ratio: float
    low: float | None = None
    high: float | None = None
    why: str = ""


def shift_of(a: Sequence[Series], b: Sequence[Series]) -> tuple[DecileShift, ...]:
    """The shift function on a ratio scale (Doksum 1974), with t-intervals across paired rounds.

    Args:
        a: Rounds of the one.
        b: Rounds of the other; those with the same number are pairs, and what is left over does not count.

    Returns:
        One per decile; empty where no round pairs.
    """
    others = {one.round: one.values for one in b}
    pairs = [(one.values, others[one.round]) for one in a if one.round in others]
    if not pairs:
        return ()
    ratios = np.array([np.quantile(theirs, DECILES) / np.quantile(ours, DECILES) for ours, theirs in pairs])
    return tuple(_decile(q, ratios[:, place]) for place, q in enumerate(DECILES))


def _decile(q: float, ratios: np.ndarray) -> DecileShift:
    interval = across_rounds(ratios)
    if isinstance(interval, NoInterval):
        return DecileShift(q, geometric_mean(ratios), why=interval.why)
    return DecileShift(q, geometric_mean(ratios), interval.low, interval.high)
