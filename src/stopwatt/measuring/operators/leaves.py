"""Which module is being called: a stack that hooks on all modules keep, and the calls of those without parts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stopwatt.measuring.operators.arguments import Encoder, storage_of
from stopwatt.operators.capture import LeafCall, Module

if TYPE_CHECKING:
    import torch

_WRAPPERS = "_orig_mod."
"""What torch.compile puts before the names of a module's parts."""


@dataclass(slots=True)
class _Open:
    """A module whose forward has begun."""

    place: int
    begin: int
    inputs: Any


class Modules:
    """Modules in the order of their first call. The first stands for the whole, whatever it is.

    Hooks are global ones: a hook on a module itself makes some of torch's layers leave their fast path.

    Args:
        encoder: Describes tensors, and is told which memory holds weights.
        position: Says how many operators have been called.
        whole: Name of the class or function that stands for the whole.
        model: The workload's module as it was built, where there is one: then the first module that is called is the
            whole (a backend may have made another one of it). Modules within a function get paths that begin with
            their class.
    """

    def __init__(
        self, encoder: Encoder, position: Callable[[], int], whole: str, model: "torch.nn.Module | None"
    ) -> None:
        self.found = [Module("", whole, leaf=False)]
        self.leaves: list[LeafCall] = []
        self._encoder = encoder
        self._position = position
        self._places: dict[int, int] = {}
        self._paths: dict[int, str] = {}
        self._roots: list[torch.nn.Module] = []
        self._open: list[_Open] = []
        self._model = model
        if model is not None:
            self._own_memory(model)

    @property
    def current(self) -> int:
        """Place of the innermost module whose forward runs."""
        return self._open[-1].place if self._open else 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """A block in which calls of modules are heard."""
        from torch.nn.modules import module as hooks

        before = hooks.register_module_forward_pre_hook(self._enter)
        after = hooks.register_module_forward_hook(self._leave, always_call=True)
        try:
            yield
        finally:
            before.remove()
            after.remove()
            self._open.clear()

    def _enter(self, module: "torch.nn.Module", inputs: Any) -> None:
        place = self._place(module)
        taken = self._encoder.tensors(inputs) if self.found[place].leaf else ()
        self._open.append(_Open(place, self._position(), taken))

    def _leave(self, _module: "torch.nn.Module", _inputs: Any, outputs: Any) -> None:
        if not self._open:
            return
        call = self._open.pop()
        if self.found[call.place].leaf:
            given = self._encoder.tensors(outputs)
            self.leaves.append(LeafCall(call.place, call.inputs, given, call.begin, self._position()))

    def _place(self, module: "torch.nn.Module") -> int:
        known = self._places.get(id(module))
        if known is not None:
            return known
        if id(module) not in self._paths:
            self._root(module)
            return self._place(module)
        if not self._paths[id(module)]:
            self.found[0] = _module("", module)
            self._places[id(module)] = 0
            return 0
        place = self._places[id(module)] = len(self.found)
        self.found.append(_module(self._paths[id(module)], module))
        return place

    def _root(self, model: "torch.nn.Module") -> None:
        """Learn the parts of a model and the memory of its weights."""
        name = "" if self._model is not None and not self._roots else self._name_within(model)
        self._roots.append(model)  # kept, so that no other module is given its id
        for path, module in model.named_modules():
            short = path.replace(_WRAPPERS, "")
            self._paths.setdefault(id(module), ".".join(filter(None, (name, short))))
        self._own_memory(model)

    def _name_within(self, model: "torch.nn.Module") -> str:
        """A path for a model that a function calls."""
        kind = type(model).__name__
        taken = sum(type(other).__name__ == kind for other in self._roots)
        return f"{kind}#{taken + 1}" if taken else kind

    def _own_memory(self, model: "torch.nn.Module") -> None:
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.layout is self._encoder.strided and not tensor.is_quantized:
                self._encoder.storages.weights.add(storage_of(tensor))


def _module(path: str, module: "torch.nn.Module") -> Module:
    return Module(path, type(module).__name__, next(module.children(), None) is None)
