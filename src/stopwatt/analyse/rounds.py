"""The rounds of each cell one by one: how each ended, what it measured, what its process printed last."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from stopwatt.analyse.estimate import Rejected, series_of
from stopwatt.records import Measurement, Samples, Status, Trouble


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """One round of a cell.

    Attributes:
        id: Of the measurement in the store.
        n: Latency trials; 0 where there are none, or none that count.
        median_s, max_s: Of those; `None` where there are none.
        log: The last lines that the worker printed.
    """

    id: str
    number: int
    started_at: str
    status: Status
    trouble: Trouble | None = None
    n: int = 0
    median_s: float | None = None
    max_s: float | None = None
    log: str = ""


def rounds_by_cell(measurements: Iterable[Measurement]) -> dict[str, tuple[RoundRecord, ...]]:
    """The rounds of each cell by its key, in the order of their numbers and of time."""
    found: dict[str, list[RoundRecord]] = defaultdict(list)
    for one in measurements:
        found[one.cell.key].append(_record(one))
    return {key: tuple(sorted(rounds, key=lambda one: (one.number, one.started_at))) for key, rounds in found.items()}


def _record(one: Measurement) -> RoundRecord:
    trials = _trials(one.round, one.samples.get("latency"))
    return RoundRecord(one.id, one.round, one.started_at, one.status, one.trouble, *trials, one.log)


def _trials(number: int, samples: Samples | None) -> tuple[int, float | None, float | None]:
    if samples is None:
        return 0, None, None
    try:
        _, series = series_of([(number, samples)])
    except Rejected:  # the cell's summary says which trial
        return 0, None, None
    if not series:
        return 0, None, None
    values = series[0].values
    return int(values.size), float(np.median(values)), float(values.max())
