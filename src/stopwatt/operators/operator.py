"""One ATen call as a value: what it is, what it is given, and how that lies in memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from stopwatt.records import digest


class Role(StrEnum):
    """Where a tensor comes from, as far as a model's call is concerned."""

    WEIGHT = "weight"  # a parameter or buffer of the model: the same storage in every call of the model
    INPUT = "input"  # an input of the model
    ACTIVATION = "activation"  # what another operator wrote


class Layout(StrEnum):
    """How a tensor is stored. Only strided ones can be made again."""

    STRIDED = "strided"
    SPARSE = "sparse"
    QUANTISED = "quantised"
    OPAQUE = "opaque"  # a vendor's own format (oneDNN), a subclass without a storage


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor that an operator is given, or gives.

    Attributes:
        shape: Sizes of the dimensions.
        dtype: As torch names it, without the package: `float32`, `bfloat16`, `int64`, `bool`.
        strides: In elements.
        offset: Of the first element in its storage, in elements.
        storage: Number of its storage within the call: tensors with equal numbers share memory. An output with the
            number of an input is a view of it, or was written in place.
        role: Where it comes from.
        layout: How it is stored.
        host: Whether it lies in the host's memory while the model is on another device.
        low, high: Smallest and largest value seen, for what depends on values (indices, masks, logarithms); `None`
            where nobody looked or there are none.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    strides: tuple[int, ...] = ()
    offset: int = 0
    storage: int = 0
    role: Role = Role.ACTIVATION
    layout: Layout = Layout.STRIDED
    host: bool = False
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)  # without slots: the key is hashed once, though a capture of many calls asks for it often
class Operator:
    """One ATen call with its shapes, types and layout. Equal keys are the same work.

    Attributes:
        name: With its overload: `aten.linear.default`.
        tensors: All tensors among the arguments, in the order in which they are met.
        arguments: Positional arguments as plain JSON values, with these in the place of what JSON has not:
            `{"tensor": 2}` (number in `tensors`), `{"dtype": "float32"}`, `{"device": "cpu"}`, `{"layout": "strided"}`,
            `{"memory_format": "contiguous_format"}`, `{"number": "inf"}` (infinities, NaN, complex).
        keywords: Keyword arguments, likewise.
        outputs: What it gives, in order.
        obstacle: Why it cannot be called again by itself (quantised or sparse tensors, a generator, an object of
            another library); empty if it can.
    """

    name: str
    tensors: tuple[Tensor, ...] = ()
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[Tensor, ...] = ()
    obstacle: str = ""

    @cached_property
    def key(self) -> str:
        """Content key: name, arguments, shapes, strides, types, aliasing and roles; not the values that were seen."""
        return digest(
            {
                "name": self.name,
                "tensors": [_identity(one) for one in self.tensors],
                "arguments": list(self.arguments),
                "keywords": dict(self.keywords),
                "outputs": [_identity(one) for one in self.outputs],
            }
        )

    @property
    def label(self) -> str:
        """`linear [1, 128, 256] x [256, 256] x [256]`: for people, not unique."""
        short = self.name.removeprefix("aten.").removesuffix(".default")
        shapes = " x ".join(str(list(one.shape)) for one in self.tensors)
        return f"{short} {shapes}".rstrip()


def tensor_places(value: Any) -> Iterator[int]:
    """The numbers of all tensors in an argument, in order."""
    if isinstance(value, Mapping):
        if "tensor" in value:
            yield int(value["tensor"])
    elif isinstance(value, list | tuple):
        for one in value:
            yield from tensor_places(one)


def _identity(tensor: Tensor) -> list[Any]:
    return [
        list(tensor.shape),
        tensor.dtype,
        list(tensor.strides),
        tensor.offset,
        tensor.storage,
        str(tensor.role),
        str(tensor.layout),
        tensor.host,
    ]
