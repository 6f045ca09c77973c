"""GPT-2 decoders (Radford et al. 2019), untrained, from their configuration: one forward pass, no cache."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from stopwatt.records import Scalar
from stopwatt.workloads.base import Arrays, Built, Param
from stopwatt.workloads.family import BuiltIn, quiet, size, transformer_shape, transformers
from stopwatt.workloads.inputs import tokens
from stopwatt.workloads.seeded import ready, seeded

if TYPE_CHECKING:
    import torch

PRESETS = {
    "tiny": {"layers": 2, "hidden": 128, "heads": 2},
    "distil": {"layers": 6, "hidden": 768, "heads": 12},
    "small": {"layers": 12, "hidden": 768, "heads": 12},
    "medium": {"layers": 24, "hidden": 1024, "heads": 16},
    "large": {"layers": 36, "hidden": 1280, "heads": 20},
    "xl": {"layers": 48, "hidden": 1600, "heads": 25},
}
VOCABULARY = 50257


class Gpt2(BuiltIn):
    """`input_ids [batch, seq] -> logits [batch, seq, 50257]`, or hidden states `[batch, seq, hidden]`."""

    name = "gpt2"
    summary = "GPT-2 decoder over a whole prompt (prefill), without a cache"
    packages = ("torch", "transformers")
    params = (
        Param("size", "small", "preset", choices=tuple(PRESETS)),
        size("seq", 128, "tokens", high=100_000),
        Param("output", "logits", "what is returned", choices=("logits", "hidden")),
        size("layers", 0, "0: as the preset", low=0, high=1024),
        size("hidden", 0, "units; 0: as the preset", low=0, high=50_000),
        size("heads", 0, "attention heads; 0: as the preset", low=0, high=1024),
    )

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:
        """Build the decoder.

        Raises:
            WorkloadError: transformers is missing.
            UsageError: The units cannot be shared out among the heads.
        """
        seq, logits = int(params["seq"]), params["output"] == "logits"
        shape = transformer_shape(PRESETS, params)
        package = transformers(self.name)
        config = package.GPT2Config(
            n_embd=shape["hidden"],
            n_layer=shape["layers"],
            n_head=shape["heads"],
            n_positions=max(1024, seq),
            attn_implementation="sdpa",
            use_cache=False,
        )
        with seeded(seed), quiet():
            module = ready(_positional(package.GPT2LMHeadModel(config), logits=logits))

        def make_inputs(batch: int, generator: np.random.Generator) -> Arrays:
            return (tokens((batch, seq), 0, VOCABULARY - 1, generator),)

        return Built(module, make_inputs, ("input_ids",), module=module, classifier=logits)


def _positional(decoder: "torch.nn.Module", *, logits: bool) -> "torch.nn.Module":
    """The decoder behind a forward that takes and returns plain tensors, which every exporter understands."""
    import torch

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.decoder = decoder

        def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
            scores: torch.Tensor = self.decoder(input_ids=input_ids, use_cache=False).logits
            return scores

    class Hidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.decoder = decoder.get_submodule("transformer")

        def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
            states: torch.Tensor = self.decoder(input_ids=input_ids, use_cache=False).last_hidden_state
            return states

    return Logits() if logits else Hidden()
