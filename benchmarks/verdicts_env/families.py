"""Many comparisons at once: is any verdict wrong? By the rule in use, and by those that look as good."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detection_env.rates import Rate, Table
from stopwatt.stats.differences import paired_difference
from stopwatt.stats.ratios import MARGIN, Claims, Ratio, Verdict, holm, judge, judge_family

CELLS = 16
ROUNDS = 10
EDGE = math.log1p(MARGIN)
RISK = 0.05


@dataclass(frozen=True)
class Truth:
    """What is true of a family: the logarithm of each ratio, and the spread of each cell's rounds."""

    name: str
    logs: NDArray[np.float64]
    sds: NDArray[np.float64]


def _truths() -> list[Truth]:
    zero, edge = np.zeros(CELLS), np.full(CELLS, EDGE)
    just = 0.5 * EDGE * math.sqrt(ROUNDS) / 2.262  # equivalence alone can just be shown
    one_vague, one_edge, half = zero.copy(), zero.copy(), zero.copy()
    one_vague[:-1] = EDGE
    one_edge[-1] = EDGE
    half[: CELLS // 2] = math.log(1.5)
    precise = np.full(CELLS, EDGE / 20)
    vague_last, sharp_last = np.full(CELLS, EDGE / 60), np.full(CELLS, just)
    vague_last[-1], sharp_last[-1] = 0.3, EDGE / 60
    return [
        Truth("nothing differs; the rounds are vague", zero, np.full(CELLS, 0.05)),
        Truth("nothing differs; equivalence can just be shown", zero, np.full(CELLS, just)),
        Truth("all lie exactly on the margin, measured precisely", edge, precise),
        Truth("15 lie on the margin, precisely; 1 is equal, vaguely", one_vague, vague_last),
        Truth("15 are equal, just so; 1 lies on the margin, precisely", one_edge, sharp_last),
        Truth("8 are 1.5 x as fast; 8 are equal", half, np.full(CELLS, just)),
    ]


def rules(tries: int) -> Table:
    """Share of families with a false verdict, by three rules."""
    table = Table(
        f"Families of {CELLS} comparisons, {ROUNDS} paired rounds each: per cent of families with any false verdict. "
        "False is: faster or slower where that is not so, equivalent where the truth is not inside the margin",
        ("what is true", "Holm on the claim that is made", "Holm on the smaller p-value", "the rule in use"),
    )
    for number, truth in enumerate(_truths()):
        wrong = dict.fromkeys((_claim_made, _smaller_p, judge_family), 0)
        for seed in range(tries):
            alone = _draw(truth, np.random.default_rng([4, number, seed]))
            for rule in wrong:
                wrong[rule] += _any_wrong(rule(alone), truth)
        rates = [Rate(count, tries) for count in wrong.values()]
        table.add(truth.name, *map(str, rates), truth=truth.name, claim=rates[0], smaller=rates[1], used=rates[2])
    return table


def _draw(truth: Truth, dice: np.random.Generator) -> list[Ratio]:
    logs = dice.normal(truth.logs, truth.sds, size=(ROUNDS, CELLS))
    ones = np.ones(ROUNDS)
    return [judge(1.0, paired_difference(np.exp(column), ones), ROUNDS) for column in logs.T]


def _any_wrong(ratios: Sequence[Ratio], truth: Truth) -> bool:
    return any(_wrong(ratio.verdict, log) for ratio, log in zip(ratios, truth.logs, strict=True))


def _wrong(verdict: Verdict | None, log: float) -> bool:
    if verdict is Verdict.EQUIVALENT:
        return abs(log) >= EDGE
    return (verdict is Verdict.FASTER and log <= 0) or (verdict is Verdict.SLOWER and log >= 0)


def _claim_made(ratios: Sequence[Ratio]) -> list[Ratio]:
    """Holm with the p-value of the claim that each ratio makes alone."""
    return _keep(ratios, holm([ratio.p or 0.0 for ratio in ratios]))


def _smaller_p(ratios: Sequence[Ratio]) -> list[Ratio]:
    """Holm with the smaller of the two p-values of each ratio."""
    return _keep(ratios, holm([_least(ratio.claims) for ratio in ratios]))


def _least(claims: Claims | None) -> float:
    return 1.0 if claims is None else min(claims.different, claims.equivalent)


def _keep(ratios: Sequence[Ratio], adjusted: Sequence[float]) -> list[Ratio]:
    return [
        ratio if p <= RISK else replace(ratio, verdict=Verdict.INCONCLUSIVE)
        for ratio, p in zip(ratios, adjusted, strict=True)
    ]
