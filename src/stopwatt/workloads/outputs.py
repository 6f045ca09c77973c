"""Outputs as exporters want them: a flat tuple of tensors."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def flat_outputs(module: "torch.nn.Module") -> "torch.nn.Module":
    """The module behind a forward that returns all tensors of its output as one tuple, in order."""
    import torch

    class Flat(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(tensors(self.inner(*inputs)))

    return Flat()


def tensors(output: Any) -> "Iterator[torch.Tensor]":
    """All tensors in nested tuples, lists and mappings, in order; other values are left out."""
    import torch

    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, Mapping):
        for value in output.values():
            yield from tensors(value)
    elif isinstance(output, tuple | list):
        for value in output:
            yield from tensors(value)
