"""Are inversions, kinks and exponents found where they are, and nowhere else? Simulated grids of known truth."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from result import Page
from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.grid import Grid, arrange
from stopwatt.analyse.row import Row
from stopwatt.analyse.scaling import Course, Scaling, scaling_of
from stopwatt.records import Cell, Protocol, Setup, Status, Workload
from stopwatt.units import percent

FALSE_SEEDS = 300
FOUND_SEEDS = 60
STATE = 0.02
PROTOCOL = Protocol()
LAYERS, HIDDEN, SEQ = (1, 2, 3, 4), (64, 128, 200, 256), (64, 128, 200, 256)
LONG = (32, 64, 128, 256, 512, 1024)

Law = Callable[[int, int, int], float]
Disturb = Callable[[np.random.Generator, NDArray[Any]], NDArray[Any]]


def power_law(layers: int, hidden: int, seq: int) -> float:
    """No kink, no inversion."""
    return 1e-7 * layers * hidden**1.4 * seq


def flat(layers: int, hidden: int, seq: int) -> float:  # noqa: ARG001  (a law of all three)
    """Sizes that make no difference: half of all neighbours are faster by chance."""
    return 1e-3


def plain(dice: np.random.Generator, noise: NDArray[Any]) -> NDArray[Any]:  # noqa: ARG001
    """All cells are equally noisy."""
    return noise


def few_noisy(share: float, factor: float) -> Disturb:
    """A share of the cells is far noisier than the rest."""
    return lambda dice, noise: noise * (factor if dice.random() < share else 1)


def unlike(dice: np.random.Generator, noise: NDArray[Any]) -> NDArray[Any]:
    """Every cell has a noise of its own, over a factor of about ten."""
    return noise * dice.lognormal(0, 0.7)


def two_levels(dice: np.random.Generator, noise: NDArray[Any]) -> NDArray[Any]:
    """A process runs 5 % slower with a chance of a quarter."""
    return noise + 0.05 * (dice.random(noise.size) < 0.25)


def shocks(dice: np.random.Generator, noise: NDArray[Any]) -> NDArray[Any]:
    """One process in thirty runs 30 % slower."""
    return noise + 0.3 * (dice.random(noise.size) < 0.03)


NOISES: dict[str, Disturb] = {
    "equal for all cells": plain,
    "different for every cell": unlike,
    "1 cell in 30 three times as noisy": few_noisy(1 / 30, 3),
    "1 cell in 30 ten times as noisy": few_noisy(1 / 30, 10),
    "1 cell in 10 ten times as noisy": few_noisy(1 / 10, 10),
    "a quarter of the processes 5 % slower": two_levels,
    "1 process in 30 slower by 30 %": shocks,
}


def grid_of(
    law: Law, seed: int, *, rounds: int, noise: float, disturb: Disturb = plain, hidden: Sequence[int] = HIDDEN
) -> Grid:
    """A grid in which all cells of a round share the machine's state."""
    dice = np.random.default_rng(seed)
    state = dice.normal(0, STATE, rounds)
    rows = []
    for layers, size, seq in product(LAYERS, hidden, SEQ):
        own = disturb(dice, dice.normal(0, noise, rounds))
        rows.append(_row(law(layers, size, seq) * np.exp(state + own), layers=layers, hidden=size, seq=seq))
    return arrange(rows)


def _row(medians: NDArray[Any], **params: int) -> Row:
    cell = Cell(Workload("planted", params), Setup(), PROTOCOL)
    value = float(np.exp(np.log(medians).mean()))
    estimates = {"latency": Estimate("latency", "s", value, n=medians.size, rounds=medians.size)}
    numbered = tuple(enumerate(medians.tolist()))
    return Row(cell, Status.OK, None, medians.size, 0, estimates, round_medians=numbered)


def false_rows() -> list[dict[str, Any]]:
    """How often anything is shown in a grid where there is nothing."""
    found = []
    for (name, disturb), rounds in product(NOISES.items(), (3, 10)):
        scalings = [
            scaling_of(grid_of(law, seed, rounds=rounds, noise=0.005, disturb=disturb))
            for seed in range(FALSE_SEEDS)
            for law in ((power_law, flat)[seed % 2],)
        ]
        inversions, kinks = ([claim(one) for one in scalings] for claim in (_inverted, _kinked))
        either = [one or other for one, other in zip(inversions, kinks, strict=True)]
        rates = {"inversions": inversions, "kinks": kinks, "either": either}
        found.append({"noise": name, "rounds": rounds} | {key: float(np.mean(one)) for key, one in rates.items()})
    return found


def _inverted(scaling: Scaling) -> bool:
    return any(one.shown for one in scaling.inversions)


def _kinked(scaling: Scaling) -> bool:
    return any(growth.course is not Course.POWER_LAW for growth in scaling.growths)


def inversion_rows() -> list[dict[str, Any]]:
    """How many of 16 places show an inversion that all of them have."""
    found = []
    for gain, noise, rounds in product((0.01, 0.02, 0.04, 0.08), (0.005, 0.01), (3, 10)):

        def law(layers: int, hidden: int, seq: int, gain: float = gain) -> float:
            return power_law(layers, 200 if hidden == 256 else hidden, seq) * (1 - gain if hidden == 256 else 1)

        shares, covered = [], []
        for seed in range(FOUND_SEEDS):
            scaling = scaling_of(grid_of(law, seed, rounds=rounds, noise=noise))
            steps = [step for step in scaling.steps if (step.axis, step.small.where["hidden"]) == ("hidden", 200)]
            shown = {id(one.small) for one in scaling.inversions if one.shown and one.axis == "hidden"}
            shares.append(np.mean([id(step.small) in shown for step in steps]))
            bounds = [step.evidence.interval() for step in steps if step.evidence is not None]
            covered += [low <= np.log(1 - gain) <= high for low, high in bounds]
        found.append(
            {"gain": gain, "noise": noise, "rounds": rounds, "found": float(np.mean(shares)),
             "coverage": float(np.mean(covered))}
        )  # fmt: skip
    return found


def kink_rows() -> list[dict[str, Any]]:
    """How many lines show a kink that all of them have, how many at the right place, and what else is said."""
    found = []
    for change, noise in product((0.2, 0.4, 0.8, -0.4), (0.005, 0.02)):

        def law(layers: int, hidden: int, seq: int, change: float = change) -> float:
            return power_law(layers, 128, seq) * (hidden / 128) ** (0.8 + (change if hidden > 128 else 0))

        growths = [
            growth
            for seed in range(FOUND_SEEDS)
            for growth in scaling_of(grid_of(law, seed, rounds=3, noise=noise, hidden=LONG)).growths
            if growth.line.axis.name == "hidden"
        ]
        shares = {
            "exact": np.mean([growth.kinks == (128.0,) for growth in growths]),
            "elsewhere": np.mean([growth.kinks not in {(), (128.0,)} for growth in growths]),
            "bent": np.mean([growth.course is Course.BENT for growth in growths]),
            "none": np.mean([growth.course is Course.POWER_LAW for growth in growths]),
        }
        found.append({"change": change, "noise": noise} | {name: float(share) for name, share in shares.items()})
    return found


def coverage_rows() -> list[dict[str, Any]]:
    """How often the interval of an exponent holds the truth."""
    found = []
    for rounds, name in product((3, 5, 10), ("equal for all cells", "different for every cell")):
        covered, widths = [], []
        for seed in range(FOUND_SEEDS):
            grid = grid_of(power_law, seed, rounds=rounds, noise=0.01, disturb=NOISES[name])
            for growth in scaling_of(grid).growths:
                truth = 1.4 if growth.line.axis.name == "hidden" else 1.0
                assert growth.low is not None
                assert growth.high is not None
                covered.append(growth.low <= truth <= growth.high)
                widths.append(growth.high - growth.low)
        found.append(
            {"rounds": rounds, "noise": name, "coverage": float(np.mean(covered)), "width": float(np.median(widths))}
        )
    return found


def main() -> None:
    """Simulate, and write docs/results/findings.md."""
    false, inversions, kinks, coverage = false_rows(), inversion_rows(), kink_rows(), coverage_rows()
    worst = max(row["either"] for row in false)
    plain_worst = max(row["either"] for row in false if row["noise"] == "equal for all cells")
    page = Page(
        "findings",
        "Are inversions, kinks and exponents found where they are, and nowhere else?",
        "python benchmarks/findings.py",
        sentences=[
            "Simulated grids of 64 cells (layers x hidden x seq, 4 values each; for kinks 6 of hidden) whose truth is "
            f"known: {FALSE_SEEDS} for each line of the first table, {FOUND_SEEDS} for the others. In every round all "
            f"cells share the state of the machine (standard deviation {percent(STATE)}); the noise is what a cell has "
            "of its own in one round (in the first table 0.5 % before it is disturbed). No device was measured.",
            f"Where nothing is, something is shown in {percent(plain_worst)} of the grids if all cells are equally "
            f"noisy, and in at most {percent(worst)} for the noises tried.",
        ],
        tables=[
            (
                "Grids without inversions and kinks (half power laws, half flat): share that shows any",
                ["noise", "rounds", "inversion", "kink or bend", "either"],
                [[row["noise"], str(row["rounds"]), *(percent(row[name]) for name in ("inversions", "kinks", "either"))]
                 for row in false],
            ),
            (
                "hidden=256 faster than hidden=200 everywhere: share of the places that show it by themselves",
                ["faster by", "noise", "rounds", "shown", "interval holds the truth"],
                [[percent(row["gain"]), percent(row["noise"]), str(row["rounds"]), percent(row["found"]),
                  percent(row["coverage"])] for row in inversions],
            ),
            (
                "The exponent changes at hidden=128 (from 0.8), 3 rounds: share of the lines",
                ["change", "noise", "kink there", "kinks elsewhere too", "called a bend", "nothing"],
                [[f"{row['change']:+.1f}", percent(row["noise"]), *(percent(row[name]) for name in
                  ("exact", "elsewhere", "bent", "none"))] for row in kinks],
            ),
            (
                "Exponent of a power law, noise 1 %: share of the intervals that hold the truth, and their width",
                ["rounds", "noise", "holds the truth", "median width"],
                [[str(row["rounds"]), row["noise"], percent(row["coverage"]), f"{row['width']:.3f}"]
                 for row in coverage],
            ),
        ],
        data={"false": false, "inversions": inversions, "kinks": kinks, "coverage": coverage},
    )  # fmt: skip
    page.write()


if __name__ == "__main__":
    main()
