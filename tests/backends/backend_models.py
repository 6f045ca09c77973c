"""Small models for the backends' tests, each with a layer that some runtime treats in its own way."""

import numpy as np
import torch
from torch import nn

from stopwatt.workloads.base import Arrays, Built


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 128)
        self.last = nn.Linear(128, 10)

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 16, 3)
        self.last = nn.Linear(16, 10)

    def forward(self, x):
        return self.last(torch.relu(self.second(torch.relu(self.first(x)))).mean((2, 3)))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(16, 32, 2, batch_first=True)
        self.last = nn.Linear(32, 4)

    def forward(self, x):
        return self.last(self.lstm(x)[0][:, -1])


class Attention(nn.Module):
    """Two inputs of integers, two outputs."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 64)
        self.qkv = nn.Linear(64, 192)
        self.out = nn.Linear(64, 64)
        self.norm = nn.LayerNorm(64)

    def forward(self, tokens, mask):
        x = self.embed(tokens)
        batch, seq, width = x.shape
        q, k, v = self.qkv(x).view(batch, seq, 3, 4, 16).permute(2, 0, 3, 1, 4)
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :].bool())
        hidden = self.norm(x + self.out(y.transpose(1, 2).reshape(batch, seq, width)))
        return hidden, hidden[:, 0]


class Eigenvalues(nn.Module):
    """Uses an operator that ONNX has no mapping for."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)

    def forward(self, x):
        return torch.linalg.eigvals(self.first(x)).abs()


def _floats(*shape):
    def make(batch, generator) -> Arrays:
        return (generator.standard_normal((batch, *shape)).astype(np.float32),)

    return make


def _tokens(batch, generator) -> Arrays:
    mask = np.ones((batch, 9), dtype=np.int64)
    mask[:, 7:] = 0
    return (generator.integers(0, 50, (batch, 9)), mask)


_MODELS = {
    "mlp": (Mlp, _floats(64), ("x",)),
    "conv": (ConvNet, _floats(3, 16, 16), ("image",)),
    "lstm": (Recurrent, _floats(12, 16), ("series",)),
    "attention": (Attention, _tokens, ("tokens", "mask")),
    "eigenvalues": (Eigenvalues, _floats(4, 4), ("x",)),
}


def build(name) -> Built:
    """A workload with seeded weights."""
    kind, make_inputs, names = _MODELS[name]
    torch.manual_seed(0)
    module = kind().eval().requires_grad_(False)
    return Built(call=module, make_inputs=make_inputs, input_names=names, module=module)


def input_sets(built, batch=2, count=3) -> list[Arrays]:
    """Different, reproducible input sets."""
    generator = np.random.default_rng(1)
    return [built.make_inputs(batch, generator) for _ in range(count)]


def reference(built, arrays) -> Arrays:
    """What fp32 eager answers."""
    with torch.inference_mode():
        outputs = built.module(*(torch.from_numpy(array) for array in arrays))
    several = outputs if isinstance(outputs, tuple) else (outputs,)
    return tuple(output.numpy() for output in several)


def deviation(outputs, wanted) -> float:
    """Largest absolute difference over the reference's largest absolute value, worst output."""
    assert len(outputs) == len(wanted)
    worst = 0.0
    for got, right in zip(outputs, wanted, strict=True):
        assert got.shape == right.shape
        assert got.dtype == right.dtype
        worst = max(worst, float(np.abs(got - right).max() / np.abs(right).max()))
    return worst


TOLERANCE = {"fp32": 1e-5, "fp16": 5e-3, "bf16": 2e-2, "int8": 5e-2}
