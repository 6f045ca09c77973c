"""Inputs and a plain forward for any transformers model, from its configuration."""

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from stopwatt.errors import WorkloadError
from stopwatt.workloads import inputs
from stopwatt.workloads.base import Arrays, Built, MakeInputs
from stopwatt.workloads.outputs import tensors
from stopwatt.workloads.seeded import ready

if TYPE_CHECKING:
    import torch

SEQ, SAMPLES = 128, 16000
_SCORES = ("ForSequenceClassification", "ForImageClassification", "ForCausalLM", "LMHeadModel", "ForMaskedLM")


def from_config(model: "torch.nn.Module", source: str, seq: int = SEQ, image: int = 0) -> Built:
    """A workload of a transformers model.

    Args:
        model: Has a `config` and names its main input.
        source: As the user wrote it, for errors.
        seq: Tokens per sample, for a model of text.
        image: Height and width in pixels; 0 as the configuration says.

    Raises:
        WorkloadError: Its main input is of a kind that stopwatt cannot make.
    """
    main = str(getattr(model, "main_input_name", "input_ids"))
    makers = {"input_ids": _text, "pixel_values": _pictures, "input_values": _sound}
    if main not in makers:
        raise WorkloadError(
            f"{source} takes {main}, for which stopwatt has no random inputs",
            now="write a function that returns (module, inputs), and name it as path.py:function",
        )
    names, make = makers[main](model, seq, image)
    module = ready(_positional(model, names))
    classifier = type(model).__name__.endswith(_SCORES)
    return Built(module, make, names, module=module, classifier=classifier)


def _text(model: Any, seq: int, image: int) -> tuple[tuple[str, ...], MakeInputs]:  # noqa: ARG001  (one interface)
    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    vocabulary = int(config.vocab_size)
    most = int(getattr(config, "max_position_embeddings", seq) or seq)
    length = min(seq, most)
    accepted = inspect.signature(model.forward).parameters
    mask = ("attention_mask",) if "attention_mask" in accepted else ()
    decoder = ("decoder_input_ids",) if getattr(model.config, "is_encoder_decoder", False) else ()

    def make(batch: int, generator: np.random.Generator) -> Arrays:
        ids = inputs.tokens((batch, length), min(5, vocabulary - 1), vocabulary, generator)
        return (ids, *(np.ones_like(ids) for _ in mask), *(ids for _ in decoder))

    return ("input_ids", *mask, *decoder), make


def _pictures(model: Any, seq: int, image: int) -> tuple[tuple[str, ...], MakeInputs]:  # noqa: ARG001  (one interface)
    stated = getattr(model.config, "image_size", 224) or 224
    height, width = (stated, stated) if isinstance(stated, int) else (int(stated[0]), int(stated[1]))
    if image:
        height = width = image

    def make(batch: int, generator: np.random.Generator) -> Arrays:
        return (inputs.images(batch, height, width, generator),)

    return ("pixel_values",), make


def _sound(model: Any, seq: int, image: int) -> tuple[tuple[str, ...], MakeInputs]:  # noqa: ARG001  (one interface)
    def make(batch: int, generator: np.random.Generator) -> Arrays:
        return (inputs.series(batch, SAMPLES, 1, generator)[:, :, 0],)

    return ("input_values",), make


def _positional(model: "torch.nn.Module", names: tuple[str, ...]) -> "torch.nn.Module":
    """The model behind a forward that takes tensors by position and returns a flat tuple of tensors."""
    import torch

    fixed = {"use_cache": False} if "use_cache" in inspect.signature(model.forward).parameters else {}

    class Positional(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(tensors(self.model(**dict(zip(names, given, strict=True)), **fixed)))

    return Positional()
