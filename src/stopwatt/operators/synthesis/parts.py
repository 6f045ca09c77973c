"""Parts of operators that are made: tensors, arguments, sizes that can be split."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stopwatt.errors import Unsupported
from stopwatt.operators.operator import Operator, Role, Tensor


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is to be made.

    Attributes:
        kind: Within the family.
        dims: Whole numbers.
        dtype: Of the operands.
    """

    kind: str
    dims: Mapping[str, int]
    dtype: str

    def __getitem__(self, name: str) -> int:
        return self.dims[name]

    def need(self, *, holds: bool, why: str) -> None:
        """Sizes must allow it.

        Raises:
            Unsupported: They do not.
        """
        if not holds:
            raise refused(self.kind, self.dims, why)


def refused(kind: str, dims: Mapping[str, float], why: str) -> Unsupported:
    """The error for sizes that no operator of a kind has."""
    sizes = " ".join(f"{name}={size:g}" for name, size in dims.items())
    return Unsupported(f"no {kind} can be made: {why}", when=sizes, now="choose other sizes")


class Making:
    """Collects the tensors and arguments of one operator; each tensor lies in a storage of its own.

    Args:
        dtype: Of tensors about which nothing else is said.
    """

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self._tensors: list[Tensor] = []

    def given(self, *shape: int, strides: Sequence[int] = (), dtype: str = "", **about: Any) -> dict[str, int]:
        """One more tensor among the arguments, as they name it."""
        place = len(self._tensors)
        laid = tuple(strides) or dense(shape)
        self._tensors.append(Tensor(shape, dtype or self.dtype, laid, storage=place, **about))
        return {"tensor": place}

    def weight(self, *shape: int, **about: Any) -> dict[str, int]:
        """One more tensor that belongs to the model."""
        return self.given(*shape, role=Role.WEIGHT, **about)

    def operator(
        self,
        name: str,
        *arguments: Any,
        gives: Sequence[int] | None = None,
        dtype: str = "",
        into: int | None = None,
        also: Sequence[Sequence[int]] = (),
        **keywords: Any,
    ) -> Operator:
        """The operator.

        Args:
            name: With overload, without `aten.`.
            arguments: Positional ones.
            gives: Shape of what it gives; that of the first tensor where nothing is said.
            dtype: Of what it gives; that of the operands where nothing is said.
            into: Number of the tensor that it writes to and gives, if it does.
            also: Shapes of what else it gives.
            keywords: Keyword arguments.
        """
        tensors = tuple(self._tensors)
        shape = tuple(gives if gives is not None else tensors[0].shape)
        shapes = (shape, *(tuple(one) for one in also))
        made = tuple(
            Tensor(one, dtype or self.dtype, dense(one), storage=len(tensors) + place)
            for place, one in enumerate(shapes)
        )
        outputs = made if into is None else (tensors[into], *made[1:])
        return Operator(f"aten.{name}", tensors, arguments, keywords, outputs)


def dense(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides of what lies row by row, in elements."""
    return tuple(math.prod(shape[place + 1 :]) for place in range(len(shape)))


def splits(number: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ways to write a number as a product of so many, those of equal parts first: pictures are mostly square."""
    if parts == 1:
        yield (number,)
        return
    side = number ** (1 / parts)
    for first in sorted(_divisors(number), key=lambda one: abs(math.log(one / side))):
        for rest in splits(number // first, parts - 1):
            yield (first, *rest)


def _divisors(number: int) -> list[int]:
    small = [one for one in range(1, math.isqrt(number) + 1) if number % one == 0]
    return small + [number // one for one in small if one * one != number]
