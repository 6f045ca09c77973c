"""One comparison at a time: false verdicts under drift, power, coverage."""

import math
from collections.abc import Sequence

import numpy as np

from detection_env.rates import Rate, Table
from stopwatt.stats.detectable import effect_of_pairs, effect_of_rounds
from stopwatt.stats.ratios import MARGIN, Ratio, Verdict
from verdicts_env.machine import Design, Machine, compared

PLANTED = 0.02
SDS = (0.0005, 0.002, 0.01)

Seeds = Sequence[np.random.Generator]


def drifting(tries: int) -> Table:
    """Two equal setups on a machine that drifts."""
    table = Table(
        "A/A under drift: two equal setups, 10 rounds of each; the machine becomes slower steadily over the whole "
        "measurement. Per cent of comparisons",
        ("drift", "sd between processes", "order", "called faster or slower", "interval misses 1"),
    )
    for number, (drift, sd, design) in enumerate((d, s, o) for d in (0.005, 0.05) for s in SDS for o in Design):
        machine = Machine(sd, drift, within=0.01)
        ratios = _ratios(machine, design, 10, 0.0, _seeds(tries, 1, number))
        wrong = Rate(sum(one.verdict in {Verdict.FASTER, Verdict.SLOWER} for one in ratios), tries)
        missed = Rate(sum(not _covers(one, 1.0) for one in ratios), tries)
        table.add(
            f"{drift:.1%}", f"{sd:.2%}", str(design), str(wrong), str(missed),
            drift=drift, sd=sd, order=design.name, wrong=wrong, missed=missed,
        )  # fmt: skip
    return table


def power(tries: int) -> Table:
    """A planted slowdown, at the largest spread of processes at which it is detectable."""
    table = Table(
        f"A planted slowdown of {PLANTED:.0%} on the noisiest machine that can detect it: per cent called slower "
        f"(margin {MARGIN:.0%})",
        (
            "rounds",
            "sd between rounds at which 2 % is detectable",
            "called slower",
            "at 0.9 x that sd",
            "at half of it",
        ),
    )
    designs = [("3 and 3 (the default)", 3, False), ("10 and 10 (--rounds 10)", 10, False), ("20 and 20", 20, False)]
    designs += [("10 pairs (--now)", 10, True), ("20 pairs (--commands)", 20, True)]
    for number, (name, rounds, paired) in enumerate(designs):
        largest = largest_spread(rounds, paired=paired)
        design = Design.ABBA if paired else Design.ONE_AFTER_ANOTHER
        found = [
            _slower(Machine(sd, within=1e-6), design, rounds, _seeds(tries, 2, number, step))
            for step, sd in enumerate((largest, 0.9 * largest, 0.5 * largest))
        ]
        table.add(
            name, f"{largest:.2%}", *map(str, found),
            rounds=rounds, paired=paired, sd=largest, found=found[0], found_below=found[1], found_at_half=found[2],
        )  # fmt: skip
    return table


def coverage(tries: int) -> Table:
    """Does the interval hold the truth as often as it says?"""
    table = Table(
        "Intervals of the ratio: per cent that hold the truth (a slowdown of 1 %; 300 trials a round, 5 % sd within)",
        ("rounds", "sd between processes", "paired (ABBA)", "unpaired (Welch)", "unpaired, B three times as noisy"),
    )
    for number, (rounds, sd) in enumerate((r, s) for r in (3, 5, 10, 20) for s in (0.002, 0.01, 0.05)):
        rates = [
            _covering(_ratios(Machine(sd), design, rounds, 0.01, _seeds(tries, 3, number, step)))
            for step, design in enumerate((Design.ABBA, Design.ONE_AFTER_ANOTHER))
        ]
        rates.append(_unequal(sd, rounds, _seeds(tries, 3, number, 2)))
        table.add(
            str(rounds), f"{sd:.1%}", *map(str, rates),
            rounds=rounds, sd=sd, paired=rates[0], unpaired=rates[1], unequal=rates[2],
        )  # fmt: skip
    return table


def largest_spread(rounds: int, *, paired: bool) -> float:
    """The standard deviation of a round at which the smallest detectable effect is the planted one: bisection."""
    low, high = 1e-5, 1.0
    for _ in range(60):
        middle = math.sqrt(low * high)
        effect = effect_of_pairs(middle * math.sqrt(2), rounds) if paired else effect_of_rounds(middle, rounds, rounds)
        low, high = (middle, high) if effect is not None and effect < PLANTED else (low, middle)
    return low


def _ratios(machine: Machine, design: Design, rounds: int, slowdown: float, seeds: Seeds) -> list[Ratio]:
    return [compared(design, *machine.measure(design, rounds, slowdown, dice)) for dice in seeds]


def _slower(machine: Machine, design: Design, rounds: int, seeds: Seeds) -> Rate:
    ratios = _ratios(machine, design, rounds, PLANTED, seeds)
    return Rate(sum(one.verdict is Verdict.SLOWER for one in ratios), len(ratios))


def _unequal(sd: float, rounds: int, seeds: Seeds) -> Rate:
    found = []
    for dice in seeds:
        a, _ = Machine(sd).measure(Design.ONE_AFTER_ANOTHER, rounds, 0.0, dice)
        _, b = Machine(3 * sd).measure(Design.ONE_AFTER_ANOTHER, rounds, 0.01, dice)
        found.append(compared(Design.ONE_AFTER_ANOTHER, a, b))
    return _covering(found)


def _seeds(tries: int, *table: int) -> Seeds:
    """A generator of its own for each try."""
    return [np.random.default_rng([*table, seed]) for seed in range(tries)]


def _covering(ratios: list[Ratio]) -> Rate:
    return Rate(sum(_covers(one, 1.01) for one in ratios), len(ratios))


def _covers(ratio: Ratio, truth: float) -> bool:
    return ratio.low is not None and ratio.high is not None and ratio.low <= truth <= ratio.high
