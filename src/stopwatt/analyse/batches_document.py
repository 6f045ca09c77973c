"""What a batch brings each setup, as the documented JSON of `bench`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from stopwatt.analyse.batches import BatchLine, Joules, batch_lines_of_rows
from stopwatt.analyse.document import subject_document
from stopwatt.analyse.memorylimit import MemoryLimit
from stopwatt.analyse.rate import Rate
from stopwatt.analyse.row import Row
from stopwatt.records import Scalar


def batches_document(rows: Sequence[Row], facts: Mapping[str, Scalar]) -> list[dict[str, Any]]:
    """One entry for each workload and setup of which three batch sizes or more were asked for.

    Args:
        rows: All of a bench.
        facts: Of the machine.
    """
    return [_line(one) for one in batch_lines_of_rows(rows, facts)]


def _line(one: BatchLine) -> dict[str, Any]:
    subject = subject_document(one.row.cell.workload, one.row.cell.setup)
    return {
        **{name: value for name, value in subject.items() if name != "batch"},
        "boundary": str(one.row.cell.protocol.boundary),
        "sizes": [point.row.cell.setup.batch for point in one.line.points],
        "rates": [_rate(rate) for rate in one.rates],
        "rates_from": one.metric,
        "knee": asdict(one.knee) | {"course": str(one.knee.course), "why": one.knee.why or None},
        "best": None if one.best is None else _rate(one.best),
        "least_energy": None if one.energy is None else _joules(one.energy),
        "memory": _memory(one.memory),
    }


def _rate(rate: Rate) -> dict[str, Any]:
    return asdict(rate) | {"unit": "samples/s"}


def _joules(joules: Joules) -> dict[str, Any]:
    taken = joules.estimate
    return {
        "metric": taken.metric,
        "batch": joules.batch,
        "value": taken.value,
        "low": taken.low,
        "high": taken.high,
        "unit": taken.unit,
    }


def _memory(limit: MemoryLimit) -> dict[str, Any]:
    return {
        "metric": limit.metric,
        "ran": limit.ran,
        "did_not_fit": limit.failed,
        "killed": limit.probable,
        "not_tried": list(limit.not_tried),
        "full_at": asdict(limit.reach) | {"why": limit.reach.why or None},
    }
