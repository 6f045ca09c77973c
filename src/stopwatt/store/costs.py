"""Tables of costs as columns in blobs: one a column, for each source, family and device.

Rows of a database would cost a hundred bytes each for what compresses to ten, and minutes for a million of them. Which
bytes of a number are equal in neighbouring rows is a matter of their place in it, so the bytes are stored place by
place ("shuffled", as HDF5 does) before they are compressed.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import RowMapping

from stopwatt.errors import StoreError
from stopwatt.operators.table import COLUMNS, Table
from stopwatt.operators.work import DIMENSIONS, Family
from stopwatt.store.documents import packed_bytes, unpacked_bytes

DIM = "dims."
"""Before the names of dimensions, which may be those of columns."""

_KEY = ("device", "source")  # equal in all rows of a stored table; they stand in its head
_TEXTS = ("kind", "dtype", "mode", "group")
_NUMBERS = tuple(name for name in COLUMNS if name not in _KEY + _TEXTS)
_LEVEL = 3  # of the compression: 6 takes three times as long for a twentieth less
_MEND = "import it again (stopwatt ops import), which replaces it; everything else is intact"

Row = Mapping[str, Any] | RowMapping


def parts(table: Table) -> Iterator[tuple[str, str, Table]]:
    """The rows of each source and device: `(source, device, rows)`, sorted by these; the order of the rows is kept."""
    places, names = _coded(table.device)
    origins, sources = _coded(table.source)
    together = origins * len(names) + places
    for number in np.unique(together):
        rows = np.flatnonzero(together == number)
        source, device = sources[int(number) // len(names)], names[int(number) % len(names)]
        yield source, device, table if rows.size == len(table) else table.take(rows)


def column_rows(table: Table) -> Iterator[dict[str, Any]]:
    """Rows of `cost_columns`, without the number of the table: its dimensions, then its other columns."""
    for name, values in table.dims.items():
        yield {"name": DIM + name, "texts": None} | _packed(np.asarray(values, dtype="<f8"))
    for name in _TEXTS:
        codes, texts = _coded(getattr(table, name))
        yield {"name": name, "texts": json.dumps(texts)} | _packed(codes.astype("<i4"))
    for name in _NUMBERS:
        yield {"name": name, "texts": None} | _packed(np.asarray(getattr(table, name), dtype="<f8"))


def table_from(head: Row, columns: Mapping[str, Row]) -> Table:
    """The table of a row of `costs` and its rows of `cost_columns` by name.

    Columns of one text take no memory: all their rows are the same one, and read-only.

    Raises:
        StoreError: A column is missing, damaged, or of another length.
    """
    what = f"{head['family']} of {head['source']} on {head['device']}"
    n = int(head["n"])
    missing = [name for name in (*_TEXTS, *_NUMBERS) if name not in columns]
    if missing:
        raise StoreError(f"a stored table has no column {missing[0]}", when=what, now=_MEND)
    own: dict[str, NDArray[Any]] = {name: _texts(columns[name], n, what) for name in _TEXTS}
    own |= {name: _numbers(columns[name], n, what) for name in _NUMBERS}
    own |= {name: constant(head[name], n) for name in _KEY}
    family = Family(head["family"])
    there = {name.removeprefix(DIM): row for name, row in columns.items() if name.startswith(DIM)}
    order = [name for name in DIMENSIONS[family] if name in there]
    dims = {name: _numbers(there[name], n, what) for name in dict.fromkeys([*order, *there])}
    return Table(family, dims, **own)


def constant(text: str, n: int) -> NDArray[np.str_]:
    """A column of one text, read-only and of no size: a million rows of a name would take a hundred megabytes."""
    return np.broadcast_to(np.array(text, dtype=np.str_), n)


def _packed(values: NDArray[Any]) -> dict[str, Any]:
    shuffled = np.ascontiguousarray(values).view(np.uint8).reshape(values.size, values.itemsize).T
    return packed_bytes(shuffled.tobytes(), _LEVEL)


def _unpacked(row: Row, dtype: str, n: int, what: str) -> NDArray[Any]:
    content = unpacked_bytes(row, f"column {row['name']} of {what}", _MEND)
    size = np.dtype(dtype).itemsize
    if len(content) != n * size:
        raise StoreError(f"a stored table has {n} rows, but not its column {row['name']}", when=what, now=_MEND)
    shuffled = np.frombuffer(content, dtype=np.uint8).reshape(size, n).T
    return np.ascontiguousarray(shuffled).view(dtype).reshape(n)


def _numbers(row: Row, n: int, what: str) -> NDArray[np.float64]:
    return _unpacked(row, "<f8", n, what).astype(np.float64, copy=False)


def _texts(row: Row, n: int, what: str) -> NDArray[np.str_]:
    codes = _unpacked(row, "<i4", n, what)
    try:
        known = np.array(json.loads(row["texts"]), dtype=np.str_)
        return constant(str(known[0]), n) if known.size == 1 else known[codes]
    except (ValueError, TypeError, IndexError) as error:
        raise StoreError(f"the texts of column {row['name']} are damaged", when=what, now=_MEND) from error


def _coded(column: NDArray[np.str_]) -> tuple[NDArray[np.int64], list[str]]:
    """Each row's place among the distinct texts, and these."""
    # Sorting millions of equal texts takes seconds, and even comparing them a good part of one.
    if column.size and (not any(column.strides) or bool((column == column[0]).all())):
        return np.zeros(column.size, dtype=np.int64), [str(column[0])]
    known, codes = np.unique(column, return_inverse=True)
    return codes.astype(np.int64), known.tolist()
