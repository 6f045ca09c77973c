"""Measurements as one long table: a row a trial, every column with one meaning."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from stopwatt.energy import CHANNELS, Span, Trace
from stopwatt.records import Estimated, Measured, Measurement, Reading, Suspect
from stopwatt.store.model import Run
from stopwatt.wire import to_document

SCHEMA = 1
"""Version of the table; grows when a column changes its meaning or goes."""

TEXT, INTEGER, NUMBER = str, int, float

COLUMNS: dict[str, type] = {
    "measurement": TEXT, "run": TEXT, "tag": TEXT, "cell": TEXT,
    "workload": TEXT, "params": TEXT, "backend": TEXT, "variant": TEXT, "techniques": TEXT,
    "precision": TEXT, "batch": INTEGER,
    "device": TEXT, "threads": INTEGER, "boundary": TEXT, "protocol": TEXT,
    "code": TEXT, "software": TEXT, "machine": TEXT,
    "round": INTEGER, "status": TEXT, "reason": TEXT, "started_at": TEXT,
    "kind": TEXT, "metric": TEXT, "trial": INTEGER, "value": NUMBER, "unit": TEXT, "why": TEXT,
    "time_ns": INTEGER,
}  # fmt: skip
"""Columns in order, with the type of their values (docs/store.md says what each means)."""


class RowKind(StrEnum):
    """What a row of the table is."""

    TRIAL = "trial"
    READING = "reading"
    SUSPECT = "suspect"
    ESTIMATED = "estimated"
    UNAVAILABLE = "unavailable"
    SPAN = "span"
    TRACE = "trace"
    NOTHING = "nothing"  # the round measured nothing: status and reason say why


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that differ in trial, value and time only.

    Attributes:
        same: Values of the columns that are equal in all rows.
        values: One per row; `None` where there is none.
        times: Column `time_ns`, one per row; empty if no row has one.
    """

    kind: RowKind
    same: dict[str, str | int | None]
    values: Sequence[float | int | None]
    times: Sequence[int] = ()

    @property
    def trials(self) -> Sequence[int | None]:
        """Column `trial`: counted from 0; `None` in rows that are not trials."""
        return range(len(self.values)) if self.kind is RowKind.TRIAL else [None] * len(self.values)

    @property
    def times_ns(self) -> Sequence[int | None]:
        """Column `time_ns`."""
        return self.times or [None] * len(self.values)


def blocks(run: Run, measurement: Measurement) -> Iterator[Block]:
    """A measurement as rows of the table; at least one, whatever it holds."""
    same = _of_cell(measurement) | _of_round(run, measurement)
    empty = True
    for metric, samples in measurement.samples.items():
        empty = False
        yield _block(RowKind.TRIAL, same, metric, samples.values.tolist(), unit=samples.unit)
    for metric, reading in measurement.readings.items():
        empty = False
        yield _of_reading(same, metric, reading)
    if empty:
        yield _block(RowKind.NOTHING, same, None, [None])
    for span in measurement.spans:
        yield _of_span(same, span)
    for trace in measurement.traces:
        yield from _of_trace(same, trace)


def _of_reading(same: dict[str, Any], metric: str, reading: Reading) -> Block:
    match reading:
        case Measured():
            return _block(RowKind.READING, same, metric, [reading.value], unit=reading.unit)
        case Suspect():
            return _block(RowKind.SUSPECT, same, metric, [reading.value], unit=reading.unit, why=reading.why)
        case Estimated():
            how = f"{reading.how}: {reading.low:.4g} to {reading.high:.4g}"
            return _block(RowKind.ESTIMATED, same, metric, [reading.value], unit=reading.unit, why=how)
    return _block(RowKind.UNAVAILABLE, same, metric, [None], why=reading.why)


def _of_span(same: dict[str, Any], span: Span) -> Block:
    """Its length, and when it began."""
    how = f"{span.calls} calls" if span.calls else ""
    return replace(_block(RowKind.SPAN, same, span.name, [span.seconds], unit="s", why=how), times=[span.begin_ns])


def _of_trace(same: dict[str, Any], trace: Trace) -> Iterator[Block]:
    """A row for each value that was read, channel after channel."""
    for name, values in trace.channels.items():
        there = np.isfinite(values)
        unit = CHANNELS[name].unit if name in CHANNELS else ""
        metric = f"{trace.about.name}.{name}"
        block = _block(RowKind.TRACE, same, metric, values[there].tolist(), unit=unit, why=trace.gone)
        yield replace(block, times=trace.time_ns[there].tolist())


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
        "techniques": "+".join(cell.setup.techniques),
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
