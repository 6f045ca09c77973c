"""Tables in files, as records of raw values: CSV, TSV, JSON lines, Parquet. Read once, never all at a time."""

import codecs
import csv
import hashlib
import json
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stopwatt.errors import UsageError
from stopwatt.store.parquet import pyarrow

Record = tuple[int, Sequence[Any]]
"""Line in the file (of Parquet: row, from 1), and the values by column."""

_SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
_LINES = (".jsonl", ".ndjson")
_PARQUET = ".parquet"
ENDINGS = (*_SEPARATORS, *_LINES, _PARQUET)
"""Of files that are taken for tables."""

_BLOCK = 2**20
_NAMED_SEPARATORS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table that can be read.

    Attributes:
        sha256: Of the file's bytes, 64 hexadecimal digits.
        encoding: Of its text; empty where it is none.
        place: What a record's place counts: `line` or `row`.
        heads: Names of the columns, without blanks around them.
        records: Reads it from its beginning.
    """

    path: Path
    sha256: str
    encoding: str
    place: str
    heads: tuple[str, ...]
    records: Callable[[], Iterator[Record]]

    def flaw(self, place: int, what: str, now: str = "mend the file, or take the line out of it") -> UsageError:
        """The error for something at a place of this file."""
        return UsageError(what, when=f"{self.path}, {self.place} {place}", now=now)


def open_table(path: Path, separator: str = "") -> TableFile:
    """Read the head of a table.

    Args:
        path: Its ending names the format.
        separator: Between values of a text table; that of the ending if empty.

    Raises:
        UsageError: Not readable, not a table, no column, a head without a name, or nothing under the heads.
    """
    sha256, encoding = _scan(path)
    ending = path.suffix.lower()
    if ending == _PARQUET:
        table = _parquet(path, sha256)
    elif ending in _LINES:
        table = _json_lines(path, sha256, encoding)
    else:
        table = _text(path, sha256, encoding, _separator(separator) or _SEPARATORS.get(ending, ","))
        if not separator:
            _check_split(table)
    if next(table.records(), None) is None:
        raise UsageError("the table has heads, but no line under them", when=str(path), now="check the file")
    return table


def _scan(path: Path) -> tuple[str, str]:
    """Digest and encoding in one pass: UTF-8 if all of it is, else Latin-1, which any bytes are."""
    digest, decoder, encoding = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")(), "utf-8-sig"
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError("this is not a regular file", when=str(path), now="name a file that holds a table")
        with path.open("rb") as file:
            start = file.read(2)
            file.seek(0)
            while block := file.read(_BLOCK):
                digest.update(block)
                encoding = _still(decoder, block, encoding)
            encoding = _still(decoder, b"", encoding)
    except OSError as error:
        raise UsageError(f"the file cannot be read: {error.strerror}", when=str(path), now="check the path") from error
    return digest.hexdigest(), _MARKS.get(start, encoding)


def _still(decoder: codecs.IncrementalDecoder, block: bytes, encoding: str) -> str:
    if encoding == "latin-1":
        return encoding
    try:
        decoder.decode(block, final=not block)
    except UnicodeDecodeError:
        return "latin-1"
    return encoding


def _separator(given: str) -> str:
    sign = _NAMED_SEPARATORS.get(given.lower(), given)
    if len(sign) > 1 or sign in {'"', "\n", "\r"}:
        raise UsageError(f"{given!r} cannot separate values", now="give one character, such as --separator ';', or tab")
    return sign


def _check_split(table: TableFile) -> None:
    """A single head with another separator in it: what a spreadsheet writes where the comma is the decimal sign."""
    sign = next((sign for sign in (";", "\t", ",", "|") if sign in table.heads[0]), "")
    if len(table.heads) == 1 and sign:
        named = "tab" if sign == "\t" else f"'{sign}'"
        raise UsageError(
            f"the table has a single column, {table.heads[0]!r}",
            when=f"{table.path}, line 1",
            now=f"add --separator {named}, or --separator ',' if it is one column",
        )


def _text(path: Path, sha256: str, encoding: str, separator: str) -> TableFile:
    def records() -> Iterator[Record]:
        """Lines with values, each with the number of its last line; the first are the heads."""
        with path.open(encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=separator, strict=True, skipinitialspace=True)
            try:
                for values in reader:
                    if values:
                        yield reader.line_num, values
            except (csv.Error, UnicodeError) as error:
                raise UsageError(
                    f"the line cannot be split into values: {error}",
                    when=f"{path}, line {reader.line_num}",
                    now="look for a quotation mark that is not closed, and for a file that is no table",
                ) from error

    first = next(records(), None)
    if first is None:
        raise UsageError("the file is empty", when=str(path), now="check the path")
    heads = tuple(head.strip() for head in first[1])
    if any("\0" in head for head in heads):
        raise UsageError("the file is not a table of text", when=str(path), now=_now_endings())
    table = TableFile(path, sha256, encoding, "line", heads, lambda: _under(records(), table))
    return table


def _under(records: Iterator[Record], table: TableFile) -> Iterator[Record]:
    """What stands under the heads; every line as long as they are."""
    width = len(table.heads)
    next(records)
    for place, values in records:
        if len(values) != width:
            raise table.flaw(place, f"the line has {len(values)} values, but there are {width} columns")
        yield place, values


def _json_lines(path: Path, sha256: str, encoding: str) -> TableFile:
    def objects() -> Iterator[tuple[int, dict[str, Any]]]:
        with path.open(encoding=encoding) as file:
            for place, line in enumerate(file, 1):
                if line.strip():
                    yield place, _object(path, place, line)

    _, first = next(objects(), (0, {}))
    if not first:
        raise UsageError("the file has no object with a name in it", when=str(path), now="check the path")
    heads = tuple(first)

    def records() -> Iterator[Record]:
        for place, item in objects():
            yield place, [item.get(head) for head in heads]

    return TableFile(path, sha256, encoding, "line", tuple(head.strip() for head in heads), records)


def _object(path: Path, place: int, line: str) -> dict[str, Any]:
    try:
        item = json.loads(line, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the line is not JSON: {error}", when=f"{path}, line {place}", now=_now_endings()) from error
    if not isinstance(item, dict):
        raise UsageError("the line is not a JSON object", when=f"{path}, line {place}", now=_now_endings())
    return item


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name = next(name for place, (name, _) in enumerate(pairs) if name in dict(pairs[:place]))
        raise ValueError(f"the name {name!r} is there twice")
    return found


def _parquet(path: Path, sha256: str) -> TableFile:
    arrow, parquet = pyarrow()
    unreadable = (arrow.ArrowException, OSError)
    try:
        heads = tuple(str(name).strip() for name in parquet.ParquetFile(path).schema_arrow.names)
    except unreadable as error:
        raise UsageError(f"the file is not Parquet: {error}", when=str(path), now=_now_endings()) from error

    def records() -> Iterator[Record]:
        place = 0
        try:
            for batch in parquet.ParquetFile(path).iter_batches():
                columns = [column.to_pylist() for column in batch.columns]
                for values in zip(*columns, strict=True):
                    place += 1
                    yield place, values
        except unreadable as error:
            raise UsageError(
                f"the file is damaged: {error}", when=f"{path}, row {place}", now="copy it again"
            ) from error

    return TableFile(path, sha256, "", "row", heads, records)


def _now_endings() -> str:
    return f"name a table: {', '.join(ENDINGS)}"
