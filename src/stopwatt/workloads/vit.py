"""Vision transformers (Dosovitskiy et al. 2021), untrained, from their configuration."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from stopwatt.errors import UsageError
from stopwatt.records import Scalar
from stopwatt.workloads.base import Arrays, Built, Param
from stopwatt.workloads.family import BuiltIn, quiet, size, transformer_shape, transformers
from stopwatt.workloads.inputs import images
from stopwatt.workloads.seeded import ready, seeded
from stopwatt.workloads.served import classification

if TYPE_CHECKING:
    import torch

PRESETS = {
    "tiny": {"layers": 12, "hidden": 192, "heads": 3},
    "small": {"layers": 12, "hidden": 384, "heads": 6},
    "base": {"layers": 12, "hidden": 768, "heads": 12},
    "large": {"layers": 24, "hidden": 1024, "heads": 16},
}


class Vit(BuiltIn):
    """`[batch, 3, image, image] -> [batch, classes]`: class scores."""

    name = "vit"
    summary = "vision transformer classifier"
    packages = ("torch", "transformers")
    params = (
        Param("size", "base", "preset", choices=tuple(PRESETS)),
        size("image", 224, "height and width in pixels", high=8192),
        size("patch", 16, "height and width of a patch in pixels", high=1024),
        size("classes", 1000, "classes"),
        size("layers", 0, "0: as the preset", low=0, high=1024),
        size("hidden", 0, "units; 0: as the preset", low=0, high=50_000),
        size("heads", 0, "attention heads; 0: as the preset", low=0, high=1024),
    )

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:
        """Build the classifier.

        Raises:
            WorkloadError: transformers is missing.
            UsageError: The image is not a whole number of patches, or the units of heads.
        """
        image, patch = int(params["image"]), int(params["patch"])
        if image % patch:
            raise UsageError(
                f"an image of {image} pixels is not a whole number of patches of {patch}",
                now=f"use image={max(1, image // patch) * patch}",
            )
        shape = transformer_shape(PRESETS, params)
        package = transformers(self.name)
        config = package.ViTConfig(
            hidden_size=shape["hidden"],
            num_hidden_layers=shape["layers"],
            num_attention_heads=shape["heads"],
            intermediate_size=4 * shape["hidden"],
            image_size=image,
            patch_size=patch,
            num_labels=int(params["classes"]),
            attn_implementation="sdpa",
        )
        with seeded(seed), quiet():
            module = ready(_positional(package.ViTForImageClassification(config)))

        def make_inputs(batch: int, generator: np.random.Generator) -> Arrays:
            return (images(batch, image, image, generator),)

        return Built(module, make_inputs, ("images",), module=module, classifier=True, contract=classification(image))


def _positional(classifier: "torch.nn.Module") -> "torch.nn.Module":
    """The classifier behind a forward that takes and returns plain tensors, which every exporter understands."""
    import torch

    class Positional(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.classifier = classifier

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            scores: torch.Tensor = self.classifier(pixel_values=images).logits
            return scores

    return Positional()
