"""Outputs as exporters want them: a flat tuple of tensors."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
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
    """All tensors in nested tuples, lists, mappings and dataclasses, in order; other values are left out."""
    import torch

    return (leaf for leaf in leaves(output) if isinstance(leaf, torch.Tensor))


def leaves(output: Any) -> Iterator[Any]:
    """What nested tuples, lists, mappings and dataclasses hold, in order."""
    if isinstance(output, Mapping):
        output = tuple(output.values())
    elif is_dataclass(output) and not isinstance(output, type):
        output = tuple(getattr(output, one.name) for one in fields(output))
    if isinstance(output, tuple | list):
        for value in output:
            yield from leaves(value)
    else:
        yield output
