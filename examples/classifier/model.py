"""A small classifier of shapes, in the manner of a residual network (He et al. 2016): what stands in the middle?

    stopwatt bench examples/classifier/model.py:classifier
    python examples/classifier/crops.py crops
    stopwatt bench examples/classifier/model.py:classifier --precision fp32,int8 --data crops/val

`classifier.safetensors` beside this file is what `train.py` made of the crops that `crops.py` draws.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from stopwatt.bulk.scene import KINDS, scene
from stopwatt.serving.contract import Contract, Decoding, Fit, Preprocess, Task
from stopwatt.serving.pixels import fitted, normalised
from stopwatt.techniques.shrinking import narrow

SIDE = 48
PREPROCESS = Preprocess(SIDE, SIDE, Fit.STRETCH, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
CONTRACT = Contract(Task.CLASSIFY, PREPROCESS, Decoding.LOGITS, labels=KINDS, threshold=0.0, most=len(KINDS))
TRAINED = Path(__file__).with_name("classifier.safetensors")
_WIDTHS = (16, 32, 64)
"""Channels at strides 2, 4 and 8."""


def classifier(checkpoint: str = "") -> tuple[nn.Module, object, Contract]:
    """The trained classifier, its inputs (pieces of drawn scenes), and what it takes to serve it.

    Args:
        checkpoint: A safetensors file of `train.py`; the one beside this file if empty. That of a pruned model makes
            a model as narrow.
    """
    module = ShapeClassifier()
    weights = {name: one.float() for name, one in load_file(checkpoint or TRAINED).items()}
    narrow(module, weights)
    module.load_state_dict(weights, strict=False)
    return module.eval(), pieces, CONTRACT


def pieces(batch: int) -> tuple[Tensor]:
    """Inputs: float32 [batch, 3, 48, 48]."""
    seeds = torch.randint(2**31, (batch,)).tolist()
    drawn = [fitted(scene(64, 64, (seed,)).pixels, PREPROCESS)[0] for seed in seeds]
    return (torch.from_numpy(normalised(np.stack(drawn), PREPROCESS)),)


class ShapeClassifier(nn.Module):
    """`[B, 3, 48, 48] -> logits [B, 6]`."""

    def __init__(self) -> None:
        super().__init__()
        stages, before = [], 3
        for width in _WIDTHS:
            stages += [_conv(before, width, stride=2), _Residual(width)]
            before = width
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(before, len(KINDS))

    def forward(self, images: Tensor) -> Tensor:
        """Scores of the classes."""
        scores: Tensor = self.head(self.stages(images).mean((2, 3)))
        return scores


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
