"""Measurements as files: JSON that `import` reads back exactly, and one long table as Parquet or CSV."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from stopwatt import __version__
from stopwatt.errors import UsageError
from stopwatt.records import Measurement
from stopwatt.store.atomic import replacing
from stopwatt.store.database import Store
from stopwatt.store.longform import COLUMNS, INTEGER, SCHEMA, TEXT, blocks
from stopwatt.store.model import Run, Selection
from stopwatt.store.parquet import pyarrow
from stopwatt.store.unmatched import nothing_fits
from stopwatt.wire import to_document

JSON_SCHEMA = 1
"""Version of the JSON file."""

JSON_KIND = "stopwatt-measurements"

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
"""What a text begins with that a spreadsheet would take for a formula; and the apostrophe that prevents it."""

_ROWS_AT_A_TIME = 100_000

Found = Iterable[tuple[Run, Measurement]]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        rows: Of the long table; of the JSON file, its measurements.
    """

    path: Path
    measurements: int
    rows: int


def export(store: Store, out: Path, selection: Selection, *, overwrite: bool = False) -> Exported:
    """Write the selected measurements to a file whose ending names its format: `.json`, `.parquet` or `.csv`.

    Raises:
        UsageError: Another ending, a file that is there already, nothing selected, or pyarrow is missing for Parquet.
        StoreError: The database cannot be read or the file cannot be written; no file is left behind.
    """
    write = _writer_for(out)
    if not store.entries(selection):
        raise nothing_fits(store, selection)
    found = _Found(store, selection)
    with replacing(out, overwrite=overwrite) as file:
        rows = write(file, found)
    return Exported(out, found.measurements, rows)


class _Found:
    """The selected measurements with their runs, read while they are written, and counted."""

    def __init__(self, store: Store, selection: Selection) -> None:
        self.measurements = 0
        self._store = store
        self._selection = selection

    def __iter__(self) -> Iterator[tuple[Run, Measurement]]:
        runs: dict[str, Run] = {}
        for ident, measurement in self._store.with_runs(self._selection):
            if ident not in runs:
                runs[ident] = self._store.run(ident)
            self.measurements += 1
            yield runs[ident], measurement


def _writer_for(out: Path) -> Callable[[BinaryIO, Found], int]:
    writers = {".json": _write_json, ".csv": _write_csv, ".parquet": _write_parquet}
    ending = out.suffix.lower()
    if ending not in writers:
        raise UsageError(f"unknown format {ending!r}", when=str(out), now=f"end the name in {' or '.join(writers)}")
    if ending == ".parquet":
        pyarrow()
    return writers[ending]


def _write_json(file: BinaryIO, found: Found) -> int:
    head = {"schema": JSON_SCHEMA, "kind": JSON_KIND, "tool_version": __version__}
    file.write(json.dumps(head)[:-1].encode() + b', "measurements": [')
    runs: dict[str, Run] = {}
    rows = 0
    for run, measurement in found:
        runs[run.id] = run
        document = {"run": run.id} | to_document(measurement)
        file.write((b",\n" if rows else b"\n") + json.dumps(document).encode())
        rows += 1
    listed = [run_document(run) for run in runs.values()]
    file.write(b'\n], "runs": ' + json.dumps(listed).encode() + b"}\n")
    return rows


def run_document(run: Run) -> dict[str, Any]:
    """A run as JSON, without the number of its rounds: that is what the database counts."""
    return {name: value for name, value in asdict(run).items() if name != "rounds"}


def _write_csv(file: BinaryIO, found: Found) -> int:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text)  # RFC 4180: lines end in CR LF, and texts that hold either are quoted
    writer.writerow(COLUMNS)
    rows = 0
    for run, measurement in found:
        for block in blocks(run, measurement):
            same = {name: harmless(value) for name, value in block.same.items()}
            for trial, value, time_ns in zip(block.trials, block.values, block.times_ns, strict=True):
                row = same | {"trial": trial, "value": value, "time_ns": time_ns}
                writer.writerow([row[name] for name in COLUMNS])
                rows += 1
    text.detach()  # flushes, and leaves the file open
    return rows


def harmless(value: str | int | None) -> str | int | None:
    """A text that a spreadsheet would take for a formula, behind an apostrophe; so is one that begins with one."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _write_parquet(file: BinaryIO, found: Found) -> int:
    arrow, parquet = pyarrow()
    types = {TEXT: arrow.string(), INTEGER: arrow.int64()}
    fields = [arrow.field(name, types.get(kind, arrow.float64())) for name, kind in COLUMNS.items()]
    schema = arrow.schema(fields, metadata={"stopwatt_schema": str(SCHEMA), "stopwatt_version": __version__})
    rows, waiting, batches = 0, 0, []
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for run, measurement in found:
            for block in blocks(run, measurement):
                batches.append(_record_batch(arrow, schema, block))
                waiting += len(block.values)
            if waiting >= _ROWS_AT_A_TIME:
                writer.write_table(arrow.Table.from_batches(batches, schema))
                rows, waiting, batches = rows + waiting, 0, []
        writer.write_table(arrow.Table.from_batches(batches, schema))
    return rows + waiting


def _record_batch(arrow: Any, schema: Any, block: Any) -> Any:
    n = len(block.values)
    columns = []
    for field in schema:
        if field.name == "trial":
            columns.append(arrow.array(list(block.trials), field.type))
        elif field.name == "time_ns":
            columns.append(arrow.array(list(block.times_ns), field.type))
        elif field.name == "value":
            columns.append(arrow.array([None if v is None else float(v) for v in block.values], field.type))
        else:
            columns.append(arrow.repeat(arrow.scalar(block.same[field.name], field.type), n))
    return arrow.record_batch(columns, schema=schema)
