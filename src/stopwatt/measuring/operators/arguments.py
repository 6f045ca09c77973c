"""From ATen calls to operators: each distinct one is written down once, its repetitions cost a look-up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stopwatt.measuring.operators.values import Seen, layout_of, plain_value, short_name, value_range
from stopwatt.operators.operator import Layout, Operator, Role, Tensor

_WEIGHT, _INPUT, _ACTIVATION = Role.WEIGHT.value, Role.INPUT.value, Role.ACTIVATION.value
_STRIDED, _QUANTISED = Layout.STRIDED.value, Layout.QUANTISED.value
_ATOMS = frozenset({int, bool, str, type(None)})
_UNSEEN: Seen = (None, None)
_TENSOR = "a tensor"
_WHY = {
    Layout.SPARSE: "a sparse tensor",
    Layout.QUANTISED: "a quantised tensor",
    Layout.OPAQUE: "a tensor in a format of its own",
}


class Storages:
    """Who owns which memory: a storage that is neither an input nor written in the call is a constant of the model."""

    def __init__(self) -> None:
        self.weights: set[int] = set()
        self.inputs: set[int] = set()
        self.written: set[int] = set()

    def role(self, storage: int) -> str:
        """Where a tensor with this storage comes from: the value of a `Role`."""
        if storage in self.weights:
            return _WEIGHT
        if storage in self.inputs:
            return _INPUT
        return _ACTIVATION if storage in self.written else _WEIGHT


def storage_of(tensor: Any) -> int:
    """What tells a tensor's memory from other memory: where its storage begins."""
    at = tensor.data_ptr()
    if at:
        return int(at - tensor.storage_offset() * tensor.itemsize)
    return -int(tensor.untyped_storage()._cdata)  # noqa: SLF001  (without elements there is no address)


@dataclass(slots=True)
class Call:
    """A call whose arguments were read, before it runs.

    Attributes:
        kind: Number of its operator and arguments; equal for calls of the same kind.
        identities: What is known of each tensor among the arguments but for its values.
        numbers: Numbers of storages within the call.
        seen: Ranges of the tensors' values where the call is the first of its kind; empty for the others.
    """

    function: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    kind: int
    identities: tuple[Any, ...]
    numbers: dict[int, int]
    seen: tuple[Seen, ...]


class Encoder:
    """Numbers the distinct operators of a capture.

    Args:
        device: Where the model is (`cpu`, `cuda`): tensors on the host are marked if that is elsewhere.
        storages: Who owns which memory; what calls write is added.
    """

    def __init__(self, device: str, storages: Storages) -> None:
        import torch

        self.operators: list[Operator] = []
        self.storages = storages
        self._elsewhere = device != "cpu"
        self._tensor = torch.Tensor
        self._plain = {torch.Tensor, torch.nn.Parameter, torch.nn.Buffer}
        self.strided = torch.strided
        self._made_by_hand = torch.ops.aten.lift_fresh.default  # torch's first call on a tensor of Python numbers
        self._kinds: dict[Any, int] = {}
        self._functions: list[Any] = []
        self._numbers: dict[Any, int] = {}
        self._made: dict[Any, Tensor] = {}

    def before(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Call:
        """Read the arguments, which the call may change in place."""
        tensors: list[Any] = []
        structure = (self._sequence(args, tensors), self._structure(kwargs, tensors) if kwargs else ())
        if function is self._made_by_hand:
            self.storages.written.update(storage_of(one) for one in tensors)
        numbers: dict[int, int] = {}
        identities = self._identities(tensors, numbers)
        key = (id(function), structure, identities)  # functions of torch are slow to hash
        kind = self._kinds.get(key)
        if kind is not None:
            return Call(function, args, kwargs, kind, identities, numbers, ())
        self._functions.append(function)  # kept, so that no other one is given its id
        kind = self._kinds[key] = len(self._kinds)
        seen = tuple(value_range(one) for one in tensors)
        return Call(function, args, kwargs, kind, identities, numbers, seen)

    def after(self, call: Call, returned: Any) -> int:
        """The number of the operator, now that it is known what it gives."""
        found: list[Any] = []
        self._structure(returned, found)
        outputs = self._identities(found, call.numbers, written=self.storages.written)
        key = (call.kind, outputs)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.operators)
            self.operators.append(self._operator(call, outputs))
        return number

    def tensors(self, value: Any) -> tuple[Tensor, ...]:
        """All tensors in what a module takes or gives; their storages are numbered within it."""
        found: list[Any] = []
        self._structure(value, found)
        return tuple([self._described(one, _UNSEEN) for one in self._identities(found, {})])

    def plain_tensors(self, value: Any) -> list[Any]:
        """The tensors in a value that lie in a storage, in order."""
        found: list[Any] = []
        self._structure(value, found)
        return [one for one in found if self._is_plain(one)]

    def _structure(self, value: Any, tensors: list[Any]) -> Any:
        """What can be hashed and tells all arguments apart that make a difference; tensors are put into the list."""
        kind = value.__class__
        if kind in self._plain or isinstance(value, self._tensor):
            tensors.append(value)
            return _TENSOR
        if kind is float:
            return kind, repr(value)  # NaN differs from itself, and 0.0 does not differ from -0.0
        if kind in _ATOMS:
            return kind, value  # 1, 1.0 and True are equal to each other
        if isinstance(value, list | tuple):
            return self._sequence(value, tensors)
        if isinstance(value, Mapping):
            return tuple([(str(name), self._structure(one, tensors)) for name, one in value.items()])
        return kind, str(plain_value(value))

    def _sequence(self, values: Sequence[Any], tensors: list[Any]) -> tuple[Any, ...]:
        """The same of several values; tensors and atoms, which most are, without a call for each."""
        found: list[Any] = []
        for value in values:
            kind = value.__class__
            if kind in self._plain:
                tensors.append(value)
                found.append(_TENSOR)
            else:
                found.append((kind, value) if kind in _ATOMS else self._structure(value, tensors))
        return tuple(found)

    def _is_plain(self, tensor: Any) -> bool:
        return type(tensor) in self._plain and tensor.layout is self.strided

    def _identities(
        self, tensors: Sequence[Any], numbers: dict[int, int], *, written: set[int] | None = None
    ) -> tuple[Any, ...]:
        """Shape, type, strides, offset, storage, role, whether on the host, layout; enums would be slow to hash.

        One loop, since it runs twice in each call of an operator.

        Args:
            tensors: In order.
            numbers: Of storages, by where they begin; those that are met are added.
            written: Where storages are noted, if the tensors were written.
        """
        found = []
        plain, strided = self._plain, self.strided
        for tensor in tensors:
            if tensor.__class__ not in plain or tensor.layout is not strided:
                found.append(self._odd_identity(tensor, numbers))
                continue
            offset, at = tensor.storage_offset(), tensor.data_ptr()
            storage = at - offset * tensor.itemsize if at else storage_of(tensor)
            if written is not None:
                written.add(storage)
            number = numbers.setdefault(storage, len(numbers))
            role = self.storages.role(storage)
            host = self._elsewhere and tensor.is_cpu  # the name of a device is slow to come by
            layout = _QUANTISED if tensor.is_quantized else _STRIDED
            found.append((tensor.shape, tensor.dtype, tensor.stride(), offset, number, role, host, layout))
        return tuple(found)

    def _odd_identity(self, tensor: Any, numbers: dict[int, int]) -> Any:
        """The same of a tensor without strides, or of a class of its own."""
        number = numbers.setdefault(id(tensor), len(numbers))
        host = self._elsewhere and tensor.is_cpu
        return tensor.shape, tensor.dtype, (), 0, number, _ACTIVATION, host, layout_of(tensor).value

    def _described(self, identity: Any, seen: Seen) -> Tensor:
        key = (identity, seen)
        if key not in self._made:
            shape, dtype, strides, offset, storage, role, host, layout = identity
            sizes, steps = tuple(int(size) for size in shape), tuple(int(step) for step in strides)
            self._made[key] = Tensor(
                sizes, short_name(dtype), steps, int(offset), storage, Role(role), Layout(layout), host, *seen
            )
        return self._made[key]

    def _operator(self, call: Call, outputs: tuple[Any, ...]) -> Operator:
        seen = call.seen or (_UNSEEN,) * len(call.identities)
        tensors = tuple(self._described(one, values) for one, values in zip(call.identities, seen, strict=True))
        documents = _Documents(self._tensor)
        arguments = tuple(documents.of(one) for one in call.args)
        keywords = {str(name): documents.of(one) for name, one in call.kwargs.items()}
        given = tuple(self._described(one, _UNSEEN) for one in outputs)
        obstacle = ", ".join(_obstacles(call.function, tensors, documents.odd))
        return Operator(str(call.function), tensors, arguments, keywords, given, obstacle and f"takes {obstacle}")


class _Documents:
    """Arguments as plain JSON values, tensors numbered as they are met."""

    def __init__(self, tensor: type) -> None:
        self.odd: list[str] = []
        self._tensor = tensor
        self._met = 0

    def of(self, value: Any) -> Any:
        if isinstance(value, self._tensor):
            self._met += 1
            return {"tensor": self._met - 1}
        if isinstance(value, list | tuple):
            return [self.of(one) for one in value]
        if isinstance(value, Mapping):
            return {str(name): self.of(one) for name, one in value.items()}
        document = plain_value(value)
        if isinstance(document, dict) and "object" in document:
            self.odd.append(f"an object ({document['object']})")
        return document


def _obstacles(function: Any, tensors: Sequence[Tensor], odd: Sequence[str]) -> Iterator[str]:
    """What the operator takes that cannot be made again."""
    if not hasattr(function, "_schema"):
        yield "functions: it is of a higher order"
    yield from dict.fromkeys(_WHY[one.layout] for one in tensors if one.layout is not Layout.STRIDED)
    yield from dict.fromkeys(odd)
