"""What instruments said, as files that the meter `replay` reads."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from stopwatt.energy import CHANNELS, Scope, Trace
from stopwatt.errors import UsageError
from stopwatt.store.atomic import replacing
from stopwatt.store.parquet import pyarrow

ENDINGS = (".csv", ".parquet")
_HELD_NS = 250_000_000
"""A reading is repeated in the rows of the counter that follow it, but no longer than this."""
_COUNTER = "energy"


def check_trace_path(path: Path, *, overwrite: bool = False) -> None:
    """Say now, before anything is metered, that the trace could not be written.

    Raises:
        UsageError: Another ending, no such folder, or the file is there already.
    """
    if path.suffix.lower() not in ENDINGS:
        now = f"end the name in {' or '.join(ENDINGS)}"
        raise UsageError(f"unknown format {path.suffix!r}", when=str(path), now=now)
    if path.suffix.lower() == ".parquet":
        pyarrow()
    check_output(path, overwrite=overwrite)


def check_output(path: Path, *, overwrite: bool) -> None:
    """The same for any file.

    Raises:
        UsageError: It is a folder, lies in none, or is there already.
    """
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(
            "the output's folder is not there, or it is one", when=str(path), now="name a file in a folder"
        )
    if path.exists() and not overwrite:
        raise UsageError(
            "the file is there already", when=str(path), now="name another one, or add --force (overwrite=True)"
        )


def save_trace(path: Path, traces: Sequence[Trace], *, origin_ns: int, overwrite: bool = False) -> tuple[Path, ...]:
    """Write one file for each instrument that said something: the first with energy as `path`.

    The others have their instrument's name before the ending: `run.csv`, `run.process.csv`.

    Args:
        path: Its ending names the format: .csv or .parquet.
        traces: Of all instruments.
        origin_ns: On the monotonic clock, where the column `time` is 0.
        overwrite: Replace files that are there already.

    Returns:
        The files.

    Raises:
        UsageError: Another ending, or a file that is there already.
        StoreError: It cannot be written.
    """
    check_trace_path(path, overwrite=overwrite)
    told = sorted((one for one in traces if one.time_ns.size), key=lambda one: one.about.scope is Scope.NONE)
    paths = [path, *(path.with_suffix(f".{one.about.name}{path.suffix}") for one in told[1:])][: len(told)]
    write = _write_csv if path.suffix.lower() == ".csv" else _write_parquet
    for target, trace in zip(paths, told, strict=True):
        with replacing(target, overwrite=overwrite) as file:
            write(file, columns_of(trace, origin_ns))
    return tuple(paths)


def columns_of(trace: Trace, origin_ns: int) -> dict[str, NDArray[np.float64]]:
    """The columns of a file: `time` in seconds, then channels in the order of `CHANNELS`; NaN where nothing was read.

    The counter has rows of its own between those of everything else, and what is replayed is what stands in the row of
    the moment: so each of the others is repeated until it was read again.
    """
    times = np.asarray(trace.time_ns)
    found = {"time": (times - origin_ns) / 1e9}
    for name in (name for name in CHANNELS if name in trace.channels):
        values = np.asarray(trace.channels[name], dtype=np.float64)
        found[name] = values if name == _COUNTER else _held(times, values)
    return found


def _held(times: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    there = np.isfinite(values)
    last = np.maximum.accumulate(np.where(there, np.arange(values.size), -1))
    recent = (last >= 0) & (times - times[last] <= _HELD_NS)
    return np.where(recent, values[last], np.nan)


def _write_csv(file: BinaryIO, columns: dict[str, NDArray[np.float64]]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in zip(*(values.tolist() for values in columns.values()), strict=True):
        writer.writerow(["" if value != value else repr(value) for value in row])  # noqa: PLR0124  (NaN)
    text.detach()  # flushes, and leaves the file open


def _write_parquet(file: BinaryIO, columns: dict[str, NDArray[np.float64]]) -> None:
    arrow, parquet = pyarrow()
    table: Any = arrow.table({name: arrow.array(values, from_pandas=True) for name, values in columns.items()})
    parquet.write_table(table, file, compression="zstd")
