"""Residual networks (He et al. 2016; the stride of a bottleneck in its 3x3 convolution), untrained, in plain torch."""

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

_STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
_BOTTLENECK_FROM = 50


class ResNet(BuiltIn):
    """`[batch, 3, image, image] -> [batch, classes]`: class scores."""

    name = "resnet"
    summary = "residual convolutional classifier"
    params = (
        Param("depth", 18, "layers with weights", choices=tuple(_STAGES)),
        size("image", 224, "height and width in pixels", high=8192),
        size("classes", 1000, "classes"),
        size("width", 64, "channels of the first stage", high=4096),
    )

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:
        """Build the network; each block adds a share of the signal, so that depth does not multiply it."""
        image = int(params["image"])
        with seeded(seed):
            module = ready(_network(int(params["depth"]), int(params["width"]), int(params["classes"])))

        def make_inputs(batch: int, generator: np.random.Generator) -> Arrays:
            return (images(batch, image, image, generator),)

        return Built(module, make_inputs, ("images",), module=module, classifier=True, contract=classification(image))


def _network(depth: int, width: int, classes: int) -> "torch.nn.Module":
    from torch import nn

    expansion = 4 if depth >= _BOTTLENECK_FROM else 1
    parts: list[nn.Module] = [*_convolution(3, width, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    channels = width
    for stage, blocks in enumerate(_STAGES[depth]):
        inner = width * 2**stage
        for place in range(blocks):
            stride = 2 if stage > 0 and place == 0 else 1
            parts.append(_block(channels, inner, inner * expansion, stride))
            channels = inner * expansion
    parts += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]
    network = nn.Sequential(*parts)
    keep_signal(network)
    _share_signal(network, sum(_STAGES[depth]))
    return network


def _block(channels: int, inner: int, outer: int, stride: int) -> "torch.nn.Module":
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.branch = nn.Sequential(*_branch(channels, inner, outer, stride))
            same = stride == 1 and channels == outer
            self.shortcut = nn.Identity() if same else nn.Sequential(*_convolution(channels, outer, 1, stride))
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            output: torch.Tensor = self.relu(self.branch(x) + self.shortcut(x))
            return output

    return Block()


def _branch(channels: int, inner: int, outer: int, stride: int) -> "list[torch.nn.Module]":
    from torch.nn import ReLU

    if inner == outer:
        return [
            *_convolution(channels, inner, 3, stride),
            ReLU(inplace=True),
            *_convolution(inner, outer, 3),
        ]
    return [
        *_convolution(channels, inner, 1),
        ReLU(inplace=True),
        *_convolution(inner, inner, 3, stride),
        ReLU(inplace=True),
        *_convolution(inner, outer, 1),
    ]


def _convolution(before: int, after: int, kernel: int, stride: int = 1) -> "list[torch.nn.Module]":
    from torch import nn

    return [nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(after)]


def _share_signal(network: "torch.nn.Module", blocks: int) -> None:
    """Scale the last normalisation of each branch by 1/sqrt(blocks): variances add up to about 2 over all blocks."""
    import torch

    for part in network.children():
        branch = getattr(part, "branch", None)
        if branch is not None:
            torch.nn.init.constant_(branch[-1].weight, blocks**-0.5)
