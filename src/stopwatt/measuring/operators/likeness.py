"""Random values like those that a tensor held: data decide how much power a device draws, and some decide its speed.

Nothing here is subnormal, no index is out of range, and a variance is positive: an operator does what it does in its
model. Values come from a block that is repeated, since a gigabyte of dice would take longer than what is measured.
"""

import math
from typing import TYPE_CHECKING

from stopwatt.operators.operator import Role, Tensor

if TYPE_CHECKING:
    import torch

_BLOCK = 2**20
"""Different values, at most."""
_EXTREME = 1e30
"""A bound beyond this is that of a mask: values are one bound or the other, with little between."""
_SIGMAS = 6.0
"""Standard deviations from the lowest to the highest value that was seen."""


def fill(flat: "torch.Tensor", block: "torch.Tensor") -> None:
    """Repeat a block of values over a one-dimensional tensor."""
    whole = flat.numel() // block.numel() * block.numel()
    flat[:whole].view(-1, block.numel()).copy_(block)
    flat[whole:].copy_(block[: flat.numel() - whole])


def values_of(tensor: Tensor, count: int, dice: "torch.Generator") -> "torch.Tensor":
    """Values for a tensor: so many, or a block of them to be repeated; one-dimensional, on the host.

    Args:
        tensor: What it is, and the range that was seen.
        count: Elements of it, at least 1.
        dice: Where the values come from.
    """
    import torch

    count, dtype = min(count, _BLOCK), getattr(torch, tensor.dtype)
    if dtype is torch.bool:
        return _truths(tensor, count, dice)
    if dtype.is_complex:
        parts = torch.randn(2, count, generator=dice)
        return torch.complex(parts[0], parts[1]).to(dtype)
    if dtype.is_floating_point:
        return _floats(tensor, count, dice, torch.finfo(dtype)).to(dtype)
    return _integers(tensor, count, dice).to(dtype)


def _truths(tensor: Tensor, count: int, dice: "torch.Generator") -> "torch.Tensor":
    """Both as often as the other, or the one that was seen."""
    import torch

    low, high = int(tensor.low or 0), 1 if tensor.high is None else int(tensor.high)
    return torch.randint(low, high + 1, (count,), generator=dice).bool()


def _integers(tensor: Tensor, count: int, dice: "torch.Generator") -> "torch.Tensor":
    """Within the range that was seen; 0 where nobody looked, which is the one index that all tables have."""
    import torch

    if tensor.low is None or tensor.high is None:
        return torch.zeros(count, dtype=torch.int64)
    return torch.randint(int(tensor.low), int(tensor.high) + 1, (count,), generator=dice)


def _floats(tensor: Tensor, count: int, dice: "torch.Generator", limits: "torch.finfo") -> "torch.Tensor":
    """Normal within the range that was seen; weights without one keep the size of what they are multiplied with."""
    import torch

    low, high = tensor.low, tensor.high
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        normal = torch.randn(count, generator=dice)
        if tensor.role is not Role.WEIGHT:
            return normal
        many = len(tensor.shape) > 1  # a vector of weights may be a variance
        return normal / math.sqrt(math.prod(tensor.shape[1:])) if many else 1 + normal.clamp(-3, 3) / 10
    if max(-low, high) > min(_EXTREME, limits.max / 2):
        bounds = torch.tensor([max(low, limits.min / 2), min(high, limits.max / 2)])
        return bounds[torch.randint(0, 2, (count,), generator=dice)]
    normal = torch.randn(count, generator=dice) * ((high - low) / _SIGMAS) + (low + high) / 2
    return normal.clamp(low, high)
