"""Measurements as rows and back.

What is filtered on stands in columns of its own; the truth is the documents (`wire`) and the arrays beside them.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import ValidationError
from sqlalchemy import RowMapping

from stopwatt.arrays import Array, pack_array, unpack_array
from stopwatt.energy import CHANNELS, Trace
from stopwatt.errors import StopwattError, StoreError
from stopwatt.records import Cell, Measurement, Note, Samples, digest
from stopwatt.wire import from_document, to_document

_COLUMN_LENGTH = 500  # of texts that are filtered on; PostgreSQL cannot index long ones. Documents are never cut.

TIME = "time"
"""The channel of the times of a trace; no instrument reads one of this name."""
_NO_TIMES = np.empty(0, dtype=np.int64)

Row = Mapping[str, Any] | RowMapping


def column_text(value: str) -> str:
    """A text as its column holds it: cut, and without what a database refuses (NUL, unpaired surrogates)."""
    return value[:_COLUMN_LENGTH].replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def cell_row(cell: Cell) -> dict[str, Any]:
    """Row of `cells`."""
    setup = cell.setup
    return {
        "key": cell.key,
        "workload": column_text(cell.workload.source),
        "params": json.dumps(dict(cell.workload.params)),
        "backend": column_text(setup.backend),
        "variant": column_text(setup.variant),
        "precision": str(setup.precision),
        "batch": setup.batch,
        "device": column_text(setup.device),
        "threads": setup.threads,
        "techniques": column_text("+".join(setup.techniques)),
        "document": json.dumps(to_document(cell)),
    }


def environment_row(measurement: Measurement) -> dict[str, Any]:
    """Row of `environments`: equal sets of facts share one."""
    facts = dict(measurement.facts)
    return {"digest": digest(facts), "facts": json.dumps(facts)}


def round_row(run: str, measurement: Measurement) -> dict[str, Any]:
    """Row of `rounds`. Rounds and time limit stand here because cells that differ in them only are one cell."""
    bare = tuple(replace(trace, time_ns=_NO_TIMES, channels={}) for trace in measurement.traces)
    document = to_document(replace(measurement, samples={}, facts={}, traces=bare))
    for elsewhere in ("cell", "samples", "facts"):
        del document[elsewhere]
    trouble = measurement.trouble
    return {
        "id": measurement.id,
        "run": run,
        "cell": measurement.cell.key,
        "environment": digest(dict(measurement.facts)),
        "round": measurement.round,
        "planned_rounds": measurement.cell.protocol.rounds,
        "timeout_s": measurement.cell.protocol.timeout_s,
        "status": str(measurement.status),
        "reason": None if trouble is None else column_text(trouble.what),
        "trials": measurement.samples["latency"].values.size if "latency" in measurement.samples else 0,
        "started_at": column_text(measurement.started_at),
        "document": json.dumps(document),
    }


def sample_rows(measurement: Measurement) -> list[dict[str, Any]]:
    """Rows of `samples`, one a metric."""
    return [
        {"measurement": measurement.id, "metric": metric, "unit": samples.unit, **_packed(samples.values)}
        for metric, samples in measurement.samples.items()
    ]


def trace_rows(measurement: Measurement) -> list[dict[str, Any]]:
    """Rows of `traces`, one a channel, and one for the times of each instrument."""
    return [
        {"measurement": measurement.id, "place": place, "channel": channel, "unit": unit, **_packed(values)}
        for place, trace in enumerate(measurement.traces)
        for channel, unit, values in (
            (TIME, "ns", trace.time_ns),
            *((name, CHANNELS[name].unit if name in CHANNELS else "", one) for name, one in trace.channels.items()),
        )
    ]


def _packed(values: Array) -> dict[str, Any]:
    packed = pack_array(values)
    data = base64.b64decode(packed.pop("zlib"))
    return {**packed, "data": data}


def measurement_from(row: Row, arrays: Iterable[Row], channels: Iterable[Row] = ()) -> Measurement:
    """The measurement of a joined row of rounds, cells and environments, its rows of samples and those of traces.

    A damaged array is left out and named in a note; everything else stays readable.

    Raises:
        StoreError: The row's documents themselves are damaged.
    """
    samples, notes = _samples(row["id"], arrays)
    try:
        cell = from_document(Cell, json.loads(row["cell_document"]))
        protocol = replace(cell.protocol, rounds=row["planned_rounds"], timeout_s=row["timeout_s"])
        document = json.loads(row["document"])
        document |= {"cell": replace(cell, protocol=protocol), "facts": json.loads(row["facts"])}
        found = from_document(Measurement, document)
    except (ValueError, TypeError, ValidationError) as error:
        raise StoreError(
            "a stored measurement cannot be read: its document is damaged",
            when=f"measurement {row['id']}",
            now="the others are intact; select them with --run, --cell or --workload",
        ) from error
    traces, damaged = _traces(found, channels)
    return replace(found, samples=samples, traces=traces, notes=(*found.notes, *notes, *damaged))


def _samples(measurement: str, rows: Iterable[Row]) -> tuple[dict[str, Samples], list[Note]]:
    samples, notes = {}, []
    for row in rows:
        values = _unpacked(row)
        if values is None:
            notes.append(_damaged(measurement, f"trials of {row['metric']}"))
        else:
            samples[row["metric"]] = Samples(values, row["unit"])
    return samples, notes


def _traces(measurement: Measurement, rows: Iterable[Row]) -> tuple[tuple[Trace, ...], list[Note]]:
    """The traces with their arrays; without times nothing of a trace can be used."""
    arrays = {(row["place"], row["channel"]): _unpacked(row) for row in rows}
    traces, notes = [], []
    for place, bare in enumerate(measurement.traces):
        known = {name: values for (where, name), values in arrays.items() if where == place}
        times = known.pop(TIME, None)
        lost = [name for name, values in known.items() if values is None or times is None or values.size != times.size]
        whole = {name: values for name, values in known.items() if values is not None and name not in lost}
        traces.append(replace(bare, time_ns=_NO_TIMES if times is None else times, channels=whole))
        if lost or times is None:
            what = ", ".join(lost if times is not None else ["everything"])
            notes.append(_damaged(measurement.id, f"readings of {bare.about.name} ({what})"))
    return tuple(traces), notes


def _unpacked(row: Row) -> Array | None:
    """The array of a row; `None` for one that is damaged."""
    packed = {name: row[name] for name in ("dtype", "n", "crc32")}
    try:
        return unpack_array({**packed, "zlib": base64.b64encode(row["data"])})
    except (StopwattError, zlib.error, ValueError, KeyError, TypeError):
        return None


def _damaged(measurement: str, what: str) -> Note:
    return Note(
        "damaged-samples",
        f"the stored {what} in measurement {measurement} do not fit their checksum and are left out",
        now="restore the database from a copy, or measure this cell again",
    )
