"""Inputs for a module that came without any: guessed from its first layer, believed only after a forward pass."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from stopwatt.errors import WorkloadError
from stopwatt.workloads import inputs
from stopwatt.workloads.base import Arrays, Built, MakeInputs
from stopwatt.workloads.hfmodel import from_config
from stopwatt.workloads.outputs import flat_outputs
from stopwatt.workloads.seeded import ready

if TYPE_CHECKING:
    import torch

_SEQ = 128
_PIXELS = (224, 32, 28, 64, 96, 128, 256)
_LENGTHS = (1024, 128, 16000)
_BATCH = 2


def inferred(module: "torch.nn.Module", source: str, seed: int) -> Built:
    """A workload of a bare module.

    Raises:
        WorkloadError: No guess makes the forward pass work.
    """
    if hasattr(getattr(module, "config", None), "model_type"):
        return from_config(module, source)
    failures: list[str] = []
    for make in _guesses(module):
        arrays = make(_BATCH, np.random.default_rng(seed))
        try:
            outputs = _forward(module, arrays)
        except Exception as error:  # noqa: BLE001  (the module's own code may raise anything)
            failures.append(f"{arrays[0].shape}: {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}")
            continue
        flat = module if _is_plain(outputs) else ready(flat_outputs(module))
        return Built(flat, make, ("input",), module=flat)
    raise WorkloadError(
        f"the inputs of the module of {source} cannot be inferred",
        when=f"tried {failures[0]}" if failures else "its first layer says nothing about them",
        now="return (module, inputs), where inputs is a tuple of tensors with the batch first",
    )


def _forward(module: "torch.nn.Module", arrays: Arrays) -> Any:
    import torch

    with torch.inference_mode():
        return module(*(torch.from_numpy(array) for array in arrays))


def _is_plain(outputs: Any) -> bool:
    import torch

    items = outputs if isinstance(outputs, tuple) else (outputs,)
    return all(isinstance(item, torch.Tensor) for item in items)


def _guesses(module: "torch.nn.Module") -> Iterator[MakeInputs]:
    """Makers of inputs that fit the first layer that has weights, the likeliest first."""
    from torch import nn

    if any(isinstance(part, nn.MultiheadAttention) for part in module.modules()):
        return  # accepts inputs without a batch too, so that a forward pass proves nothing
    for part in module.modules():
        if isinstance(part, nn.Linear):
            yield _noise(part.in_features)
        elif isinstance(part, nn.Conv2d):
            yield from (_pictures(part.in_channels, pixels) for pixels in _PIXELS)
        elif isinstance(part, nn.Conv1d):
            yield from (_noise(part.in_channels, length) for length in _LENGTHS)
        elif isinstance(part, nn.Embedding):
            yield _ids(part.num_embeddings)
        elif isinstance(part, nn.RNNBase) and part.batch_first:
            yield _steps(part.input_size)
        elif not isinstance(part, nn.RNNBase):
            continue
        return


def _noise(*shape: int) -> MakeInputs:
    def make(batch: int, generator: np.random.Generator) -> Arrays:
        return (generator.standard_normal((batch, *shape), dtype=np.float32),)

    return make


def _pictures(channels: int, pixels: int) -> MakeInputs:
    if channels != 3:  # noqa: PLR2004  (red, green, blue)
        return _noise(channels, pixels, pixels)

    def make(batch: int, generator: np.random.Generator) -> Arrays:
        return (inputs.images(batch, pixels, pixels, generator),)

    return make


def _ids(vocabulary: int) -> MakeInputs:
    def make(batch: int, generator: np.random.Generator) -> Arrays:
        return (inputs.tokens((batch, _SEQ), 0, vocabulary, generator),)

    return make


def _steps(features: int) -> MakeInputs:
    def make(batch: int, generator: np.random.Generator) -> Arrays:
        return (inputs.series(batch, _SEQ, features, generator),)

    return make
