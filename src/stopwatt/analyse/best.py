"""Which setup is the fastest of its workload and batch, and is that decided?"""

from collections.abc import Sequence
from dataclasses import dataclass

from stopwatt.analyse.row import Row, paired_medians
from stopwatt.records import Status
from stopwatt.stats.ratios import MARGIN, Verdict, compare_rounds, judge_family

NEAR = 1.1
"""Ratio of medians up to which a row that cannot be told apart from the best is called tied with it."""


@dataclass(frozen=True, slots=True)
class Best:
    """The fastest of one workload and batch.

    Attributes:
        keys: Keys of the cells, the lowest median latency first, then those that are near it and cannot be told apart
            from it; empty where nothing can be said.
        contenders: Rows that had a latency.
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
    return {group: _best(members, margin) for group, members in groups.items()}


def _best(rows: Sequence[Row], margin: float) -> Best:
    contenders = sorted((row for row in rows if _latency(row) is not None), key=lambda row: _latency(row) or 0)
    if not contenders:
        return Best((), 0, why="no row has a latency")
    first, *others = contenders
    ratios = judge_family([compare_rounds(*paired_medians(row, first), margin=margin) for row in others])
    if others and all(ratio.p is None for ratio in ratios):
        return Best((), len(contenders), why=f"not compared: {ratios[0].why}")
    open_rows = [(row, ratio) for row, ratio in zip(others, ratios, strict=True) if ratio.verdict is not Verdict.FASTER]
    # A tie is a claim too: a row of twice the latency and a very wide interval is undecided, but nobody's equal.
    tied = [row for row, ratio in open_rows if ratio.value is not None and ratio.value <= NEAR]
    return Best(tuple(row.cell.key for row in (first, *tied)), len(contenders), len(open_rows))


def _latency(row: Row) -> float | None:
    return row.estimates["latency"].value if row.status is Status.OK else None
