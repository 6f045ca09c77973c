"""Models as users write them, for packing."""

from dataclasses import replace

import torch

import stopwatt

CONTRACT = stopwatt.Contract(
    stopwatt.Task.CLASSIFY,
    stopwatt.Preprocess(16, 24, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4)),
    stopwatt.Decoding.LOGITS,
    labels=("cat", "dog", "bird"),
)


class Plain(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 8, 3, 2)
        self.head = torch.nn.Linear(8, 3)

    def forward(self, images):
        return self.head(self.convolution(images).relu().mean((2, 3)))


class Decomposing(Plain):
    def forward(self, images):
        features = self.convolution(images).mean((2, 3))
        square = features[:, :, None] @ features[:, None, :] + torch.eye(8)
        return self.head(torch.linalg.qr(square)[0].sum(1))


class Branching(Plain):
    def forward(self, images):
        scores = super().forward(images)
        return scores * 2 if scores.sum() > 0 else scores


@torch.library.custom_op("packed_models::doubled", mutates_args=())
def doubled(values: torch.Tensor) -> torch.Tensor:
    return values * 2


@doubled.register_fake
def _(values):
    return torch.empty_like(values)


class Foreign(torch.nn.Module):
    """Has an operator of its own inside a module of its own."""

    class Doubler(torch.nn.Module):
        def forward(self, values):
            return doubled(doubled(values))

    def __init__(self):
        super().__init__()
        self.plain = Plain()
        self.doubler = self.Doubler()

    def forward(self, images):
        return self.doubler(self.plain(images))


class Determined(Plain):
    """Has an operator that ONNX can write and not every runtime can read."""

    class Volume(torch.nn.Module):
        def forward(self, features):
            return torch.linalg.det(features[:, :, None] @ features[:, None, :] + torch.eye(8))

    def __init__(self):
        super().__init__()
        self.volume = self.Volume()

    def forward(self, images):
        features = self.convolution(images).mean((2, 3))
        return self.head(features) + self.volume(features)[:, None]


def images():
    return (torch.rand(1, 3, 16, 24),)


def plain():
    return Plain(), images(), CONTRACT


def decomposing():
    return Decomposing(), images(), CONTRACT


def foreign():
    return Foreign(), images(), CONTRACT


def determined():
    return Determined(), images(), CONTRACT


def branching():
    return Branching(), images(), CONTRACT


def tensors():
    return Plain(), images()


def other_size():
    return Plain(), (torch.rand(1, 3, 16, 16),), CONTRACT


def two_inputs():
    return torch.nn.Bilinear(4, 4, 2), (torch.rand(1, 4), torch.rand(1, 4)), CONTRACT


def mismatched():
    return Plain(), images(), replace(CONTRACT, labels=("cat", "dog"))


def boxless():
    return Plain(), images(), replace(CONTRACT, task=stopwatt.Task.DETECT, decoding=stopwatt.Decoding.BOXES)
