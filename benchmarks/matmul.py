"""A matrix product as a workload, as large as its batch: `benchmarks/matmul.py:product`."""

from typing import Any


def product(size: int = 8192) -> tuple[Any, Any]:
    """A linear layer without bias from and to `size`: 2 x batch x size^2 FLOP a call.

    Args:
        size: Rows and columns.
    """
    import torch

    return torch.nn.Linear(size, size, bias=False), (torch.randn(size, size),)
