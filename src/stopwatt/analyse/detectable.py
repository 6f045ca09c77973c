"""How small a difference a comparison can find: from a setup measured against itself, or from its own rounds."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.likeness import name_of
from stopwatt.analyse.observed import Observed, Side, is_rate
from stopwatt.records import Cell
from stopwatt.stats.detectable import (
    Spread,
    detectable_effect,
    effect_of_pairs,
    effect_of_rounds,
    rounds_to_find,
    spread_of_pairs,
)
from stopwatt.stats.noise import Evidence
from stopwatt.stats.ratios import MARGIN, Ratio, compare_rounds


@dataclass(frozen=True, slots=True)
class Calibration:
    """A setup measured against itself (A/A): how much rounds differ on a machine where nothing does.

    Attributes:
        run: Id of its run.
        started_at: ISO 8601, UTC.
        pairs: Pairs of rounds, the order within a pair alternating.
        spread: Of single rounds; `None` for fewer than 3 pairs, or where they do not differ.
        ratio: Of the two arms: it has to be 1.
    """

    cell: Cell
    run: str
    started_at: str
    pairs: int
    spread: Spread | None
    ratio: Ratio


@dataclass(frozen=True, slots=True)
class Detectable:
    """The smallest difference that is found nine times in ten.

    Attributes:
        effect: 0.018 for 1.8 %; `None` where nothing can be said.
        low, high: 95 % interval of the effect, as far as the A/A knows the spread; `None` without one.
        rounds: Of either side; pairs twice.
        needed: Rounds of each side (or pairs) that find the margin; `None` for more than 1000, or where nothing can be
            said.
        paired: Whether rounds are paired.
        calibration: The A/A that it comes from; `None` where it is estimated from the rounds compared.
    """

    effect: float | None
    low: float | None
    high: float | None
    rounds: tuple[int, int]
    needed: int | None
    paired: bool = False
    calibration: Calibration | None = None


def calibrate(side: Side, metric: str, margin: float = MARGIN) -> Calibration | None:
    """What an A/A run says: one cell, whose rounds are paired in the order in which they were measured.

    Rounds 0 and 1 are A and B, 2 and 3 are B and A, and so on (ABBA), so that a steady change of the machine weighs on
    both arms alike.

    Returns:
        `None` without any pair.
    """
    arms = arms_of(side.rounds)
    if not arms[0]:
        return None
    first, second = (times([one for one in arm if one.value is not None], metric) for arm in arms)
    ratio = compare_rounds(first, second, margin=margin).inverted()
    started = arms[0][0].started_at
    cell, run = arms[0][0].cell, arms[0][0].run
    return Calibration(cell, run, started, len(arms[0]), spread_of_pairs(first, second), ratio)


def arms_of(rounds: Sequence[Observed]) -> tuple[list[Observed], list[Observed]]:
    """The two arms of an A/A run, paired: both rounds of a pair have a value."""
    told = {one.round: one for one in rounds if one.value is not None}
    numbers = [number for number in sorted(told) if number % 2 == 0 and number + 1 in told]
    pairs = [(told[number], told[number + 1]) for number in numbers]
    turned = [pair if pair[0].round % 4 == 0 else pair[::-1] for pair in pairs]
    return [pair[0] for pair in turned], [pair[1] for pair in turned]


def times(rounds: Sequence[Observed], metric: str) -> NDArray[np.float64]:
    """What each round took: seconds, joules, watts; of a rate, seconds or joules per sample."""
    values = np.array([one.value for one in rounds], dtype=np.float64)
    return 1 / values if is_rate(metric) else values


def choose(calibrations: Sequence[Calibration], cells: Sequence[Cell]) -> Calibration | None:
    """The A/A that says most about some cells: of their machine, of the same setup where there is one, the latest."""
    machines, names = {cell.machine for cell in cells}, {name_of(cell) for cell in cells}
    usable = [one for one in calibrations if one.spread is not None and {one.cell.machine} == machines]
    best = sorted(usable, key=lambda one: (name_of(one.cell) in names, one.started_at))
    return best[-1] if best else None


def by_calibration(one: Calibration, rounds: tuple[int, int], margin: float) -> Detectable:
    """What sets of rounds of these sizes can find, by an A/A of the machine."""
    if one.spread is None:
        raise ValueError("an A/A without a spread detects nothing")
    sd, bounds = one.spread.sd, one.spread.interval()
    effect, low, high = (effect_of_rounds(spread, *rounds) for spread in (sd, bounds.low, bounds.high))
    needed = rounds_to_find(margin, lambda count: effect_of_rounds(sd, count, count))
    return Detectable(effect, low, high, rounds, needed, calibration=one)


def by_itself(found: Sequence[tuple[Evidence, tuple[int, int]]], margin: float, *, paired: bool) -> Detectable | None:
    """The same by the spread of the rounds compared: the median of the cells.

    Args:
        found: Evidence of each cell that has any, with its rounds.
        margin: The difference that `needed` is about.
        paired: Whether rounds are paired.

    Returns:
        `None` where no cell has evidence.
    """
    if not found:
        return None
    effects = [detectable_effect(one.error, one.freedom) for one, _ in found]
    known = [effect for effect in effects if effect is not None]
    (rounds, _), *_ = Counter(size for _, size in found).most_common(1)
    if paired:
        sd = median(one.error * math.sqrt(size[0]) for one, size in found)
        needed = rounds_to_find(margin, lambda count: effect_of_pairs(sd, count))
    else:
        sd = median(one.error / math.sqrt(1 / size[0] + 1 / size[1]) for one, size in found)
        needed = rounds_to_find(margin, lambda count: effect_of_rounds(sd, count, count))
    return Detectable(median(known) if known else None, None, None, rounds, needed, paired)
