"""Measurements as one long table: a row a trial, every column with one meaning."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from stopwatt.records import Measured, Measurement
from stopwatt.store.model import Run
from stopwatt.wire import to_document

SCHEMA = 1
"""Version of the table; grows when a column changes its meaning or goes."""

TEXT, INTEGER, NUMBER = str, int, float

COLUMNS: dict[str, type] = {
    "measurement": TEXT, "run": TEXT, "tag": TEXT, "cell": TEXT,
    "workload": TEXT, "params": TEXT, "backend": TEXT, "variant": TEXT, "precision": TEXT, "batch": INTEGER,
    "device": TEXT, "threads": INTEGER, "boundary": TEXT, "protocol": TEXT,
    "code": TEXT, "software": TEXT, "machine": TEXT,
    "round": INTEGER, "status": TEXT, "reason": TEXT, "started_at": TEXT,
    "kind": TEXT, "metric": TEXT, "trial": INTEGER, "value": NUMBER, "unit": TEXT, "why": TEXT,
}  # fmt: skip
"""Columns in order, with the type of their values (docs/store.md says what each means)."""


class RowKind(StrEnum):
    """What a row of the table is."""

    TRIAL = "trial"
    READING = "reading"
    UNAVAILABLE = "unavailable"
    NOTHING = "nothing"  # the round measured nothing: status and reason say why


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that differ in trial and value only.

    Attributes:
        same: Values of the columns that are equal in all rows.
        values: One per row; `None` where there is none.
    """

    kind: RowKind
    same: dict[str, str | int | None]
    values: Sequence[float | int | None]

    @property
    def trials(self) -> Sequence[int | None]:
        """Column `trial`: counted from 0; `None` in rows that are not trials."""
        return range(len(self.values)) if self.kind is RowKind.TRIAL else [None] * len(self.values)


def blocks(run: Run, measurement: Measurement) -> Iterator[Block]:
    """A measurement as rows of the table; at least one, whatever it holds."""
    same = _of_cell(measurement) | _of_round(run, measurement)
    empty = True
    for metric, samples in measurement.samples.items():
        empty = False
        yield _block(RowKind.TRIAL, same, metric, samples.values.tolist(), unit=samples.unit)
    for metric, reading in measurement.readings.items():
        empty = False
        if isinstance(reading, Measured):
            yield _block(RowKind.READING, same, metric, [reading.value], unit=reading.unit)
        else:
            yield _block(RowKind.UNAVAILABLE, same, metric, [None], why=reading.why)
    if empty:
        yield _block(RowKind.NOTHING, same, None, [None])


def _block(
    kind: RowKind,
    same: dict[str, Any],
    metric: str | None,
    values: Sequence[Any],
    *,
    unit: str = "",
    why: str = "",
) -> Block:
    own = {"kind": str(kind), "metric": metric, "unit": unit or None, "why": why or None}
    texts = {name: _clean(value) if isinstance(value, str) else value for name, value in (same | own).items()}
    return Block(kind, texts, values)


def _of_cell(measurement: Measurement) -> dict[str, Any]:
    cell = measurement.cell
    setup = {name: getattr(cell.setup, name) for name in ("backend", "variant", "batch", "device", "threads")}
    return setup | {
        "cell": cell.key,
        "workload": cell.workload.source,
        "params": json.dumps(dict(cell.workload.params)),
        "precision": str(cell.setup.precision),
        "boundary": str(cell.protocol.boundary),
        "protocol": json.dumps(to_document(cell.protocol)),
        "code": cell.code,
        "software": json.dumps(dict(cell.software)),
        "machine": cell.machine,
    }


def _of_round(run: Run, measurement: Measurement) -> dict[str, Any]:
    return {
        "measurement": measurement.id,
        "run": run.id,
        "tag": run.tag,
        "round": measurement.round,
        "status": str(measurement.status),
        "reason": measurement.trouble.what if measurement.trouble else None,
        "started_at": measurement.started_at,
    }


def _clean(text: str) -> str:
    """Unpaired surrogates (bytes of file names that are no UTF-8) as escapes: no file format takes them."""
    return text.encode(errors="backslashreplace").decode()
