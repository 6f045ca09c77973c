"""The arguments of a captured operator, made again: storages first, then the views that its tensors are of them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from math import prod
from typing import TYPE_CHECKING, Any

from stopwatt.errors import Unsupported
from stopwatt.measuring.operators.likeness import fill, values_of
from stopwatt.operators.operator import Layout, Operator, Tensor, tensor_places

if TYPE_CHECKING:
    import torch

_LINE = 64
"""Bytes of a cache line: sizes of storages are multiples, so that every element type fits."""
_FORMATS = ("dtype", "layout", "memory_format")
"""What is named as torch names it."""


@dataclass(frozen=True, slots=True, eq=False)
class CallSet:
    """Everything that one call is given, in buffers of its own.

    Attributes:
        arguments: Positional ones.
        keywords: Keyword arguments.
        storages: Bytes of each storage by its number.
    """

    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    storages: "Mapping[int, torch.Tensor]"


class Materials:
    """Makes sets of an operator's arguments that are equal in all but where they lie.

    Args:
        operator: As it was captured.
        device: Where its tensors go, those of the host apart.
        seed: Of the values.

    Raises:
        Unsupported: A tensor cannot be made again.
    """

    def __init__(self, operator: Operator, device: str, seed: int = 0) -> None:
        for one in operator.tensors:
            if one.layout is not Layout.STRIDED:
                raise Unsupported(f"a tensor is {one.layout}: it cannot be made again from its shape")
        self._operator = operator
        self._device = device
        self.sizes = _sizes(operator.tensors)
        self._hosts = {one.storage for one in operator.tensors if one.host}
        self._seed = seed

    @cached_property
    def _pattern(self) -> "dict[int, torch.Tensor]":
        """The values of a set, by number of the storage; made when the first set is, which may be too large to be."""
        import torch

        dice = torch.Generator().manual_seed(self._seed)
        return {number: self._filled(number, dice) for number in self.sizes}

    @property
    def bytes(self) -> int:
        """Of one set."""
        return sum(self.sizes.values())

    def make(self, common: Collection[int] = ()) -> CallSet:
        """One more set.

        Args:
            common: Numbers of storages that all sets share.
        """
        storages = {
            number: pattern if number in common else pattern.clone() for number, pattern in self._pattern.items()
        }
        tensors = [_view(one, storages[one.storage]) for one in self._operator.tensors]
        arguments = tuple(self._plain(one, tensors) for one in self._operator.arguments)
        keywords = {name: self._plain(one, tensors) for name, one in self._operator.keywords.items()}
        return CallSet(arguments, keywords, storages)

    def restore(self, made: CallSet, numbers: Iterable[int]) -> None:
        """Give storages of a set the values back that they were made with."""
        for number in numbers:
            made.storages[number].copy_(self._pattern[number])

    def buffer(self, size: int) -> "torch.Tensor":
        """So many bytes on the device, for `overwrite`."""
        import torch

        return torch.zeros(size, dtype=torch.uint8, device=self._device)

    def overwrite(self, buffer: "torch.Tensor") -> None:
        """Read and write all of a buffer; on a CPU by this thread, whose caches it shall fill, alone."""
        if buffer.device.type == "cpu":
            array = buffer.numpy()
            array += 1
        else:
            buffer.add_(1)

    def _filled(self, number: int, dice: "torch.Generator") -> "torch.Tensor":
        import torch

        device = "cpu" if number in self._hosts else self._device
        storage = torch.zeros(self.sizes[number], dtype=torch.uint8, device=device)
        for one in self._operator.tensors:  # the first view that covers an element decides, but views agree on values
            if one.storage == number and _extent(one):
                flat = storage.view(_dtype(one.dtype))[one.offset : one.offset + _extent(one)]
                fill(flat, values_of(one, flat.numel(), dice))
        return storage

    def _plain(self, value: Any, tensors: "list[torch.Tensor]") -> Any:
        """A captured argument as torch takes it."""
        if isinstance(value, list | tuple):
            return [self._plain(one, tensors) for one in value]
        if not isinstance(value, Mapping):
            return value
        (kind, content), *_ = value.items()
        if kind == "tensor":
            return tensors[int(content)]
        return self._named(kind, content)

    def _named(self, kind: str, content: Any) -> Any:
        import torch

        if kind in _FORMATS:
            return getattr(torch, str(content))
        if kind == "device":
            return torch.device("cpu" if str(content) == "cpu" else self._device)
        if kind == "number":
            return _number(str(content))
        raise Unsupported(f"an argument of the kind {kind!r} is not known", now="capture the model again")


def function_of(name: str) -> Any:
    """The operator that torch has under a name with its overload, `aten.linear.default`.

    For a name that torch does not know the installed package that the operator's namespace names is imported.

    Raises:
        Unsupported: torch has none here: the library that brings it is not loaded, or it is another version.
    """
    import torch

    space, _, rest = name.partition(".")
    packet, _, overload = rest.rpartition(".")
    for attempt in (_nothing, import_module):  # who brings operators of its own names them after itself: torchvision
        try:
            attempt(space)
            return getattr(getattr(getattr(torch.ops, space), packet), overload)
        except (AttributeError, ImportError, RuntimeError):
            continue
    raise Unsupported(
        f"torch {torch.__version__} has no operator {name} in this process",
        now="capture the model again with the versions that are installed now",
    )


def _nothing(_: str) -> None:
    """What torch needs for operators of its own."""


def written(operator: Operator, function: Any) -> frozenset[int]:
    """Numbers of the storages that a call writes to, as the operator's schema says."""
    changed: set[int] = set()
    schema = function._schema.arguments  # noqa: SLF001  (there is no public way to it)
    for place, argument in enumerate(schema):
        if argument.alias_info is None or not argument.alias_info.is_write:
            continue
        given = operator.keywords.get(argument.name)
        given = operator.arguments[place] if place < len(operator.arguments) else given
        changed.update(operator.tensors[number].storage for number in tensor_places(given))
    return frozenset(changed)


def strides_of(tensor: Tensor) -> tuple[int, ...]:
    """In elements; dense where the record says nothing."""
    if tensor.strides or not tensor.shape:
        return tensor.strides
    return tuple(prod(tensor.shape[place + 1 :]) for place in range(len(tensor.shape)))


def _extent(tensor: Tensor) -> int:
    """Elements between its first and its last, both included."""
    if not prod(tensor.shape):
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, strides_of(tensor), strict=True))


def _sizes(tensors: Iterable[Tensor]) -> dict[int, int]:
    """Bytes of each storage: as far as the last element of any of its tensors, in whole lines."""
    sizes: dict[int, int] = {}
    for one in tensors:
        end = (one.offset + _extent(one)) * _dtype(one.dtype).itemsize
        sizes[one.storage] = max(sizes.get(one.storage, 0), -(-end // _LINE) * _LINE)
    return sizes


def given_bytes(operator: Operator) -> int:
    """Bytes of the memory that a call takes for what it returns, beside its operands."""
    own = {one.storage for one in operator.tensors}
    return sum(size for storage, size in _sizes(operator.outputs).items() if storage not in own)


def _view(tensor: Tensor, storage: "torch.Tensor") -> "torch.Tensor":
    flat = storage.view(_dtype(tensor.dtype))
    if not _extent(tensor):  # without elements it reaches nowhere, whatever its offset says
        return flat.new_empty(tensor.shape)
    return flat.as_strided(tensor.shape, strides_of(tensor), tensor.offset)


def _dtype(name: str) -> "torch.dtype":
    import torch

    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype):
        raise Unsupported(f"torch {torch.__version__} has no element type {name}")
    return found


def _number(text: str) -> float | complex:
    try:
        return float(text)
    except ValueError:
        return complex(text)
