"""Measurements as rows and back.

What is filtered on stands in columns of its own; the truth is the documents (`wire`) and the arrays beside them.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from sqlalchemy import RowMapping

from stopwatt.arrays import pack_array, unpack_array
from stopwatt.errors import StopwattError, StoreError
from stopwatt.records import Cell, Measurement, Note, Samples, digest
from stopwatt.wire import from_document, to_document

_COLUMN_LENGTH = 500  # of texts that are filtered on; PostgreSQL cannot index long ones. Documents are never cut.

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
        "document": json.dumps(to_document(cell)),
    }


def environment_row(measurement: Measurement) -> dict[str, Any]:
    """Row of `environments`: equal sets of facts share one."""
    facts = dict(measurement.facts)
    return {"digest": digest(facts), "facts": json.dumps(facts)}


def round_row(run: str, measurement: Measurement) -> dict[str, Any]:
    """Row of `rounds`. Rounds and time limit stand here because cells that differ in them only are one cell."""
    document = to_document(replace(measurement, samples={}, facts={}))
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
    rows = []
    for metric, samples in measurement.samples.items():
        packed = pack_array(samples.values)
        data = base64.b64decode(packed.pop("zlib"))
        rows.append({"measurement": measurement.id, "metric": metric, "unit": samples.unit, **packed, "data": data})
    return rows


def measurement_from(row: Row, arrays: Iterable[Row]) -> Measurement:
    """The measurement of a joined row of rounds, cells and environments, and its rows of samples.

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
    return replace(found, samples=samples, notes=(*found.notes, *notes))


def _samples(measurement: str, rows: Iterable[Row]) -> tuple[dict[str, Samples], list[Note]]:
    samples, notes = {}, []
    for row in rows:
        packed = {name: row[name] for name in ("dtype", "n", "crc32")}
        try:
            values = unpack_array({**packed, "zlib": base64.b64encode(row["data"])})
        except (StopwattError, zlib.error, ValueError, KeyError, TypeError):
            notes.append(_damaged(measurement, row["metric"]))
        else:
            samples[row["metric"]] = Samples(values, row["unit"])
    return samples, notes


def _damaged(measurement: str, metric: str) -> Note:
    return Note(
        "damaged-samples",
        f"the stored trials of {metric} in measurement {measurement} do not fit their checksum and are left out",
        now="restore the database from a copy, or measure this cell again",
    )
