"""The operator database as a file of the documented schema: what was measured here, and what was imported."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from stopwatt import __version__
from stopwatt.errors import UsageError
from stopwatt.operators.table import Table
from stopwatt.operators.work import DIMENSIONS, Family
from stopwatt.ops.documented import records
from stopwatt.ops.measured import measured_tables
from stopwatt.ops.schema import DIMS, HEADS, SCHEMA, TEXTS
from stopwatt.ops.sheet import JSON_KIND
from stopwatt.store import Store
from stopwatt.store.atomic import replacing
from stopwatt.store.export import harmless
from stopwatt.store.parquet import pyarrow

Heads = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: rows by family."""

    path: Path
    rows: dict[Family, int]

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.rows.values())


def export_tables(
    store: Store,
    out: Path,
    *,
    source: str = "",
    families: Collection[Family] = (),
    device: str = "",
    overwrite: bool = False,
) -> Exported:
    """Write rows to a file whose ending names its format: `.parquet`, `.csv` or `.json`. `ops import` reads it back.

    Args:
        store: That holds them.
        out: The file.
        source: Only rows whose source begins so (`measured`, `aiconfigurator h200_sxm`); all without it.
        families: Only those; all without any.
        device: Only that hardware; all without it.
        overwrite: Whether a file of that name may be replaced.

    Raises:
        UsageError: Another ending, a file that is there already, nothing to write, or pyarrow is missing.
        StoreError: The database cannot be read, or the file cannot be written; no file is left behind.
    """
    writers = {".parquet": _write_parquet, ".csv": _write_csv, ".json": _write_json}
    write = writers.get(out.suffix.lower())
    if write is None:
        raise UsageError(f"unknown format {out.suffix!r}", when=str(out), now=f"end the name in {' or '.join(writers)}")
    if write is not _write_json:
        pyarrow()
    chosen = _Chosen(store, source, families, device)
    if not chosen.families:
        raise _nothing(store)
    with replacing(out, overwrite=overwrite) as file:
        write(file, _heads(chosen.families), chosen)
    return Exported(out, chosen.rows)


class _Chosen:
    """The chosen tables, counted while they are read one after another."""

    def __init__(self, store: Store, source: str, families: Collection[Family], device: str) -> None:
        self.rows: dict[Family, int] = {}
        self._store = store
        self._measured = [
            one
            for one in measured_tables(store, hardware=device or None)
            if (not families or one.family in families) and str(one.source[0]).startswith(source)
        ]
        self._imported = [
            one
            for one in store.operators.sources()
            if (not families or one.family in families) and one.source.startswith(source) and device in {"", one.device}
        ]
        there = {one.family for one in self._measured} | {one.family for one in self._imported}
        self.families = [family for family in Family if family in there]

    def __iter__(self) -> Iterator[Table]:
        for table in self._measured:
            yield self._counted(table)
        for one in self._imported:
            shelf = self._store.operators
            for table in shelf.each_table(family=one.family, device=one.device, source=one.source):
                yield self._counted(table)

    def _counted(self, table: Table) -> Table:
        self.rows[table.family] = self.rows.get(table.family, 0) + len(table)
        return table


def _heads(families: Iterable[Family]) -> Heads:
    """The columns without the sizes of other families."""
    used = {name for family in families for name in DIMENSIONS[family]}
    return tuple(name for name in HEADS if name not in DIMS or name in used)


def _write_parquet(file: BinaryIO, heads: Heads, tables: Iterable[Table]) -> None:
    _, parquet = pyarrow()
    schema = _schema(heads).with_metadata({"stopwatt_operators": str(SCHEMA), "stopwatt_version": __version__})
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(_arrow(table, heads, schema, str))


def _write_csv(file: BinaryIO, heads: Heads, tables: Iterable[Table]) -> None:
    pyarrow()
    from pyarrow import csv

    schema = _schema(heads)
    with csv.CSVWriter(file, schema) as writer:
        for table in tables:
            writer.write_table(_arrow(table, heads, schema, lambda text: str(harmless(text))))


def _write_json(file: BinaryIO, heads: Heads, tables: Iterable[Table]) -> None:
    head = {"schema": SCHEMA, "kind": JSON_KIND, "tool_version": __version__, "columns": list(heads)}
    file.write(json.dumps(head)[:-1].encode() + b', "rows": [')
    separator = b"\n"
    for table in tables:
        for record in records(table, heads):
            row = {name: value for name, value in zip(heads, record, strict=True) if value is not None}
            file.write(separator + json.dumps(row).encode())
            separator = b",\n"
    file.write(b"\n]}\n")


def _schema(heads: Heads) -> Any:
    arrow, _ = pyarrow()
    texts = {"family", *TEXTS}
    return arrow.schema([arrow.field(name, arrow.string() if name in texts else arrow.float64()) for name in heads])


def _arrow(table: Table, heads: Heads, schema: Any, text: Callable[[str], str]) -> Any:
    """A table as Arrow has it; what is missing is null."""
    arrow, _ = pyarrow()
    n = len(table)
    columns = []
    for name in heads:
        if name == "family":
            columns.append(arrow.repeat(arrow.scalar(str(table.family), arrow.string()), n))
        elif name in TEXTS:
            known, codes = _coded(getattr(table, name))
            columns.append(arrow.array([text(one) for one in known], arrow.string()).take(arrow.array(codes)))
        elif name in DIMS and name not in table.dims:
            columns.append(arrow.nulls(n, arrow.float64()))
        else:
            values = table.dims[name] if name in table.dims else getattr(table, name)
            columns.append(arrow.array(values, arrow.float64(), from_pandas=True))  # NaN as null
    return arrow.Table.from_arrays(columns, schema=schema)


def _coded(column: Any) -> tuple[list[str], Any]:
    if column.size and not any(column.strides):
        return [str(column[0])], np.zeros(column.size, dtype=np.int64)
    known, codes = np.unique(column, return_inverse=True)
    return known.tolist(), codes


def _nothing(store: Store) -> UsageError:
    found = store.operators.sources()
    there = ", ".join(sorted({f"{one.family} of {one.device}" for one in found})[:6])
    return UsageError(
        "nothing fits" if there else "the operator database holds nothing that can be exported",
        when=store.where,
        now=f"stopwatt ops list shows what there is ({there}, ...)"
        if there
        else "measure operators first (stopwatt ops measure), or import some (stopwatt ops import)",
    )
