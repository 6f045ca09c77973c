"""Which batches can wait, by what setups that were measured at all of them showed."""

import math
from collections.abc import Mapping, Sequence

UNLIKELY = 1.5
"""A batch waits where it cost so many times as much as the best one, in every setup that is known."""
LEAST_KNOWN = 3
"""Setups that must be known at all batches before any batch waits."""


def unlikely(known: Sequence[Mapping[int, float | None]]) -> frozenset[int]:
    """Batches that are clearly worse than another one in all setups that are known.

    Args:
        known: Of each setup, batch -> cost by which batches compare (less is better); `None` where it cannot win, as
            it breaks a constraint, say.
    """
    ratios: dict[int, list[float]] = {}
    for costs in known:
        best = min((cost for cost in costs.values() if cost is not None), default=None)
        if best is not None:
            for batch, cost in costs.items():
                ratios.setdefault(batch, []).append(math.inf if cost is None else cost / best)
    return frozenset(batch for batch, seen in ratios.items() if len(seen) >= LEAST_KNOWN and min(seen) >= UNLIKELY)
