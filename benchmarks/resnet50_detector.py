"""A dense detector on a ResNet-50 for large images, as a user's workload file; its weights are drawn, not trained.

    stopwatt run images/ --model benchmarks/resnet50_detector.py:detector --device cuda --precision bf16 --out results

A feature pyramid (Lin et al. 2017) and the head of FCOS (Tian et al. 2019) at strides 8, 16 and 32. It takes bytes,
and what it answers has a fixed size, so that every exporter takes it. It costs what a trained one costs; what it finds
means nothing.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import ResNetBackbone, ResNetConfig

from stopwatt.serving.contract import Contract, Decoding, Preprocess, Task
from stopwatt.workloads.served import MEAN, STD

STRIDES = (8, 16, 32)
FOUND = 100
"""Boxes of an image, the best ones."""
_NECK, _TOWER = 256, 4
_BLOCK_GAIN = 0.3
"""Of the last normalisation of a residual block: without training the sum of sixteen blocks would grow 2^16-fold."""
_PRIOR, _SPREAD = -10.0, 1.6
"""Mean and deviation of the class logits: some of three million then stand out, and none on a plain image."""


def detector(
    height: int = 1080, width: int = 1920, classes: int = 80, sizes: str = "256,512,1024,2048"
) -> tuple[nn.Module, object, Contract]:
    """The detector, inputs, and what it takes to serve it.

    Args:
        height: Of an image, in pixels.
        width: The same.
        classes: That it tells apart.
        sizes: Channels of the backbone's stages; those of a ResNet-50.
    """
    channels = tuple(int(word) for word in sizes.split(","))

    def images(batch: int) -> tuple[Tensor]:
        """Patches of light and colour: of noise the network would see nothing that stands out."""
        patches = functional.interpolate(torch.rand(batch, 3, height // 64 + 1, width // 64 + 1), size=(height, width))
        return ((patches.permute(0, 2, 3, 1) * 255).to(torch.uint8).contiguous(),)

    contract = Contract(Task.DETECT, Preprocess(height, width, inside=True), Decoding.BOXES, threshold=0.3, most=FOUND)
    return DenseDetector(channels, classes), images, contract


class DenseDetector(nn.Module):
    """uint8 `[B, height, width, 3] -> (boxes [B, 100, 4] in pixels, scores [B, 100], classes [B, 100])`."""

    def __init__(self, channels: tuple[int, ...], classes: int) -> None:
        super().__init__()
        names = ["stage2", "stage3", "stage4"]
        embedding = channels[0] // 4
        self.backbone = ResNetBackbone(
            ResNetConfig(embedding_size=embedding, hidden_sizes=list(channels), out_features=names)
        )
        self.laterals = nn.ModuleList(nn.Conv2d(one, _NECK, 1) for one in channels[1:])
        self.smooth = nn.ModuleList(nn.Conv2d(_NECK, _NECK, 3, padding=1) for _ in STRIDES)
        self.class_tower, self.box_tower = _tower(), _tower()
        self.classes = nn.Conv2d(_NECK, classes, 3, padding=1)
        self.boxes = nn.Conv2d(_NECK, 4, 3, padding=1)
        mean, deviation = (255 * torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("scale", 1 / deviation, persistent=False)
        self._draw()

    @torch.no_grad()
    def _draw(self) -> None:
        """Weights that keep the signal from layer to layer (He et al. 2015, fan-in), from torch's own generator."""
        for name, part in self.named_modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            elif isinstance(part, nn.BatchNorm2d) and name.endswith("layer.2.normalization"):
                nn.init.constant_(part.weight, _BLOCK_GAIN)
        for part in (self.classes, self.boxes):  # what comes out of a tower has a mean square of 1/2
            nn.init.normal_(part.weight, std=math.sqrt(2 / (9 * _NECK)))
        self.classes.weight.mul_(_SPREAD)
        nn.init.constant_(self.classes.bias, _PRIOR)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What there is on each image."""
        pixels = images.permute(0, 3, 1, 2).to(self.mean.dtype)
        levels = self.pyramid((pixels - self.mean) * self.scale)
        logits, boxes = [], []
        for level, stride in zip(levels, STRIDES, strict=True):
            logits.append(self.classes(self.class_tower(level)).flatten(2).float())
            sides = functional.softplus(self.boxes(self.box_tower(level)).float()) * (4 * stride)
            boxes.append(_corners(sides, stride))
        best, classes = torch.cat(logits, dim=2).max(dim=1)
        scores, places = best.sigmoid().topk(FOUND, dim=1)
        chosen = places[..., None].expand(-1, -1, 4)
        return torch.cat(boxes, dim=2).transpose(1, 2).gather(1, chosen), scores, classes.gather(1, places)

    def pyramid(self, pixels: Tensor) -> list[Tensor]:
        """Features `[B, 256, h, w]` at each stride."""
        maps = self.backbone(pixels).feature_maps
        sides = [lateral(one) for lateral, one in zip(self.laterals, maps, strict=True)]
        for place in reversed(range(len(sides) - 1)):
            above = functional.interpolate(sides[place + 1], size=sides[place].shape[-2:], mode="nearest")
            sides[place] = sides[place] + above
        return [smooth(one) for smooth, one in zip(self.smooth, sides, strict=True)]


def _corners(sides: Tensor, stride: int) -> Tensor:
    """Boxes `[B, 4, places]` of distances to left, top, right and bottom `[B, 4, h, w]`, in pixels."""
    height, width = sides.shape[-2:]
    down = (torch.arange(height, device=sides.device, dtype=sides.dtype) + 0.5) * stride
    across = (torch.arange(width, device=sides.device, dtype=sides.dtype) + 0.5) * stride
    centre = torch.stack((across.expand(height, width), down[:, None].expand(height, width)))
    return torch.cat((centre - sides[:, :2], centre + sides[:, 2:]), dim=1).flatten(2)


def _tower() -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(_TOWER):
        layers += [nn.Conv2d(_NECK, _NECK, 3, padding=1), nn.GroupNorm(32, _NECK), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
