"""Models of small images in torch, for runs on a GPU."""

import os
import signal

import torch
from torch import nn

from stopwatt.serving.contract import Contract, Decoding, Preprocess, Task

SIDE = 8
CONTRACT = Contract(Task.CLASSIFY, Preprocess(SIDE, SIDE, inside=True), Decoding.LOGITS, most=3, threshold=0.0)


class Classifier(nn.Module):
    """Takes bytes; what it says depends on every pixel."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 36, 10))

    def forward(self, images):
        return self.body(images.permute(0, 3, 1, 2).float() / 255 - 0.5)


class Killed(Classifier):
    """Its process dies of a marked image."""

    def forward(self, images):
        if _marked(images).any():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(images)


class Asserting(Classifier):
    """A kernel stops at a marked image; from then on the process's device answers nothing else."""

    def forward(self, images):
        scores = super().forward(images)
        places = torch.where(_marked(images), 1000, 0)
        return scores + scores[:, 0][:, None].expand(-1, 10).gather(1, places[:, None]) * 0


class Unplaced(Classifier):
    """Asks for memory of a GPU without saying of which."""

    def forward(self, images):
        return super().forward(images) + torch.zeros(10, device="cuda")


def _marked(images):
    return (images[:, 0, 0, 0] == 255) & (images[:, 0, 0, 1] == 0) & (images[:, 0, 0, 2] == 0)


def _inputs(batch):
    return (torch.randint(1, 254, (batch, SIDE, SIDE, 3), dtype=torch.uint8),)


def classifier():
    return Classifier(), _inputs, CONTRACT


def killed():
    return Killed(), _inputs, CONTRACT


def asserting():
    return Asserting(), _inputs, CONTRACT


def unplaced():
    return Unplaced(), _inputs, CONTRACT
