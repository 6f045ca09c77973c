"""The order in which rounds are measured."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stopwatt.records import Cell


@dataclass(frozen=True, slots=True)
class Turn:
    """One round of one cell.

    Attributes:
        key: Of the cell; kept, because it takes a hash of the whole cell.
    """

    round: int
    cell: Cell
    key: str


def order(cells: Sequence[Cell], rounds: int, seed: int) -> Iterator[Turn]:
    """Every round of every cell; within each round the cells in an order of their own.

    A fixed order turns drift of the machine into differences between setups (measured A then B with 0.5 % drift, equal
    things look different almost always); a random one turns it into noise that the interval shows.
    """
    dice = random.Random(seed)  # noqa: S311  (an order, not a secret)
    keyed = [(cell, cell.key) for cell in cells]
    for number in range(rounds):
        turns = [Turn(number, cell, key) for cell, key in keyed]
        dice.shuffle(turns)
        yield from turns
