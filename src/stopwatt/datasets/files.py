"""Files of arrays and tables, opened without running anything: no pickle, no macro, no formula."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, overload

import numpy as np

from stopwatt.datasets.tensors import Tensors
from stopwatt.errors import UsageError
from stopwatt.text import one_line

SUFFIXES = (".npz", ".safetensors", ".csv", ".parquet")


def open_file(path: Path) -> Tensors:
    """The samples of a file: its arrays by name, the samples in the first dimension; or a table, a sample a line.

    A column is an input. A cell of a CSV file is a number, or several with spaces between them; one of a Parquet file a
    number or a list.

    Raises:
        UsageError: It cannot be read, holds nothing, or its arrays have different numbers of samples.
    """
    with _readable(path):
        rows: Mapping[str, Sequence[Any]] = _READERS[path.suffix.lower()](path)
    counts = {name: len(values) for name, values in rows.items()}
    if len(set(counts.values())) > 1:
        raise UsageError(
            f"arrays of different numbers of samples: {', '.join(f'{name} {n}' for name, n in counts.items())}",
            when=str(path),
            now="put the samples into the first dimension of each",
        )
    count = next(iter(counts.values()), 0)
    return Tensors(f"file {path}", rows, count, text=path.suffix.lower() == ".csv")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns what readers raise at damaged files into errors that name the file."""
    try:
        yield
    except UsageError:
        raise
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        raise UsageError(
            f"reading {path.suffix} needs {package}", when=str(path), now=f"pip install {package}"
        ) from error
    except OSError as error:
        raise UsageError(f"the file cannot be read: {error.strerror or error}", when=str(path), now=_NOW) from error
    except Exception as error:  # each format's reader has errors of its own
        raise UsageError(f"the file is damaged: {one_line(str(error))[:200]}", when=str(path), now=_NOW) from error


_NOW = "name a file of arrays (.npz, .safetensors) or a table (.csv, .parquet) that is whole"


def _npz(path: Path) -> Mapping[str, Sequence[Any]]:
    with np.load(path, allow_pickle=False) as file:
        return {name: _rows(name, file[name], path) for name in file.files}


def _safetensors(path: Path) -> Mapping[str, Sequence[Any]]:
    from safetensors.numpy import load_file

    return {name: _rows(name, array, path) for name, array in load_file(path).items()}


def _rows(name: str, array: Any, path: Path) -> Sequence[Any]:
    if array.ndim == 0:
        raise UsageError(f"{name} is a single number", when=str(path), now="put the samples into the first dimension")
    rows: Sequence[Any] = array
    return rows


def _csv(path: Path) -> Mapping[str, Sequence[Any]]:
    with _long_cells(), path.open(newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file)
        names = [name.strip() for name in next(lines, [])]
        table = [line for line in lines if line]
    short = next((place for place, line in enumerate(table) if len(line) != len(names)), None)
    if short is not None:
        raise UsageError(
            f"sample {short} has {len(table[short])} cells, the head {len(names)}", when=str(path), now=_CELLS
        )
    if len(set(names)) < len(names) or any(map(_is_number, names)):
        raise UsageError("the first line does not name the columns, each once", when=str(path), now=_CELLS)
    return {name: _Cells([line[place] for line in table]) for place, name in enumerate(names)}


@contextmanager
def _long_cells() -> Iterator[None]:
    """The limit is the whole process's: others keep theirs."""
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


_LONGEST_CELL = 1 << 27
"""Characters: a cell may hold a whole image as text; Python's own limit is a table's."""
_CELLS = (
    "write a head with the names of the model's inputs, then a line a sample, with spaces between the values of a cell"
)


class _Cells(Sequence[Any]):
    """A column of text; a cell becomes numbers when it is asked for."""

    def __init__(self, cells: Sequence[str]) -> None:
        self._cells = cells

    def __len__(self) -> int:
        return len(self._cells)

    def word(self, number: int) -> str:
        """A cell as it is written."""
        return self._cells[number].strip()

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> "_Cells": ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return _Cells(self._cells[index])
        words = self._cells[index].split()
        try:
            return np.array([int(word) for word in words], np.int64)
        except (ValueError, OverflowError):
            return np.array([float(word) for word in words])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parquet(path: Path) -> Mapping[str, Sequence[Any]]:
    from pyarrow import parquet

    table = parquet.read_table(path)
    return {name: _Column(table.column(name)) for name in table.column_names}


class _Column(Sequence[Any]):
    """A column of a Parquet file; a value leaves Arrow when it is asked for, in the type that the file says."""

    def __init__(self, column: Any) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> "_Column": ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return _Column(self._column[index])
        return np.asarray(self._column[index].as_py(), _numpy_type(self._column.type))


def _numpy_type(kind: Any) -> Any:
    while hasattr(kind, "value_type"):
        kind = kind.value_type
    return kind.to_pandas_dtype()


_READERS = {".npz": _npz, ".safetensors": _safetensors, ".csv": _csv, ".parquet": _parquet}
