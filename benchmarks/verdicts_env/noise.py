"""Families of few rounds that share what they know of the noise: how far may a cell trust the others?"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

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
    ways: tuple[Callable[[Found], Found], ...] = (list, _unlimited, _shared)
    for number, (name, spreads) in enumerate(KINDS.items()):
        for cells in CELLS:
            shown = [_of_way(way, spreads, cells, tries, [5, number, cells]) for way in ways]
            texts = [" / ".join(str(rate).split(" ")[0] for rate in rates) for rates in shown]
            facts = {
                f"{label}_{what}": rate
                for label, rates in zip(("itself", "unlimited", "shared"), shown, strict=True)
                for what, rate in zip(("wrong", "covered", "found"), rates, strict=True)
            }
            table.add(name, str(cells), *texts, spreads=name, cells=cells, **facts)
    return table


def _of_way(
    way: Callable[[Found], Found], spreads: Spreads, cells: int, tries: int, table: list[int]
) -> tuple[Rate, Rate, Rate]:
    wrong = covered = found = 0
    for seed in range(tries):
        dice = np.random.default_rng([*table, seed])
        sds = spreads(cells, dice)
        evidence = way(_draw(sds, np.zeros(cells), dice))
        verdicts = [one.verdict for one in judge_family([judge(1.0, one, ROUNDS) for one in evidence])]
        wrong += any(verdict in {Verdict.FASTER, Verdict.SLOWER} for verdict in verdicts)
        covered += sum(
            low <= 0 <= high for low, high in (one.interval() for one in evidence if isinstance(one, Evidence))
        )
        planted = np.zeros(cells)
        planted[-1] = -math.log1p(SLOWDOWN)
        slowed = way(_draw(sds, planted, dice))
        found += judge_family([judge(1.0, one, ROUNDS) for one in slowed])[-1].verdict is Verdict.SLOWER
    return Rate(wrong, tries), Rate(covered, tries * cells), Rate(found, tries)


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
