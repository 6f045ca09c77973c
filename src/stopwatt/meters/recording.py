"""A recorded trace in a file: CSV or Parquet, with a column `time` (seconds, rising) and others named as the channels.

At least `energy` or `power` is there; an empty cell was not read. A meter has five seconds until it must have answered,
so that a file is read at once as a table, and line by line only to find the line that is wrong.
"""

import csv
import io
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stopwatt.arrays import Array
from stopwatt.energy import CHANNELS
from stopwatt.errors import UsageError

MOST_ROWS = 1_000_000
"""Read in about a second, where a meter that has not answered after five is left out."""
_WHEN = "reading a recorded trace"
_COLUMNS = "columns are `time` (s) and some of " + ", ".join(CHANNELS)
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What a file holds.

    Attributes:
        time_s: From 0; rising, shape (n,).
        channels: Name -> float64, shape (n,); NaN where it was not read.
    """

    time_s: Array
    channels: Mapping[str, Array]


def read_recording(path: Path) -> Recording:
    """The trace in a file.

    Raises:
        UsageError: No such file, more than `MOST_ROWS` rows, wrong columns, a cell that is no number, or a time that
            does not rise; with its line.
    """
    if path.exists() and not path.is_file():
        what = f"{path} is no regular file, and a recording is read more than once"
        raise UsageError(what, when=_WHEN, now="write what a pipe gives into a file, and name that")
    try:
        columns = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", when=_WHEN, now="name a CSV or Parquet file"
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text", when=_WHEN, now="name a CSV or Parquet file") from None
    except csv.Error as error:
        raise UsageError(f"{path} is no table: {error}", when=_WHEN, now="name a CSV or Parquet file") from None
    time_s = columns.pop("time")
    return Recording(time_s - time_s[0], columns)


def _csv(path: Path) -> dict[str, Array]:
    with path.open("rb") as stream:
        _check_length(path, sum(block.count(b"\n") for block in iter(lambda: stream.read(_BLOCK), b"")) - 1)
    text = path.read_text(encoding="utf-8-sig")
    names = [name.strip() for name in next(csv.reader([text.partition("\n")[0]]), [])]
    _check_names(path, names)
    table = _at_once(text, len(names))
    if table is None:
        table = np.array([numbers for _, numbers in _by_line(path, text, names)]).reshape(-1, len(names))
    columns = {name: table[:, place] for place, name in enumerate(names)}
    fault, row = _fault_in_time(path, columns["time"])
    if fault:
        raise _wrong(path, [line for line, _ in _by_line(path, text, names)][row], fault)
    return columns


def _at_once(text: str, width: int) -> Array | None:
    """The numbers below the head, shape (n, width); `None` where some cell or line is not as usual."""
    body = text.partition("\n")[2]
    for gap, filled in ((",,", ",nan,"), (",,", ",nan,"), ("\n,", "\nnan,"), (",\n", ",nan\n")):
        body = body.replace(gap, filled)
    try:
        table = np.loadtxt(body.split("\n"), delimiter=",", comments=None, ndmin=2) if body.strip() else None
    except ValueError:
        return None
    usual = table is not None and table.shape[1] == width and not np.isinf(table).any()
    return table if usual else None


def _by_line(path: Path, text: str, names: Sequence[str]) -> Iterator[tuple[int, list[float]]]:
    """The numbers of each line with its number, but for the head and for lines without anything.

    Raises:
        UsageError: A line that has no numbers, or not as many as the head has names.
    """
    rows = csv.reader(io.StringIO(text))
    next(rows, None)
    for row in rows:
        if row:
            yield rows.line_num, _numbers(path, rows.line_num, names, row)


def _numbers(path: Path, line: int, names: Sequence[str], row: Sequence[str]) -> list[float]:
    if len(row) != len(names):
        raise _wrong(path, line, f"has {len(row)} cells where the head has {len(names)}")
    try:
        numbers = [float(cell) if cell.strip() else math.nan for cell in row]
    except ValueError as error:
        raise _wrong(path, line, f"has a cell that is no number ({error})") from None
    if any(math.isinf(number) for number in numbers):
        raise _wrong(path, line, "has a cell that is infinite")
    return numbers


def _parquet(path: Path) -> dict[str, Array]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise UsageError(f"Parquet needs a package: {error}", now="pip install 'stopwatt[export]'") from error
    try:
        _check_length(path, parquet.read_metadata(path).num_rows)
        table: Any = parquet.read_table(path)
        _check_names(path, table.column_names)
        columns = {name: table[name].cast("float64").to_numpy().astype(np.float64) for name in table.column_names}
    except pa.ArrowException as error:
        what = f"cannot read {path}: {str(error).splitlines()[0]}"
        raise UsageError(what, when=_WHEN, now="write it again, with columns of numbers") from None
    fault, row = _fault_in_time(path, columns["time"])
    if fault:
        raise _wrong(path, row + 2, fault)  # the line that it would have as CSV
    return columns


def _check_length(path: Path, rows: int) -> None:
    """Refuse what would be read for longer than a meter may look."""
    if rows <= MOST_ROWS:
        return
    step, thinned = -(-rows // MOST_ROWS), path.with_name(f"{path.stem}.thin{path.suffix}")
    old, new = shlex.quote(str(path)), shlex.quote(str(thinned))
    code = f"import pandas as p; p.read_parquet({str(path)!r})[::{step}].to_parquet({str(thinned)!r})"
    by_line = f"awk 'NR == 1 || NR % {step} == 2' {old} > {new}"
    keep = f"python -c {shlex.quote(code)}" if path.suffix == ".parquet" else by_line
    raise UsageError(
        f"{path} has {rows:,} rows, and {MOST_ROWS:,} are read at most",
        when=_WHEN,
        now=f"cut out the time that matters, or keep every {step}. row: {keep}",
    )


def _check_names(path: Path, names: Sequence[str]) -> None:
    wrong = [name for name in names if name != "time" and name not in CHANNELS]
    double = sorted({name for name in names if names.count(name) > 1})
    fault = (
        f"unknown column {wrong[0]!r}" if wrong
        else f"the column {double[0]!r} is there twice" if double
        else "no column `time`" if "time" not in names
        else "neither a column `energy` nor `power`" if not {"energy", "power"} & set(names)
        else ""
    )  # fmt: skip
    if fault:
        raise UsageError(f"{path}, line 1: {fault}", when=_WHEN, now=_COLUMNS)


def _fault_in_time(path: Path, time_s: Array) -> tuple[str, int]:
    """What is wrong with the times, and in which row first; empty where nothing is.

    Raises:
        UsageError: They are no time at all.
    """
    if time_s.size < 2:  # noqa: PLR2004  (two rows make a time)
        raise UsageError(f"{path} has fewer than two rows", when=_WHEN, now="record for longer")
    wrong = np.flatnonzero(~(np.diff(time_s, prepend=-np.inf) > 0))
    if not wrong.size:
        return "", 0
    row = int(wrong[0])
    missing = np.isnan(time_s[row])
    return "has no time" if missing else f"goes back in time, or stands still, at {time_s[row]:g} s", row


def _wrong(path: Path, line: int, fault: str) -> UsageError:
    return UsageError(f"{path}, line {line} {fault}", when=_WHEN, now="times must rise; an empty cell was not read")
