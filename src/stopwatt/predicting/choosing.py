"""Which candidates are worth their time: those that settle much time of real models, and are unlike what is known.

    gain = doubt x (own x (KEPT + (1 - KEPT) x novelty) + others x novelty)
    doubt    standard deviation of the logarithm of its time
    own      its share of the captured models' time: measuring settles that, and some of it whatever lies near; of an
             operator of the basis its share of models that nobody captured
    others   shares of other captured operators, HALF of each x exp(-(d / NEAR)^2 / 2): what it teaches about them
    novelty  1 - exp(-(d / REACH)^2 / 2), d to the nearest that is measured or chosen before

Distances d are octaves of sizes, within a family. Doubt alone chooses one difficult corner again and again, and is
no better than chance; novelty alone fills the space evenly, whatever is called (docs/results/sampling.md compares).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.work import DIMENSIONS, Family, Work

Floats = NDArray[np.float64]

NEAR = 1.0
HALF = 0.5
REACH = 3.0
KEPT = 0.25
_OTHER = 1.0
"""Octaves between operators of the same sizes that are of another kind or type."""


@dataclass(frozen=True, slots=True)
class Points:
    """Operators of any families in the space of their sizes.

    Attributes:
        family: Number of each one's family, shape (n,).
        at: Octaves; shape (n, columns), columns of other families are 0.
    """

    family: NDArray[np.int64]
    at: Floats

    def __len__(self) -> int:
        return self.family.size

    def to(self, others: "Points", number: int) -> Floats:
        """Octaves from each of these to one of the others, infinite between families; shape (n,)."""
        apart = np.linalg.norm(self.at - others.at[number], axis=1)
        return np.asarray(np.where(self.family == others.family[number], apart, np.inf))


@dataclass(frozen=True, slots=True)
class Pick:
    """A candidate that was chosen.

    Attributes:
        place: Its number.
        gain: When it was chosen, with all before it known.
    """

    place: int
    gain: float


def points_of(works: Sequence[Work], kinds: Sequence[str]) -> Points:
    """Where pieces of work lie.

    Args:
        works: Of any families.
        kinds: All `kind_of` that occur among the points that will be compared.
    """
    numbers = {family: number for number, family in enumerate(Family)}
    width = max(map(len, DIMENSIONS.values()))
    columns = {name: width + number for number, name in enumerate(dict.fromkeys(kinds))}
    at = np.zeros((len(works), width + len(columns)))
    for row, work in enumerate(works):
        sizes = [work.dims.get(name, 0.0) for name in DIMENSIONS[work.family]]
        at[row, : len(sizes)] = np.log2(1 + np.array(sizes))
        at[row, columns[kind_of(work)]] = _OTHER / np.sqrt(2)  # so far apart are two points with a 1 each elsewhere
    return Points(np.array([numbers[one.family] for one in works], dtype=np.int64), at)


def kind_of(work: Work) -> str:
    """What sizes do not say."""
    return f"{work.kind} {work.dtype}"


@dataclass(frozen=True, slots=True)
class Weights:
    """For how much of the real operators' time each point speaks; shape (n,) each."""

    own: Floats
    others: Floats

    def also(self, worth: Floats, share: float) -> "Weights":
        """With so much for all operators of the basis, shared out by their worth."""
        whole = float(worth.sum())
        return Weights(self.own + worth * (share / whole), self.others) if whole else self

    def times(self, doubt: Floats) -> "Weights":
        """Both, times something of each point."""
        return Weights(self.own * doubt, self.others * doubt)


def weights_for(points: Points, real: Points, shares: Floats) -> Weights:
    """Shares of the real operators' time.

    Args:
        points: Shape (n,).
        real: Operators of captured models, (r,).
        shares: Of their time, (r,).
    """
    own, others = np.zeros(len(points)), np.zeros(len(points))
    for number, share in enumerate(shares.tolist()):
        apart = points.to(real, number)
        own += share * (apart == 0)
        others += share * np.where(apart > 0, HALF * np.exp(-((apart / NEAR) ** 2) / 2), 0.0)
    return Weights(own, others)


def distances(points: Points, known: Points) -> Floats:
    """Octaves from each point to the nearest known one, shape (n,); infinite where none is of its family."""
    near = np.full(len(points), np.inf)
    for number in range(len(known)):
        near = np.minimum(near, points.to(known, number))
    return near


def choose(
    points: Points,
    worth: Weights,
    near: Floats,
    *,
    cost_s: Floats | None = None,
    budget_s: float = np.inf,
    count: int | None = None,
) -> list[Pick]:
    """Choose one after another, each time the one with the most gain a second that the budget has room for.

    Args:
        points: Where the candidates lie.
        worth: Doubt times weights of each, shape (n,).
        near: Octaves to what is known, shape (n,).
        cost_s: Of each, above 0; all alike if absent.
        budget_s: For all together.
        count: So many at most.
    """
    cost = np.ones(len(points)) if cost_s is None else cost_s
    left_s, near, open_ = budget_s, near.copy(), np.ones(len(points), dtype=np.bool_)
    found: list[Pick] = []
    while count is None or len(found) < count:
        open_ &= cost <= left_s
        if not open_.any():
            break
        novelty = 1 - np.exp(-((near / REACH) ** 2) / 2)
        gain = worth.own * (KEPT + (1 - KEPT) * novelty) + worth.others * novelty
        place = int(np.argmax(np.where(open_, gain / cost, -np.inf)))
        found.append(Pick(place, float(gain[place])))
        open_[place] = False
        left_s -= cost[place]
        near = np.minimum(near, points.to(points, place))
    return found
