"""MobileNetV2 (Sandler et al. 2018), untrained, in plain torch: depthwise separable convolutions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from stopwatt.records import Scalar
from stopwatt.workloads.base import Arrays, Built, Param
from stopwatt.workloads.family import BuiltIn, size
from stopwatt.workloads.inputs import images
from stopwatt.workloads.seeded import keep_signal, ready, seeded
from stopwatt.workloads.served import classification

if TYPE_CHECKING:
    import torch

_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, blocks and first stride of each stage (table 2 of the paper)."""
_STEM, _LAST = 32, 1280


class MobileNet(BuiltIn):
    """`[batch, 3, image, image] -> [batch, classes]`: class scores."""

    name = "mobilenet"
    summary = "MobileNetV2 classifier"
    params = (
        Param("width", 1.0, "multiplier of the channels", low=0.05, high=8.0),
        size("image", 224, "height and width in pixels", high=8192),
        size("classes", 1000, "classes"),
    )

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:
        """Build the network."""
        image = int(params["image"])
        with seeded(seed):
            module = ready(_network(float(params["width"]), int(params["classes"])))

        def make_inputs(batch: int, generator: np.random.Generator) -> Arrays:
            return (images(batch, image, image, generator),)

        return Built(module, make_inputs, ("images",), module=module, classifier=True, contract=classification(image))


def _network(width: float, classes: int) -> "torch.nn.Module":
    from torch import nn

    channels = _scaled(_STEM, width)
    parts: list[nn.Module] = _convolution(3, channels, 3, 2)
    for expansion, base, blocks, first_stride in _STAGES:
        for place in range(blocks):
            after = _scaled(base, width)
            parts.append(_block(channels, after, expansion, first_stride if place == 0 else 1))
            channels = after
    last = max(_LAST, _scaled(_LAST, width))
    parts += [*_convolution(channels, last, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, classes)]
    network = nn.Sequential(*parts)
    keep_signal(network)
    return network


def _scaled(channels: int, width: float) -> int:
    """Channels times the multiplier: the nearest multiple of 8 that loses at most a tenth (and at least 8)."""
    rounded = max(8, int(channels * width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels * width else rounded


def _block(before: int, after: int, expansion: int, stride: int) -> "torch.nn.Module":
    import torch
    from torch import nn

    inner = before * expansion
    widen = _convolution(before, inner, 1) if expansion > 1 else []
    depthwise = _convolution(inner, inner, 3, stride, groups=inner)
    project = [nn.Conv2d(inner, after, 1, bias=False), nn.BatchNorm2d(after)]
    branch = nn.Sequential(*widen, *depthwise, *project)
    if stride != 1 or before != after:
        return branch

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.branch = branch

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            output: torch.Tensor = x + self.branch(x)
            return output

    return Residual()


def _convolution(before: int, after: int, kernel: int, stride: int = 1, groups: int = 1) -> "list[torch.nn.Module]":
    from torch import nn

    return [
        nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU6(inplace=True),
    ]
