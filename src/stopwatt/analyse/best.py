"""Which setup is the fastest of its workload and batch, which takes the least energy, and is that decided?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stopwatt.analyse.row import RoundValues, Row, paired
from stopwatt.records import Status
from stopwatt.stats.ratios import MARGIN, Verdict, compare_rounds, judge_family

NEAR = 1.1
"""Ratio of medians up to which a row that cannot be told apart from the best is called tied with it."""


@dataclass(frozen=True, slots=True)
class Best:
    """The fastest of one workload and batch, or that with the least energy.

    Attributes:
        keys: Keys of the cells, the lowest value first, then those that are near it and cannot be told apart from it;
            empty where nothing can be said.
        contenders: Rows that had a value.
        undecided: Rows that cannot be told apart from the first, near or not.
        why: Why `keys` is empty.
    """

    keys: tuple[str, ...]
    contenders: int
    undecided: int = 0
    why: str = ""

    @property
    def decided(self) -> bool:
        """Whether there is one winner among several."""
        return self.contenders > 1 and bool(self.keys) and not self.undecided


def best_per_batch(rows: Sequence[Row], margin: float = MARGIN) -> dict[tuple[str, int], Best]:
    """The best of each (workload label, batch).

    A row is told apart from the one with the lowest median when that one is `faster`, by rounds paired with it; these
    verdicts hold together within the batch (`judge_family`).
    """
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.cell.workload.label, row.cell.setup.batch), []).append(row)
    by_latency = _By(_latency, lambda row: row.round_medians, "no row has a latency")
    return {group: _best(members, by_latency, margin) for group, members in groups.items()}


def least_energy(rows: Sequence[Row], metric: str, margin: float = MARGIN) -> Best:
    """The row that takes the least energy, decided in the same way; what is suspect or estimated takes no part.

    Args:
        rows: Of one workload and batch.
        metric: Name of the energy of some scope.
        margin: Relative difference that does not matter.
    """

    def energy(row: Row) -> float | None:
        return row.estimates[metric].measured if row.status is Status.OK else None

    by_energy = _By(energy, lambda row: row.round_energies.get(metric, ()), f"no row has a measured {metric}")
    return _best(rows, by_energy, margin)


@dataclass(frozen=True, slots=True)
class _By:
    """What rows are ordered by: their value, those of their rounds, and what is said where no row has one."""

    value: Callable[[Row], float | None]
    rounds: Callable[[Row], RoundValues]
    nothing: str


def _best(rows: Sequence[Row], by: _By, margin: float) -> Best:
    known = [(value, row) for row in rows if (value := by.value(row)) is not None]
    contenders = [row for _, row in sorted(known, key=lambda pair: pair[0])]
    if not contenders:
        return Best((), 0, why=by.nothing)
    first, *others = contenders
    pairs = [paired(by.rounds(row), by.rounds(first)) for row in others]
    ratios = judge_family([compare_rounds(*pair, margin=margin) for pair in pairs])
    if others and all(ratio.p is None for ratio in ratios):
        return Best((), len(contenders), why=f"not compared: {ratios[0].why}")
    open_rows = [(row, ratio) for row, ratio in zip(others, ratios, strict=True) if ratio.verdict is not Verdict.FASTER]
    # A tie is a claim too: a row of twice the latency and a very wide interval is undecided, but nobody's equal.
    tied = [row for row, ratio in open_rows if ratio.value is not None and ratio.value <= NEAR]
    return Best(tuple(row.cell.key for row in (first, *tied)), len(contenders), len(open_rows))


def _latency(row: Row) -> float | None:
    return row.estimates["latency"].value if row.status is Status.OK else None
