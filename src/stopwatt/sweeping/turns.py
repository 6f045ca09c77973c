"""The order in which rounds are measured."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stopwatt.records import Cell


class Order(StrEnum):
    """How the cells of a round follow each other."""

    RANDOM = "random"  # in an order of its own in each round
    ABBA = "abba"  # forwards and backwards in turn: what changes steadily weighs on the first and the last alike


@dataclass(frozen=True, slots=True)
class Turn:
    """One round of one cell.

    Attributes:
        key: Of the cell; kept, because it takes a hash of the whole cell.
        instead: Id of an earlier measurement of the same round that this one replaces; empty for most.
        because: What was wrong with that.
    """

    round: int
    cell: Cell
    key: str
    instead: str = ""
    because: str = ""


def order(cells: Sequence[Cell], rounds: int, seed: int, within: Order = Order.RANDOM) -> Iterator[Turn]:
    """Every round of every cell; within each round the cells in an order of their own, or in ABBA blocks.

    A fixed order turns drift of the machine into differences between setups (measured A then B with 0.5 % drift, equal
    things look different almost always); a random one turns it into noise that the interval shows.
    """
    dice = random.Random(seed)  # noqa: S311  (an order, not a secret)
    keyed = [(cell, cell.key) for cell in cells]
    for number in range(rounds):
        turns = [Turn(number, cell, key) for cell, key in keyed]
        if within is Order.RANDOM:
            dice.shuffle(turns)
        yield from turns if within is Order.RANDOM or number % 2 == 0 else reversed(turns)
