"""One call of a model, taken apart: its operators in order, the modules they are in, the time between them."""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.measuring.operators.arguments import Encoder, Storages, storage_of
from stopwatt.measuring.operators.gaps import Heard, OtherPath, gaps_of
from stopwatt.measuring.operators.interception import intercepting
from stopwatt.measuring.operators.leaves import Modules
from stopwatt.operators.capture import LeafCall, Module
from stopwatt.operators.operator import Operator
from stopwatt.units import quantity

if TYPE_CHECKING:
    import torch

DEPENDS_ON_VALUES = (
    "control flow may depend on values (read on the host by {operators}): another input may take another path"
)
NO_ROOM = "no times between operators: what the operators return, {size} up to there, would not stay in memory"
OTHER_PATH = "no times between operators: called again, the model called other operators, so it keeps a state"
NO_OPERATOR = "the call runs no operator of torch"

_READS_VALUES = frozenset(
    {"_local_scalar_dense", "item", "is_nonzero", "nonzero", "nonzero_numpy", "masked_select", "equal", "allclose",
     "unique_dim", "unique_consecutive", "_unique", "_unique2"}
)  # fmt: skip
"""Operators whose result is a number on the host, or has a shape that follows from values."""


@dataclass(frozen=True, slots=True)
class Interior:
    """What a call consists of; the fields of `Capture` that follow from watching it."""

    operators: tuple[Operator, ...]
    sequence: NDArray[np.int64]
    places: NDArray[np.int64]
    gaps_ns: NDArray[np.float64]
    modules: tuple[Module, ...]
    leaves: tuple[LeafCall, ...]
    notes: tuple[str, ...]


def take_apart(
    call: Callable[[Any], Any],
    inputs: Callable[[], Any],
    *,
    device: str,
    whole: str,
    model: "torch.nn.Module | None" = None,
    room: float = float("inf"),
    compiled: bool = False,
) -> Interior:
    """Call a model once and write down every operator, then some more times without running any to time the gaps.

    Args:
        call: Takes what `inputs` returns.
        inputs: Makes the inputs afresh, which the model may change.
        device: Where the model is: `cpu` or `cuda`.
        whole: Name of what is called.
        model: The module, where it is one.
        room: Bytes that may be kept of what operators return; gaps are not measured beyond.
        compiled: Whether most of it is not called through torch's dispatcher: modules are not heard of then (hooks
            would have the code compiled anew), and there is no time between operators alone.
    """
    storages = Storages()
    taking = _Taking(Encoder(device, storages), whole, model, 0.0 if compiled else room)
    given = inputs()
    storages.inputs.update(taking.memory_of(given))
    with _uncollected():
        taking.take(call, given, hooks=not compiled)
    notes = _path_notes(taking.encoder.operators)
    gaps = np.zeros(0)
    if not compiled:
        gaps, why = _gaps(lambda: call(given), taking)
        notes += why
    return Interior(
        tuple(taking.encoder.operators),
        np.asarray(taking.sequence, dtype=np.int64),
        np.asarray(taking.places, dtype=np.int64),
        gaps,
        tuple(taking.modules.found),
        tuple(taking.modules.leaves),
        tuple(notes),
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """A block without garbage collection, which would look through all that is remembered again and again."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _gaps(call: Callable[[], Any], taking: "_Taking") -> tuple[NDArray[np.float64], list[str]]:
    """Times between operators, or why there are none."""
    if not taking.sequence:
        return np.zeros(0), [NO_OPERATOR]
    if taking.remembered is None:
        return np.zeros(0), [NO_ROOM.format(size=quantity(taking.kept, "B"))]
    try:
        with _uncollected():
            return gaps_of(call, taking.remembered), []
    except OtherPath:
        return np.zeros(0), [OTHER_PATH]


class _Taking:
    """What has been heard so far."""

    def __init__(self, encoder: Encoder, whole: str, model: "torch.nn.Module | None", room: float) -> None:
        self.encoder = encoder
        self.sequence: list[int] = []
        self.places: list[int] = []
        self.modules = Modules(encoder, self.sequence.__len__, whole, model)
        self.remembered: list[Heard] | None = []
        self.kept = 0.0
        self._bytes: list[int] = []
        self._room = room

    def take(self, call: Callable[[Any], Any], inputs: Any, *, hooks: bool) -> None:
        with self.modules.watched() if hooks else nullcontext(), intercepting(self._hear):
            call(inputs)

    def memory_of(self, value: Any) -> set[int]:
        """The storages of all tensors in a value."""
        return {storage_of(one) for one in self.encoder.plain_tensors(value)}

    def _hear(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        given = self.encoder.before(function, args, kwargs)
        returned = function(*args, **kwargs)
        self.sequence.append(self.encoder.after(given, returned))
        self.places.append(self.modules.current)
        if self.remembered is not None:
            self._remember(Heard(function, args, kwargs, returned))
        return returned

    def _remember(self, heard: Heard) -> None:
        assert self.remembered is not None  # noqa: S101  (asked by the caller)
        self.remembered.append(heard)
        number = self.sequence[-1]
        if number == len(self._bytes):
            self._bytes.append(_new_bytes(self.encoder.operators[number], self.encoder.plain_tensors(heard.returned)))
        self.kept += self._bytes[number]
        if self.kept > self._room:
            self.remembered = None


def _new_bytes(operator: Operator, returned: Sequence[Any]) -> int:
    """Memory that what it returns takes beyond what it was given."""
    given = {one.storage for one in operator.tensors}
    pairs = zip(operator.outputs, returned, strict=False)
    return sum(tensor.untyped_storage().nbytes() for output, tensor in pairs if output.storage not in given)


def _path_notes(operators: Sequence[Operator]) -> list[str]:
    names = {one.name for one in operators if _base_name(one) in _READS_VALUES or _by_truth(one)}
    return [DEPENDS_ON_VALUES.format(operators=", ".join(sorted(names)))] if names else []


def _base_name(operator: Operator) -> str:
    """`item` of `aten.item.default`."""
    return operator.name.split(".")[1] if operator.name.count(".") > 1 else operator.name


def _by_truth(operator: Operator) -> bool:
    """Whether elements are chosen by a mask: so many come out as it says."""
    return _base_name(operator) == "index" and any(one.dtype == "bool" for one in operator.tensors[1:])
