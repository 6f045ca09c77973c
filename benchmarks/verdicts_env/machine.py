"""An invented machine: rounds whose levels differ, on a level that drifts."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from stopwatt.stats.ratios import Ratio, compare_rounds, compare_sets

Times = NDArray[np.float64]


class Design(StrEnum):
    """In what order the rounds of A and B are measured, and how they are compared."""

    ONE_AFTER_ANOTHER = "all of A, then all of B; unpaired"
    RANDOM = "random order in each round; paired"
    ABBA = "ABBA blocks; paired"


@dataclass(frozen=True)
class Machine:
    """What rounds are drawn from.

    Attributes:
        sd: Of the logarithm of a round's level: how much processes differ.
        drift: Relative change from the first round of a comparison to the last.
        within: Standard deviation of the logarithm of a trial; 0 for rounds of a single value.
        trials: Of a round.
    """

    sd: float
    drift: float = 0.0
    within: float = 0.05
    trials: int = 300

    def measure(self, design: Design, rounds: int, slowdown: float, dice: np.random.Generator) -> tuple[Times, Times]:
        """The medians of the rounds of A and of B, in the order of their round numbers."""
        when = _moments(design, rounds, dice)
        levels = [np.log1p(self.drift) * moment + dice.normal(0, self.sd, rounds) for moment in when]
        shifts = (0.0, np.log1p(slowdown))
        return tuple(self._medians(level + shift, dice) for level, shift in zip(levels, shifts, strict=True))  # type: ignore[return-value]

    def _medians(self, levels: Times, dice: np.random.Generator) -> Times:
        trials = np.exp(dice.normal(0, self.within, size=(levels.size, self.trials)))
        return np.exp(levels) * np.median(trials, axis=1)


def compared(design: Design, a: Times, b: Times) -> Ratio:
    """Time of B / time of A, as `stopwatt compare` judges a single cell."""
    compare = compare_sets if design is Design.ONE_AFTER_ANOTHER else compare_rounds
    return compare(a, b).inverted()


def _moments(design: Design, rounds: int, dice: np.random.Generator) -> tuple[Times, Times]:
    """When each round of A and of B is measured, from 0 to 1."""
    places = np.arange(2 * rounds) / (2 * rounds - 1)
    if design is Design.ONE_AFTER_ANOTHER:
        return places[:rounds], places[rounds:]
    pairs = places.reshape(rounds, 2)
    turned = dice.random(rounds) < 0.5 if design is Design.RANDOM else np.arange(rounds) % 2 == 1
    first, second = np.where(turned, pairs[:, 1], pairs[:, 0]), np.where(turned, pairs[:, 0], pairs[:, 1])
    return first, second
