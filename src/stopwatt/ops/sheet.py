"""A table in a file, read at once by columns and checked: Parquet, CSV, or the JSON of `stopwatt ops export`."""

import json
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.errors import UsageError
from stopwatt.store.costs import constant
from stopwatt.store.export import FORMULA
from stopwatt.store.parquet import pyarrow

Floats = NDArray[np.float64]
Texts = NDArray[np.str_]

JSON_KIND = "stopwatt-operators"
"""What the JSON of an export says that it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Columns of a file.

    Attributes:
        path: Of the file.
        rows: How many; at least one.
        columns: Arrow arrays by name; texts or numbers, as the file has them.
        escaped: Whether texts that a spreadsheet would take for a formula stand behind an apostrophe (CSV).
    """

    path: Path
    rows: int
    columns: Mapping[str, Any]
    escaped: bool = False

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def require(self, names: Iterable[str]) -> None:
        """Check that columns are there.

        Raises:
            UsageError: Names all that are not.
        """
        missing = [name for name in names if name not in self.columns]
        if missing:
            there = ", ".join(list(self.columns)[:20])
            raise UsageError(
                f"the file has no column {', '.join(missing)}",
                when=f"{self.path} has {there or 'no column'}",
                now="name the columns as docs/operators-schema.md has them",
            )

    def numbers(self, name: str) -> Floats:
        """A column of numbers, float64, shape (rows,); NaN where there is none, or no such column.

        Raises:
            UsageError: It holds something else; the message names the first row.
        """
        if name not in self.columns:
            return np.full(self.rows, np.nan)
        arrow, _ = pyarrow()
        column = self.columns[name]
        try:
            cast = _blank_as_null(column).cast(arrow.float64())
        except arrow.ArrowInvalid:
            raise self._no_number(name, column.to_pylist()) from None
        except arrow.ArrowNotImplementedError as error:
            raise self.flaw(f"{name} holds {column.type}, not numbers") from error
        return np.asarray(cast.to_numpy(), dtype=np.float64)

    def sizes(self, name: str, *, least: float = 0.0) -> Floats:
        """A column of finite numbers that are at least so large.

        Raises:
            UsageError: One is not, or missing; the message names the first row, and how many there are.
        """
        values = self.numbers(name)
        self._check(name, values, np.isfinite(values) & (values >= least), f"at least {least:g}")
        return values

    def times(self, name: str) -> Floats:
        """A column of times, as the file has them.

        Raises:
            UsageError: One is missing, not finite, or not above 0; the message names the first row, and how many.
        """
        values = self.numbers(name)
        self._check(name, values, np.isfinite(values) & (values > 0), "above 0")
        return values

    def texts(self, name: str, default: str = "") -> Texts:
        """A column of texts, shape (rows,); the default where there is none, or no such column. May be read-only."""
        known, codes = self.coded(name, default)
        return constant(known[0], self.rows) if len(known) == 1 else np.array(known, dtype=np.str_)[codes]

    def coded(self, name: str, default: str = "") -> tuple[list[str], NDArray[np.int64]]:
        """The texts of a column, and which of them each row has: a few of them stand in millions of rows."""
        if name not in self.columns:
            return [default], np.zeros(self.rows, dtype=np.int64)
        arrow, _ = pyarrow()
        coded = self.columns[name].cast(arrow.string()).combine_chunks().dictionary_encode()
        found = [_unescaped(text) if self.escaped else text for text in coded.dictionary.to_pylist()]
        codes = coded.indices.fill_null(len(found)).to_numpy(zero_copy_only=False)
        texts = [text or default for text in [*found, *([default] if coded.null_count else [])]]
        known = list(dict.fromkeys(texts))
        return known, np.array([known.index(text) for text in texts], dtype=np.int64)[codes]

    def distinct(self, name: str, default: str = "") -> list[tuple[str, int]]:
        """The texts of a column, each with the first row that has it."""
        known, codes = self.coded(name, default)
        places, rows = np.unique(codes, return_index=True)
        return [(known[place], row) for place, row in zip(places.tolist(), rows.tolist(), strict=True)]

    def taken(self, rows: NDArray[Any]) -> "Sheet":
        """Those rows, by number."""
        arrow, _ = pyarrow()
        return Sheet(
            self.path,
            int(rows.size),
            {name: column.take(arrow.array(rows)) for name, column in self.columns.items()},
            self.escaped,
        )

    def flaw(self, what: str, row: int | None = None) -> UsageError:
        """The error for something in this file, at a row (from 0) of it."""
        where = "" if row is None else f", row {row + 1}"
        return UsageError(what, when=f"{self.path}{where}", now="mend the file, or take the rows out of it")

    def _check(self, name: str, values: Floats, good: NDArray[np.bool_], wanted: str) -> None:
        bad = np.flatnonzero(~good)
        if bad.size:
            first = values[bad[0]]
            shown = "missing or no number" if np.isnan(first) else f"{first:g}"
            many = f"{bad.size} of {self.rows} rows are not" if bad.size > 1 else "the other rows are"
            raise self.flaw(f"{name} is {shown}, not {wanted} ({many})", int(bad[0]))

    def _no_number(self, name: str, values: Sequence[Any]) -> UsageError:
        for row, value in enumerate(values):
            try:
                float(value if value not in {None, ""} else "nan")
            except (TypeError, ValueError):
                return self.flaw(f"{name} is {str(value)[:40]!r}, not a number", row)
        return self.flaw(f"{name} holds something that is not a number")


def read_sheet(path: Path, columns: Iterable[str] | None = None) -> Sheet:
    """Read a file by its ending: `.parquet`, `.csv`, `.json`.

    Args:
        path: Of the file.
        columns: Those that are read, if they are there; all without it.

    Raises:
        UsageError: Not there, not readable, empty, without rows, or not what its ending says.
    """
    check_readable(path)
    readers: dict[str, Callable[[Path, set[str] | None], Sheet]] = {
        ".parquet": _parquet,
        ".csv": _csv,
        ".json": _json,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(
            f"unknown kind of file {path.suffix!r}", when=str(path), now=f"give one that ends in {', '.join(readers)}"
        )
    sheet = reader(path, None if columns is None else set(columns))
    if not sheet.rows:
        raise UsageError("the file has no rows", when=str(path), now="check what wrote it")
    return sheet


def rows_of(path: Path) -> int:
    """Rows of a Parquet file, from its foot alone. Errors: as `read_sheet`."""
    check_readable(path)
    arrow, parquet = pyarrow()
    try:
        return int(parquet.read_metadata(path).num_rows)
    except arrow.ArrowInvalid as error:
        raise _no_parquet(path) from error


def check_readable(path: Path) -> None:
    """Check that a path is a regular file with something in it.

    Raises:
        UsageError: It is not.
    """
    try:
        found = path.stat()
        if stat.S_ISREG(found.st_mode):
            path.open("rb").close()
    except OSError as error:
        raise UsageError(f"the file cannot be read: {error.strerror}", when=str(path), now="check the path") from error
    if not stat.S_ISREG(found.st_mode):
        raise UsageError("this is not a regular file", when=str(path), now="name a file that holds a table")
    if not found.st_size:
        raise UsageError("the file is empty", when=str(path), now="fetch or write it again")


def _parquet(path: Path, columns: set[str] | None) -> Sheet:
    arrow, parquet = pyarrow()
    try:
        heads = parquet.read_schema(path).names
        wanted = [name for name in dict.fromkeys(heads) if columns is None or name in columns]
        table = parquet.read_table(path, columns=wanted, memory_map=False, use_threads=False)
    except (arrow.ArrowInvalid, OSError) as error:
        raise _no_parquet(path) from error
    return Sheet(path, table.num_rows, {name: table.column(name) for name in wanted})


def _csv(path: Path, columns: set[str] | None) -> Sheet:
    """All columns as texts: what a number is, is decided where one is wanted, with the row for whom it is none."""
    arrow, _ = pyarrow()
    from pyarrow import csv

    try:
        with csv.open_csv(path) as reader:
            heads = reader.schema.names
        wanted = [name for name in dict.fromkeys(heads) if columns is None or name in columns]
        convert = csv.ConvertOptions(
            column_types=dict.fromkeys(wanted, arrow.string()), include_columns=wanted, strings_can_be_null=False
        )
        table = csv.read_csv(path, convert_options=convert, parse_options=csv.ParseOptions(newlines_in_values=True))
    except arrow.ArrowInvalid as error:
        raise UsageError(
            f"the file is no table of comma-separated values: {str(error).splitlines()[0]}",
            when=str(path),
            now="check what wrote it",
        ) from error
    return Sheet(path, table.num_rows, {name: table.column(name) for name in wanted}, escaped=True)


def _json(path: Path, columns: set[str] | None) -> Sheet:
    arrow, _ = pyarrow()
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the file is not JSON: {error}", when=str(path), now="write it again") from error
    if (
        not isinstance(document, dict)
        or document.get("kind") != JSON_KIND
        or not isinstance(document.get("rows"), list)
    ):
        raise UsageError(
            "the file was not written by stopwatt ops export", when=str(path), now="give it as CSV or Parquet"
        )
    rows = document["rows"]
    wanted = [name for name in dict.fromkeys(map(str, document.get("columns", []))) if not columns or name in columns]
    try:
        found = {name: arrow.chunked_array([arrow.array([row.get(name) for row in rows])]) for name in wanted}
    except (arrow.ArrowException, AttributeError) as error:
        raise UsageError(f"a row of the file is damaged: {error}", when=str(path), now="export it again") from error
    return Sheet(path, len(rows), found)


def _no_parquet(path: Path) -> UsageError:
    return UsageError("the file is no Parquet, or damaged", when=str(path), now="fetch or write it again")


def _blank_as_null(column: Any) -> Any:
    """Empty texts are missing numbers: CSV has no other way to say so."""
    arrow, _ = pyarrow()
    from pyarrow import compute

    if not (arrow.types.is_string(column.type) or arrow.types.is_large_string(column.type)):
        return column
    return compute.if_else(compute.equal(column, ""), None, column)


def _unescaped(text: str) -> str:
    """Without the apostrophe that an export puts before what a spreadsheet would take for a formula."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA) else text
