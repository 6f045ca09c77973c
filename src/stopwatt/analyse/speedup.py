"""Speed-ups against fp32 eager, judged as one family."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

from stopwatt.analyse.row import Row, paired_medians
from stopwatt.records import Precision, Status
from stopwatt.stats.ratios import MARGIN, Ratio, compare_rounds, judge_family


def with_speedups(rows: Sequence[Row], margin: float = MARGIN) -> list[Row]:
    """The same rows with their speed-ups over the fp32 eager row of the same kind, where there is one.

    Same kind: workload and its code, batch, device, threads, rules of measuring and machine; anything else would give a
    ratio of different things. The verdicts hold together (Holm over all rows).
    """
    references = {_kind(row): row for row in reversed(rows) if _is_reference(row)}
    ratios = judge_family([_speedup(row, references.get(_kind(row)), margin) for row in rows])
    return [replace(row, speedup=ratio) for row, ratio in zip(rows, ratios, strict=True)]


def _is_reference(row: Row) -> bool:
    setup = row.cell.setup
    return setup.backend_label == "eager" and setup.precision is Precision.FP32


def _kind(row: Row) -> Hashable:
    cell = row.cell
    workload = (cell.workload.source, tuple(sorted(cell.workload.params.items())), cell.code)
    rules = replace(cell.protocol, rounds=0, timeout_s=0)
    return workload, cell.setup.batch, cell.setup.device, cell.setup.threads, rules, cell.machine


def _speedup(row: Row, reference: Row | None, margin: float) -> Ratio:
    if row.status is not Status.OK:
        return Ratio(why=f"nothing to compare: {row.status}")
    if reference is row:
        return Ratio(why="this is the reference")
    if reference is None:
        return Ratio(why="no fp32 eager row of the same workload, batch, device and threads")
    if reference.status is not Status.OK:
        return Ratio(why=f"the fp32 eager row is {reference.status}")
    return compare_rounds(*paired_medians(reference, row), margin=margin)
