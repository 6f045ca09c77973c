"""Families of few rounds that share what they know of the noise: how far may a cell trust the others?"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detection_env.rates import Rate, Table
from stopwatt.stats.differences import moderated, unpaired_difference
from stopwatt.stats.noise import Evidence, fit_noise
from stopwatt.stats.quantiles import NoInterval
from stopwatt.stats.ratios import Verdict, judge, judge_family

ROUNDS = 3
BASE = 0.005
SLOWDOWN = 0.05
Spreads = Callable[[int, np.random.Generator], NDArray[np.float64]]
Found = Sequence[Evidence | NoInterval]

CELLS = (16, 64)
ALIKE = "all alike"
KINDS: dict[str, Spreads] = {
    ALIKE: lambda cells, _: np.full(cells, BASE),
    "differ by a factor of 1.35 (lognormal)": lambda cells, dice: BASE * np.exp(dice.normal(0, 0.3, cells)),
    "differ by a factor of 2 (lognormal)": lambda cells, dice: BASE * np.exp(dice.normal(0, 0.7, cells)),
    "one cell 3 times as noisy": lambda cells, _: BASE * np.where(np.arange(cells) == 0, 3.0, 1.0),
    "one cell 10 times as noisy": lambda cells, _: BASE * np.where(np.arange(cells) == 0, 10.0, 1.0),
    "a tenth 5 times as noisy": lambda cells, _: BASE * np.where(np.arange(cells) < 0.1 * cells, 5.0, 1.0),
}


def sharing(tries: int) -> Table:
    """False verdicts, coverage and power of three ways."""
    table = Table(
        f"Families of cells with {ROUNDS} and {ROUNDS} unpaired rounds, sd {BASE:.1%}: each cell by itself (Welch); "
        "sharing without limits (Smyth 2004); sharing as it is done (a cell's variance never below its own, at most 8 "
        "degrees of freedom borrowed). Per cent: families with a false faster or slower where nothing differs / "
        f"intervals that hold the truth / planted slowdowns of {SLOWDOWN:.0%} in one ordinary cell called slower",
        ("spreads", "cells", "by itself", "without limits", "as it is done"),
    )
    for number, (name, spreads) in enumerate(KINDS.items()):
        for cells in CELLS:
            counts = [Counts() for _ in WAYS]
            for seed in range(tries):
                _try(spreads, cells, np.random.default_rng([5, number, cells, seed]), counts)
            shown = [one.rates(tries, cells) for one in counts]
            texts = [" / ".join(str(rate).split(" ")[0] for rate in rates) for rates in shown]
            facts = {
                f"{label}_{what}": rate
                for label, rates in zip(WAYS, shown, strict=True)
                for what, rate in zip(("wrong", "covered", "found"), rates, strict=True)
            }
            table.add(name, str(cells), *texts, spreads=name, cells=cells, **facts)
    return table


@dataclass
class Counts:
    """Of one way."""

    wrong: int = 0
    covered: int = 0
    found: int = 0

    def rates(self, tries: int, cells: int) -> tuple[Rate, Rate, Rate]:
        """Families with a false verdict, intervals that hold the truth, planted slowdowns found."""
        return Rate(self.wrong, tries), Rate(self.covered, tries * cells), Rate(self.found, tries)


def _try(spreads: Spreads, cells: int, dice: np.random.Generator, counts: Sequence[Counts]) -> None:
    """One family where nothing differs, and one with a slow cell, in every way."""
    sds = spreads(cells, dice)
    planted = np.zeros(cells)
    planted[-1] = -math.log1p(SLOWDOWN)
    equal, slowed = _draw(sds, np.zeros(cells), dice), _draw(sds, planted, dice)
    for way, count in zip(WAYS.values(), counts, strict=True):
        evidence = way(equal)
        count.wrong += any(verdict in {Verdict.FASTER, Verdict.SLOWER} for verdict in _verdicts(evidence))
        intervals = [one.interval() for one in evidence if isinstance(one, Evidence)]
        count.covered += sum(low <= 0 <= high for low, high in intervals)
        count.found += _verdicts(way(slowed))[-1] is Verdict.SLOWER


def _verdicts(evidence: Found) -> list[Verdict | None]:
    return [ratio.verdict for ratio in judge_family([judge(1.0, one, ROUNDS) for one in evidence])]


def _draw(sds: NDArray[np.float64], true: NDArray[np.float64], dice: np.random.Generator) -> Found:
    base, other = (np.exp(dice.normal(shift, sds, size=(ROUNDS, sds.size))) for shift in (true, 0 * true))
    return [unpaired_difference(one, two) for one, two in zip(base.T, other.T, strict=True)]


def _shared(found: Found) -> Found:
    return moderated(found, [(ROUNDS, ROUNDS)] * len(found))


def _unlimited(found: Found) -> Found:
    """Smyth's own posterior variance."""
    scale = 2 / ROUNDS
    known = [one for one in found if isinstance(one, Evidence)]
    noise = fit_noise([one.error**2 / scale for one in known], [2.0 * ROUNDS - 2] * len(known))
    shared = []
    for one in known:
        own, freedom = one.error**2 / scale, 2.0 * ROUNDS - 2
        together = (noise.freedom * noise.variance + freedom * own) / (noise.freedom + freedom)
        shared.append(replace(one, error=math.sqrt(together * scale), freedom=freedom + noise.freedom))
    return shared


WAYS: dict[str, Callable[[Found], Found]] = {"itself": list, "unlimited": _unlimited, "shared": _shared}
