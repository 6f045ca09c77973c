"""How much of a common gain is whose, where gains depend on what was done before.

A gain of one step is what it adds to those before it; in another order it adds something else. Its Shapley value
(Shapley 1953) is its mean over all orders; over some orders drawn at random it is estimated without bias (Castro,
Gómez & Tejada 2009). What a step adds first, minus what it adds last, says how much of its gain others offer as well.
"""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

Step = TypeVar("Step", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Share(Generic[Step]):
    """What one step contributes.

    Attributes:
        step: Which.
        mean: Mean of its marginal gains, on a logarithm.
        least, most: Of them: where they differ, its gain overlaps with others or needs them.
        least_on, most_on: The steps before it where it gained these.
        orders: In how many orders it was seen.
    """

    step: Step
    mean: float
    least: float
    most: float
    orders: int
    least_on: frozenset[Step] = frozenset()
    most_on: frozenset[Step] = frozenset()


def orders_of(steps: Sequence[Step], count: int, seed: int) -> list[tuple[Step, ...]]:
    """Orders of the steps: as given, reversed, and others at random; each once, so fewer where there are not as many.

    The reverse of an order is among them, so that each step comes early as often as late (antithetic pairs).
    """
    rng = np.random.default_rng(seed)
    most = min(count, math.factorial(len(steps)))
    found: dict[tuple[Step, ...], None] = {tuple(steps): None}
    while len(found) < most:
        last = list(found)[-1]
        found.setdefault(last[::-1], None)
        if len(found) < most:
            found.setdefault(tuple(steps[place] for place in rng.permutation(len(steps))), None)
    return list(found)


def prefixes(orders: Sequence[Sequence[Step]]) -> list[frozenset[Step]]:
    """The sets that orders pass through, the empty one first, each once."""
    found: dict[frozenset[Step], None] = {frozenset(): None}
    for order in orders:
        for length in range(1, len(order) + 1):
            found.setdefault(frozenset(order[:length]), None)
    return list(found)


def shares(orders: Sequence[Sequence[Step]], value: Callable[[frozenset[Step]], float | None]) -> list[Share[Step]]:
    """Shares of the steps, in the order of the first of the orders.

    Args:
        orders: Each holds every step once.
        value: Logarithm of the gain of a set over none; `None` where it is not known: orders that pass through such a
            set say nothing of the two steps beside it.
    """
    marginals: Mapping[Step, list[tuple[float, frozenset[Step]]]] = {step: [] for step in (orders[0] if orders else ())}
    for order in orders:
        sets = [frozenset(order[:length]) for length in range(len(order) + 1)]
        known = [value(one) for one in sets]
        for step, on, before, after in zip(order, sets, known, known[1:], strict=False):
            if before is not None and after is not None:
                marginals[step].append((after - before, on))
    return [_share(step, found) for step, found in marginals.items() if found]


def _share(step: Step, found: Sequence[tuple[float, frozenset[Step]]]) -> Share[Step]:
    (least, least_on), (most, most_on) = (choose(found, key=lambda one: one[0]) for choose in (min, max))
    mean = float(np.mean([gain for gain, _ in found]))
    return Share(step, mean, least, most, len(found), least_on, most_on)
