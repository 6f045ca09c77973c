"""RT-DETR object detectors (Zhao et al. 2024), untrained, from their configuration; no post-processing inside."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from stopwatt.errors import UsageError
from stopwatt.records import Scalar
from stopwatt.workloads.base import Arrays, Built, Param
from stopwatt.workloads.family import BuiltIn, quiet, size, transformers
from stopwatt.workloads.inputs import images
from stopwatt.workloads.seeded import keep_signal, ready, seeded
from stopwatt.workloads.served import detection

if TYPE_CHECKING:
    from types import ModuleType

    import torch

_STRIDE = 32
_LEVELS = ("stage2", "stage3", "stage4")
_TINY: dict[str, Any] = {
    "backbone": {
        "layer_type": "basic",
        "depths": [1, 1, 1, 1],
        "hidden_sizes": [16, 32, 64, 128],
        "embedding_size": 16,
    },
    "d_model": 32,
    "encoder_hidden_dim": 32,
    "encoder_ffn_dim": 64,
    "decoder_in_channels": [32, 32, 32],
    "decoder_ffn_dim": 64,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "hidden_expansion": 0.5,
}
PRESETS: dict[str, dict[str, Any]] = {
    "tiny": _TINY,
    "r18": {
        "backbone": {"layer_type": "basic", "depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512]},
        "hidden_expansion": 0.5,
        "decoder_layers": 3,
    },
    "r34": {
        "backbone": {"layer_type": "basic", "depths": [3, 4, 6, 3], "hidden_sizes": [64, 128, 256, 512]},
        "hidden_expansion": 0.5,
        "decoder_layers": 4,
    },
    "r50": {
        "backbone": {"layer_type": "bottleneck", "depths": [3, 4, 6, 3], "hidden_sizes": [256, 512, 1024, 2048]},
        "decoder_layers": 6,
    },
}


class Detector(BuiltIn):
    """`[batch, 3, image, image] -> (logits [batch, queries, classes], boxes [batch, queries, 4])`.

    Boxes are centre, width and height as shares of the image.
    """

    name = "detector"
    summary = "RT-DETR object detector: class scores and boxes of its queries"
    packages = ("torch", "transformers")
    params = (
        Param("size", "r18", "preset: the backbone ResNet", choices=tuple(PRESETS)),
        size("image", 320, "height and width in pixels, a multiple of 32", low=_STRIDE, high=8192),
        size("queries", 100, "objects looked for at once", high=10_000),
        size("classes", 80, "classes"),
    )

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:
        """Build the detector.

        Raises:
            WorkloadError: transformers is missing.
            UsageError: The image does not fit the strides, or has fewer places than queries.
        """
        image, queries = int(params["image"]), int(params["queries"])
        _check_size(image, queries)
        package = transformers(self.name)
        with seeded(seed), quiet():
            network = package.RTDetrForObjectDetection(_config(package, params))
            keep_signal(network)
            module = ready(_positional(network))

        def make_inputs(batch: int, generator: np.random.Generator) -> Arrays:
            return (images(batch, image, image, generator),)

        return Built(module, make_inputs, ("images",), module=module, unordered=True, contract=detection(image))


def _check_size(image: int, queries: int) -> None:
    if image % _STRIDE:
        raise UsageError(
            f"an image of {image} pixels does not fit the detector's strides",
            now=f"use a multiple of {_STRIDE}, such as image={-(-image // _STRIDE) * _STRIDE}",
        )
    places = sum((image // stride) ** 2 for stride in (8, 16, 32))
    if queries > places:
        raise UsageError(
            f"{queries} queries are more than the {places} places of an image of {image} pixels",
            now=f"use queries={places} at most, or a larger image",
        )


def _config(package: "ModuleType", params: Mapping[str, Scalar]) -> Any:
    rest = dict(PRESETS[str(params["size"])])
    backbone = rest.pop("backbone")
    return package.RTDetrConfig(
        backbone_config=package.RTDetrResNetConfig(**backbone, out_features=list(_LEVELS)),
        encoder_in_channels=backbone["hidden_sizes"][1:],
        num_queries=int(params["queries"]),
        num_labels=int(params["classes"]),
        disable_custom_kernels=True,
        attn_implementation="eager",
        **rest,
    )


def _positional(detector: "torch.nn.Module") -> "torch.nn.Module":
    """The detector behind a forward that takes and returns plain tensors, which every exporter understands."""
    import torch

    class Positional(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.detector = detector

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            output = self.detector(pixel_values=images)
            return output.logits, output.pred_boxes

    return Positional()
