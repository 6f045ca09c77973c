"""What a user's function may return, and the workload that is made of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.errors import WorkloadError
from stopwatt.serving.contract import Contract, Decoding
from stopwatt.workloads.base import Arrays, Built, MakeInputs
from stopwatt.workloads.infer import inferred
from stopwatt.workloads.inputs import like
from stopwatt.workloads.seeded import ready, seeded

if TYPE_CHECKING:
    import torch

_REMEDY = (
    "return an nn.Module, or (module, inputs) where inputs is a tuple of tensors with the batch first or a function "
    "batch -> such a tuple, or any callable"
)
_MEND = "return inputs of that shape and type, or mend height, width and inside of the Preprocess"
_CHANNELS = 3


def built_from(returned: Any, source: str, seed: int) -> Built:
    """Make a workload of what a user's function returned.

    Args:
        returned: A module, a pair of a module (or callable) and inputs, a module, inputs and a contract, or a callable.
        source: As the user wrote it, for errors.
        seed: For the forward pass that checks inferred inputs.

    Raises:
        WorkloadError: It is something else, the inputs of a bare module cannot be inferred, or they are not what the
            contract says.
    """
    if isinstance(returned, tuple | list) and returned and isinstance(returned[-1], Contract):
        rest = returned[0] if len(returned) == 2 else tuple(returned[:-1])  # noqa: PLR2004  (model and contract)
        return with_contract(built_from(rest, source, seed), returned[-1], source)
    import torch

    model, inputs = returned if _is_pair(returned) else (returned, None)
    if isinstance(model, type):
        raise WorkloadError(
            f"{source} returned the class {model.__name__}, not a model", now=f"return {model.__name__}(...)"
        )
    if not callable(model):
        raise WorkloadError(f"{source} returned {_described(returned)}, not a model", now=_REMEDY)
    if isinstance(model, torch.nn.Module):
        ready(model)
        if inputs is None:
            return inferred(model, source, seed)
        make = _input_maker(inputs, source)
        return Built(model, make, _names(make), module=model)
    make = _no_inputs if inputs is None else _input_maker(inputs, source)
    return Built(model, make, _names(make), fixed_batch=1 if inputs is None else None)  # a call is one sample


def with_contract(built: Built, contract: Contract, source: str, now: str = _MEND) -> Built:
    """The workload, if its inputs are the images that the contract describes.

    Args:
        built: The workload.
        contract: What it is said to be given.
        source: As the user wrote it, for errors.
        now: What helps where they are not.

    Raises:
        WorkloadError: They are not.
    """
    height, width = contract.preprocess.height, contract.preprocess.width
    inside = contract.preprocess.inside
    wanted = (height, width, _CHANNELS) if inside else (_CHANNELS, height, width)
    arrays = built.make_inputs(1, np.random.default_rng(0))
    kind = np.uint8 if inside else np.float32
    if len(arrays) != 1 or arrays[0].shape[1:] != wanted or arrays[0].dtype != kind:
        shapes = ", ".join(f"{array.dtype} {array.shape}" for array in arrays) or "none"
        raise WorkloadError(
            f"the inputs of {source} are not what its contract says",
            when=f"one input {np.dtype(kind)} (batch, {', '.join(map(str, wanted))}) is described; they are {shapes}",
            now=now,
        )
    return replace(built, contract=contract, classifier=built.classifier or contract.decoding is Decoding.LOGITS)


def _is_pair(returned: Any) -> bool:
    return isinstance(returned, tuple | list) and len(returned) == 2  # noqa: PLR2004  (model and inputs)


def _described(value: Any) -> str:
    if value is None:
        return "nothing"
    kinds = ", ".join(type(one).__name__ for one in value) if isinstance(value, tuple | list) else ""
    return f"a value of type {type(value).__name__}" + (f" of ({kinds})" if kinds else "")


def _no_inputs(batch: int, generator: np.random.Generator) -> Arrays:  # noqa: ARG001  (the interface's arguments)
    return ()


def _names(make: MakeInputs) -> tuple[str, ...]:
    return tuple(f"input_{place}" for place in range(len(make(1, np.random.default_rng(0)))))


def _input_maker(inputs: Any, source: str) -> MakeInputs:
    if callable(inputs):
        return _from_function(inputs, source)
    example = _arrays(inputs, source)
    if len({len(array) for array in example}) > 1:
        raise WorkloadError(
            f"the inputs of {source} do not all have the batch first: their shapes are "
            + ", ".join(str(array.shape) for array in example),
            now="return a function batch -> tuple of tensors in place of the tuple",
        )

    def make_inputs(batch: int, generator: np.random.Generator) -> Arrays:
        return like(example, batch, generator)

    return make_inputs


def _from_function(function: Callable[[int], Any], source: str) -> MakeInputs:
    """Inputs from the user's own function. If it returns the same whatever the seed, its values are shuffled."""

    def drawn(batch: int, seed: int) -> Arrays:
        with seeded(seed):
            try:
                returned = function(batch)
            except Exception as error:
                raise WorkloadError(
                    f"the inputs of {source} raised {type(error).__name__}: {error}",
                    when=f"calling them with batch {batch}",
                    now="correct the function that makes the inputs",
                ) from error
        return _arrays(returned, source)

    first, second = drawn(1, 1), drawn(1, 2)
    constant = all(np.array_equal(one, other) for one, other in zip(first, second, strict=False))

    def make_inputs(batch: int, generator: np.random.Generator) -> Arrays:
        arrays = drawn(batch, int(generator.integers(2**31)))
        if batch > 1 and [array.shape for array in arrays] == [array.shape for array in first]:
            raise WorkloadError(
                f"the inputs of {source} are the same for batch {batch} as for batch 1",
                when=f"their shapes are {', '.join(str(array.shape) for array in arrays)}",
                now="use the batch that the function is given: it says how many samples a call holds",
            )
        return tuple(one for array in arrays for one in like((array,), len(array), generator)) if constant else arrays

    return make_inputs


def _arrays(inputs: Any, source: str) -> tuple[NDArray[Any], ...]:
    import torch

    items = (inputs,) if isinstance(inputs, torch.Tensor | np.ndarray) else inputs
    if not isinstance(items, tuple | list):
        raise WorkloadError(f"the inputs of {source} are {_described(inputs)}, not a tuple of tensors", now=_REMEDY)
    return tuple(_array(item, source) for item in items)


def _array(item: "torch.Tensor | Any", source: str) -> NDArray[Any]:
    import torch

    if isinstance(item, torch.Tensor):
        host = item.detach().cpu()
        array: NDArray[Any] = (host.float() if host.dtype == torch.bfloat16 else host).numpy()
    elif isinstance(item, np.ndarray):
        array = item
    else:
        raise WorkloadError(f"an input of {source} is {_described(item)}, not a tensor", now=_REMEDY)
    if array.ndim == 0:
        raise WorkloadError(f"an input of {source} has no batch dimension: it is a single value", now=_REMEDY)
    return array
