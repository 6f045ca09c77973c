"""`int8-weights`: the weights of linear layers in 8 bits, inputs and products in bf16, for models that wait for memory.

Each row of a weight matrix is divided by its largest value over 127 and rounded, and products are multiplied by that
number afterwards (weight-only quantisation, symmetric, per output channel). The kernel reads the 8 bits themselves:
torchao's weight-only layers cast all weights back in each eager call (`torch.mm(x, weight.to(x.dtype))`), which moves
more memory than there was, and is int8 in name only.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stopwatt.backends.int8_share import LEAST_SHARE
from stopwatt.errors import Unsupported
from stopwatt.records import Precision, Scalar, Setup
from stopwatt.techniques.base import OF_PYTORCH, Applied
from stopwatt.techniques.regions import is_transposed
from stopwatt.workloads.base import Arrays

if TYPE_CHECKING:
    import torch

_LARGEST = 127
_STEP = 16
"""Inputs that the kernel reads at once. It does not look whether a layer has a multiple of them, and reads on."""


class Int8Weights:
    """Linear layers that call PyTorch's kernel for int8 weights."""

    name = "int8-weights"
    summary = "weights of linear layers in 8 bits, computed with in bf16 (weight-only quantisation)"
    exact = False
    argument = ""
    last = True
    packages: Sequence[str] = ("torch",)

    def check(self, argument: str) -> str:
        """It has none."""
        return argument

    def require(self, setup: Setup) -> None:
        """Whether the backend knows the kernel, and the kernel the precision.

        Raises:
            Unsupported: One of the two does not.
        """
        if setup.backend not in OF_PYTORCH:
            why = f"it is a kernel of PyTorch, which {setup.backend} cannot run"
            raise self._refusal(why, setup, f"use {', '.join(OF_PYTORCH)}, or --precision int8")
        if setup.precision is not Precision.BF16:
            why = f"PyTorch's kernel computes in bf16; in {setup.precision} it has slow code only"
            raise self._refusal(why, setup, "use --precision bf16")

    def apply(self, module: "torch.nn.Module", argument: str, setup: Setup, calibration: Sequence[Arrays]) -> Applied:
        """Quantise the weights; no inputs are needed for that.

        Raises:
            Unsupported: Most of the weights would stay as they are.
        """
        del argument, calibration
        weights = _weights(module)
        total, quantised = sum(weights.values()), weights.pop(_LINEAR, 0)
        if not quantised or quantised < LEAST_SHARE * total:
            raise self._refusal(
                _left(weights, total), setup, "use --precision int8 with a backend that quantises these"
            )
        layers = _replace(module)
        facts: dict[str, Scalar] = {"layers": layers, "share_of_weights": round(quantised / total, 4)}
        return Applied(module, facts)

    def _refusal(self, why: str, setup: Setup, now: str) -> Unsupported:
        return Unsupported(f"{self.name} reads the weights of linear layers as int8: {why}", when=setup.label, now=now)


_LINEAR = "Linear"
_UNEVEN = f"Linear with inputs that are no multiple of {_STEP}"


def _weights(module: "torch.nn.Module") -> Counter[str]:
    """Numbers in the weights of layers that multiply by them, by kind; those that can be quantised as `Linear`."""
    from torch import nn
    from torch.nn.modules.conv import _ConvNd

    found: Counter[str] = Counter()
    for one in module.modules():
        if _can_be_quantised(one):
            found[_LINEAR] += one.get_parameter("weight").numel()
        elif type(one) is nn.Linear or is_transposed(one):
            found[_UNEVEN] += one.get_parameter("weight").numel()
        elif isinstance(one, _ConvNd | nn.RNNBase | nn.Linear | nn.MultiheadAttention):
            found[type(one).__name__] += sum(own.numel() for own in one.parameters(recurse=False) if own.dim() > 1)
    return found


def _left(weights: Counter[str], total: int) -> str:
    if not total:
        return "this model has no layer that multiplies by weights"
    kinds = ", ".join(f"{kind} ({size / total:.0%} of the weights)" for kind, size in weights.most_common(3))
    return f"most of this model would stay as it is: {kinds}"


def _can_be_quantised(layer: Any) -> bool:
    from torch import nn

    if not (type(layer) is nn.Linear or is_transposed(layer)):
        return False
    return int(layer.nx if is_transposed(layer) else layer.in_features) % _STEP == 0


def _replace(module: "torch.nn.Module") -> int:
    """Put quantised layers in the place of linear ones."""
    done: dict[int, torch.nn.Module] = {}
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if _can_be_quantised(child):
                made = done.setdefault(id(child), _quantised(child))
                setattr(parent, name, made)
    return len(done)


def _quantised(layer: Any) -> "torch.nn.Module":
    """The layer with its weights in 8 bits."""
    import torch

    class Int8Linear(torch.nn.Module):
        """`[..., inputs] -> [..., outputs]`; weights int8 `[outputs, inputs]`, scales `[outputs]`."""

        weight: torch.Tensor
        scales: torch.Tensor
        bias: torch.Tensor | None

        def __init__(self, weight: torch.Tensor, scales: torch.Tensor, bias: torch.Tensor | None) -> None:
            super().__init__()
            self.register_buffer("weight", weight)
            self.register_buffer("scales", scales)
            self.register_buffer("bias", bias)
            self.outputs = weight.shape[0]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            rows = x.reshape(-1, x.shape[-1])
            products: torch.Tensor = torch._weight_int8pack_mm(rows, self.weight, self.scales)  # noqa: SLF001
            if self.bias is not None:
                products = products + self.bias
            return products.view(*x.shape[:-1], self.outputs)

    weight = layer.weight.detach()
    weight = (weight.t() if is_transposed(layer) else weight).contiguous()
    scales = (weight.abs().amax(1) / _LARGEST).clamp_min(torch.finfo(torch.float32).tiny)
    rounded = (weight / scales[:, None]).round().to(torch.int8)
    return Int8Linear(rounded, scales, None if layer.bias is None else layer.bias.detach()).eval()
