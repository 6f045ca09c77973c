"""BERT encoders (Devlin et al. 2019; small sizes after Turc et al. 2019), untrained, from their configuration."""

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
    "mini": {"layers": 4, "hidden": 256, "heads": 4},
    "small": {"layers": 4, "hidden": 512, "heads": 8},
    "medium": {"layers": 8, "hidden": 512, "heads": 8},
    "base": {"layers": 12, "hidden": 768, "heads": 12},
    "large": {"layers": 24, "hidden": 1024, "heads": 16},
}
VOCABULARY = 30522
_CLS, _SEP, _FIRST_ORDINARY = 101, 102, 999


class Bert(BuiltIn):
    """`(input_ids, attention_mask)`, both `[batch, seq]` -> `([batch, seq, hidden], [batch, hidden])`."""

    name = "bert"
    summary = "BERT encoder: last hidden states and pooled output"
    packages = ("torch", "transformers")
    params = (
        Param("size", "base", "preset", choices=tuple(PRESETS)),
        size("seq", 128, "tokens", low=2, high=100_000),
        size("layers", 0, "0: as the preset", low=0, high=1024),
        size("hidden", 0, "units; 0: as the preset", low=0, high=50_000),
        size("heads", 0, "attention heads; 0: as the preset", low=0, high=1024),
    )

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:
        """Build the encoder.

        Raises:
            WorkloadError: transformers is missing.
            UsageError: The units cannot be shared out among the heads.
        """
        seq = int(params["seq"])
        shape = transformer_shape(PRESETS, params)
        package = transformers(self.name)
        config = package.BertConfig(
            vocab_size=VOCABULARY,
            hidden_size=shape["hidden"],
            num_hidden_layers=shape["layers"],
            num_attention_heads=shape["heads"],
            intermediate_size=4 * shape["hidden"],
            max_position_embeddings=max(512, seq),
            attn_implementation="sdpa",
        )
        with seeded(seed), quiet():
            module = ready(_positional(package.BertModel(config)))

        def make_inputs(batch: int, generator: np.random.Generator) -> Arrays:
            ids = tokens((batch, seq), _FIRST_ORDINARY, VOCABULARY, generator)
            ids[:, 0], ids[:, -1] = _CLS, _SEP
            return ids, np.ones_like(ids)

        return Built(module, make_inputs, ("input_ids", "attention_mask"), module=module)


def _positional(encoder: "torch.nn.Module") -> "torch.nn.Module":
    """The encoder behind a forward that takes and returns plain tensors, which every exporter understands."""
    import torch

    class Positional(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            output = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
            return output.last_hidden_state, output.pooler_output

    return Positional()
