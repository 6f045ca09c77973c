"""A small detector of shapes, in the manner of CenterNet (Zhou et al. 2019): every place says what it is the centre of.

    stopwatt bench examples/detector/model.py:detector
    stopwatt pack examples/detector/model.py:detector --backend openvino --out detector.swpack

`detector.safetensors` beside this file is what `train.py` made of the data set that `stopwatt data shapes` draws.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from stopwatt.bulk.scene import KINDS, scene
from stopwatt.serving.contract import Contract, Decoding, Preprocess, Task
from stopwatt.serving.pixels import fitted, normalised
from stopwatt.techniques.shrinking import narrow

HEIGHT, WIDTH, STRIDE = 256, 448, 8
PREPROCESS = Preprocess(HEIGHT, WIDTH, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
CONTRACT = Contract(Task.DETECT, PREPROCESS, Decoding.DETR, labels=KINDS)
TRAINED = Path(__file__).with_name("detector.safetensors")
_WIDTHS = (16, 32, 64, 80, 96)
"""Channels at strides 2, 4, 8, 16 and 32."""
_NECK = 64
_SHARPNESS = 50.0
"""How much lower a place becomes for each unit that a neighbour is higher. A peak stays as it is, and unlike a
comparison with the neighbours this is continuous: another rounding does not turn answers over."""


def detector(checkpoint: str = "") -> tuple[nn.Module, object, Contract]:
    """The trained detector, its inputs (drawn scenes), and what it takes to serve it.

    Args:
        checkpoint: A safetensors file of `train.py`; the one beside this file if empty. That of a pruned model makes
            a model as narrow.
    """
    module = ShapeDetector()
    weights = {name: one.float() for name, one in load_file(checkpoint or TRAINED).items()}
    narrow(module, weights)
    module.load_state_dict(weights, strict=False)
    return module.eval(), scenes, CONTRACT


def scenes(batch: int) -> tuple[Tensor]:
    """Scenes as the model takes them: float32 [batch, 3, 256, 448]."""
    seeds = torch.randint(2**31, (batch,)).tolist()
    drawn = [fitted(scene(WIDTH, HEIGHT - 4, (seed,)).pixels, PREPROCESS)[0] for seed in seeds]
    return (torch.from_numpy(normalised(np.stack(drawn), PREPROCESS)),)


class ShapeDetector(nn.Module):
    """`[B, 3, 256, 448] -> (logits [B, 1792, 6], boxes [B, 1792, 4])`, boxes as centre, width, height in shares."""

    def __init__(self) -> None:
        super().__init__()
        first, second, *rest = _WIDTHS
        self.stem = nn.Sequential(_conv(3, first, stride=2), _conv(first, second, stride=2))
        wider = zip((second, *rest), rest, strict=False)
        self.stages = nn.ModuleList(nn.Sequential(_conv(a, b, stride=2), _Residual(b)) for a, b in wider)
        self.laterals = nn.ModuleList(nn.Conv2d(width, _NECK, 1) for width in rest)
        self.smooth = nn.ModuleList(_conv(_NECK, _NECK) for _ in rest[1:])
        self.head = _conv(_NECK, _NECK)
        self.heat = nn.Conv2d(_NECK, len(KINDS), 1)
        self.sides = nn.Conv2d(_NECK, 4, 1)
        nn.init.constant_(self.heat.bias, -4.0)  # at first nearly every place is the centre of nothing
        grid = torch.meshgrid(torch.arange(HEIGHT // STRIDE), torch.arange(WIDTH // STRIDE), indexing="ij")
        self.register_buffer("places", torch.stack((grid[1], grid[0])).float() + 0.5, persistent=False)
        self.register_buffer("size", torch.tensor([WIDTH, HEIGHT]).view(2, 1, 1) / STRIDE, persistent=False)

    def raw(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `[B, 6, 32, 56]`, and distances to left, top, right and bottom in strides, `[B, 4, 32, 56]`."""
        found, levels = self.stem(images), []
        for stage, lateral in zip(self.stages, self.laterals, strict=True):
            found = stage(found)
            levels.append(lateral(found))
        top = levels[-1]
        for smooth, level in zip(self.smooth, reversed(levels[:-1]), strict=True):
            top = smooth(level + functional.interpolate(top, scale_factor=2.0, mode="nearest"))
        shared = self.head(top)
        return self.heat(shared), torch.exp(self.sides(shared).clamp(max=5.0))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What there is at every place."""
        heat, sides = self.raw(images)
        highest = functional.max_pool2d(heat, 3, stride=1, padding=1)
        peaks = heat - _SHARPNESS * (highest - heat)
        near, far = sides[:, :2], sides[:, 2:]
        boxes = torch.cat(((self.places + (far - near) / 2) / self.size, (near + far) / self.size), dim=1)
        return peaks.flatten(2).transpose(1, 2), boxes.flatten(2).transpose(1, 2)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, values: Tensor) -> Tensor:
        return functional.relu(values + self.second(self.first(values)))


def _conv(before: int, after: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True))
