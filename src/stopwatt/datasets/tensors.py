"""Samples that are arrays already, by the names of a model's inputs: checked, never padded or cut."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from stopwatt.datasets.base import Sample, Takes
from stopwatt.errors import UsageError
from stopwatt.text import one_line

LABEL = "label"
"""Name of the array, or the column, that is no input of a model but says which class each sample is of."""
_BYTES = ("uint8", "int8")
_NUMBERS = "biufc"


@runtime_checkable
class Words(Protocol):
    """Rows that are known as texts, too."""

    def word(self, number: int) -> str:
        """A row as it is written."""
        ...


@dataclass(frozen=True, slots=True)
class Tensors:
    """Arrays by name, a sample in each row.

    Attributes:
        described: Where they are from.
        rows: For each name the samples, each convertible to an array.
        count: Rows of each.
        text: Whether the numbers come from text, which does not say of what type they are.
    """

    described: str
    rows: Mapping[str, Sequence[Any]]
    count: int
    text: bool = False

    def __len__(self) -> int:
        return self.count

    def digest(self, numbers: Sequence[int]) -> str:
        """Of names, types, shapes and values.

        Raises:
            UsageError: A value is no number.
        """
        total = hashlib.sha256()
        for name in sorted(self.rows):
            for number in numbers:
                if name == LABEL:
                    total.update(f"{name} {self.word(name, number)} ".encode())
                    continue
                values = np.ascontiguousarray(self._values(number, name))
                total.update(f"{name} {values.dtype} {values.shape} ".encode())
                total.update(values.tobytes())
        return total.hexdigest()

    def sample(self, number: int, takes: Takes) -> Sample:
        """A row.

        Raises:
            UsageError: Other names, another shape, another kind of numbers, or NaN.
        """
        self._check_names(takes)
        inputs = zip(takes.names, takes.dtypes, takes.shapes, strict=True)
        return tuple(self._array(number, name, np.dtype(dtype), shape) for name, dtype, shape in inputs)

    def word(self, name: str, number: int) -> str:
        """One value as it is written: a text, or a number, whole ones without a point."""
        rows = self.rows[name]
        if isinstance(rows, Words):
            return rows.word(number)
        value = self._read(number, name)
        if value.size != 1:
            what = f"{name} of sample {number} is of shape {_shown(value.shape)}, not one value"
            raise UsageError(what, when=self.described, now="write one class for each sample")
        found = value.reshape(()).item()
        return str(int(found)) if isinstance(found, float) and found.is_integer() else str(found)

    def _check_names(self, takes: Takes) -> None:
        unknown = [name for name in self.rows if name not in (*takes.names, LABEL)]
        missing = [name for name in takes.names if name not in self.rows]
        if unknown or missing:
            parts = (("it has not", unknown), ("nothing is called", missing))
            raise UsageError(
                f"the model's inputs are {', '.join(takes.names)}: "
                + "; ".join(f"{what} {', '.join(names)}" for what, names in parts if names),
                when=f"reading {self.described}",
                now=f"name the arrays (or columns) {', '.join(takes.names)}",
            )

    def _array(self, number: int, name: str, dtype: "np.dtype[Any]", shape: tuple[int, ...]) -> NDArray[Any]:
        where, values = self._where(number, name), self._values(number, name)
        if self.text and values.size == prod(shape):
            values = values.reshape(shape)  # a line of text has no shape of its own
        if values.shape != shape:
            raise UsageError(
                f"a sample is of shape {_shown(values.shape)}, the model takes {_shown(shape)}",
                when=where,
                now="pad or cut the data, or give the model the parameters that fit them (-p NAME=VALUE)",
            )
        if not self._fits(values.dtype, dtype):
            raise UsageError(
                f"the values are {values.dtype}, the model takes {dtype}", when=where, now=f"write them as {dtype}"
            )
        return _cast(values, dtype, where)

    def _values(self, number: int, name: str) -> NDArray[Any]:
        """A sample as the file has it; whatever a cell may hold that is no number is refused."""
        values = self._read(number, name)
        if values.dtype.kind not in _NUMBERS:
            raise self._no_numbers(number, name, f"they are {values.dtype}")
        return values

    def _read(self, number: int, name: str) -> NDArray[Any]:
        try:
            return np.asarray(self.rows[name][number])
        except (ValueError, TypeError, NotImplementedError, OverflowError) as error:
            raise self._no_numbers(number, name, one_line(str(error))) from error

    def _no_numbers(self, number: int, name: str, why: str) -> UsageError:
        what = f"the values are not numbers of one shape: {why}"
        return UsageError(what, when=self._where(number, name), now="look at the data")

    def _where(self, number: int, name: str) -> str:
        return f"sample {number} of {name} in {self.described}"

    def _fits(self, given: "np.dtype[Any]", wanted: "np.dtype[Any]") -> bool:
        """Whether numbers of a type may be given to an input; bytes for floats are pixels that nobody normalised."""
        if wanted.kind == "f":
            return given.kind == "f" or (given.kind in "iu" and (self.text or str(given) not in _BYTES))
        return given.kind in ("b" if wanted.kind == "b" else "biu")


def _cast(values: NDArray[Any], dtype: "np.dtype[Any]", where: str) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        result = values.astype(dtype)
    exact = dtype.kind != "f"
    if (exact and not np.array_equal(result, values)) or not np.isfinite(result).all():
        worst = values.flat[int(np.argmax(result != values if exact else ~np.isfinite(result)))]
        raise UsageError(f"{worst} cannot be given to a model that takes {dtype}", when=where, now="look at the data")
    return result


def _shown(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "one number"
