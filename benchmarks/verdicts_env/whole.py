"""Whole comparisons as users make them: two runs of a grid, all cells and their mean."""

import numpy as np
from numpy.typing import NDArray

from detection_env.rates import Rate, Table
from stopwatt.analyse.compare import compare
from stopwatt.analyse.comparison import Comparison
from stopwatt.analyse.observed import Observed, Side
from stopwatt.records import Cell, Protocol, Setup, Workload
from stopwatt.stats.ratios import Verdict

SD = 0.01
SLOWDOWN = 0.02
DIFFERENT = {Verdict.FASTER, Verdict.SLOWER}


def grids(tries: int) -> Table:
    """Two equal runs, and one that is slower everywhere."""
    table = Table(
        f"Whole comparisons of two runs (unpaired, sd between processes {SD:.0%}). Per cent of comparisons: any cell "
        f"or the mean called faster or slower where nothing differs; a slowdown of {SLOWDOWN:.0%} of all cells shown "
        "by their mean; shown by any cell",
        ("cells", "rounds", "any false verdict", "slowdown shown by the mean", "by any cell"),
    )
    for number, (cells, rounds) in enumerate((c, r) for c in (1, 4, 16, 64) for r in (3, 10)):
        equal, slower = (
            [_compared(cells, rounds, shift, np.random.default_rng([6, number, step, seed])) for seed in range(tries)]
            for step, shift in enumerate((0.0, SLOWDOWN))
        )
        wrong = Rate(sum(_any(one) or _mean(one) in DIFFERENT for one in equal), tries)
        mean = Rate(sum(_mean(one) is Verdict.SLOWER for one in slower), tries)
        some = Rate(sum(one.verdicts[Verdict.SLOWER] > 0 for one in slower), tries)
        shown = str(mean) if cells > 1 else "-"
        table.add(
            str(cells), str(rounds), str(wrong), shown, str(some),
            cells=cells, rounds=rounds, wrong=wrong, mean=mean, some=some,
        )  # fmt: skip
    return table


def _any(found: Comparison) -> bool:
    return any(found.verdicts[verdict] for verdict in DIFFERENT)


def _mean(found: Comparison) -> Verdict | None:
    return found.overall.verdict if found.overall else None


def _compared(cells: int, rounds: int, slowdown: float, dice: np.random.Generator) -> Comparison:
    a, b = (np.exp(dice.normal(np.log1p(shift), SD, size=(cells, rounds))) for shift in (0.0, slowdown))
    return compare(_side("A", a), _side("B", b))


def _side(word: str, seconds: NDArray[np.float64]) -> Side:
    rounds = tuple(
        Observed(CELLS[word][place], word, number, f"2026-01-01T00:00:{number:02}+00:00", float(value))
        for place, row in enumerate(seconds)
        for number, value in enumerate(row)
    )
    return Side(word, word, rounds, {})


CELLS = {
    word: [Cell(Workload("mlp"), Setup(batch=batch), Protocol(), code=word) for batch in range(1, 65)] for word in "AB"
}
