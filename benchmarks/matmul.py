"""A large matrix product as a workload: `benchmarks/matmul.py:product`."""

from typing import Any


def product(size: int = 8192) -> tuple[Any, Any]:
    """A linear layer without bias from and to `size`, and `size` rows for it: 2 x size^3 FLOP a call.

    Args:
        size: Rows and columns.
    """
    import torch

    return torch.nn.Linear(size, size, bias=False), (torch.randn(size, size),)
