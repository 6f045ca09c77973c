"""Speed-ups against fp32 eager; those against the same reference are judged as one family."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

from stopwatt.analyse.row import Row, paired_medians
from stopwatt.records import Precision, Status
from stopwatt.stats.ratios import MARGIN, Ratio, compare_rounds, judge_family


def with_speedups(rows: Sequence[Row], margin: float = MARGIN) -> list[Row]:
    """The same rows with their speed-ups over the fp32 eager row of the same kind, where there is one.

    Same kind: workload and its code, batch, device, threads, rules of measuring and machine; anything else would give a
    ratio of different things. The verdicts against one reference hold together (Holm); asking for further batches or
    workloads in the same command does not weaken them.
    """
    families: dict[Hashable, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        families[_kind(row)].append(place)
    judged = list(rows)
    for places in families.values():
        reference = next((rows[place] for place in places if _is_reference(rows[place])), None)
        ratios = judge_family([_speedup(rows[place], reference, margin) for place in places])
        for place, ratio in zip(places, ratios, strict=True):
            judged[place] = replace(rows[place], speedup=ratio)
    return judged


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
