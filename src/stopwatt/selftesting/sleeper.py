"""A planted model for a GPU: each call keeps it busy for a number of cycles of its clock, and computes nothing else."""

from typing import Any


def sleeper(cycles: int = 2_000_000) -> tuple[Any, Any]:
    """A module that doubles its input and keeps a GPU busy meanwhile, and its input; on a CPU it is not kept busy.

    Args:
        cycles: Of the GPU's clock that one call lasts.
    """
    import torch

    cuda: Any = torch.cuda

    class Sleeper(torch.nn.Module):
        def forward(self, values: torch.Tensor) -> torch.Tensor:
            if values.is_cuda:
                cuda._sleep(cycles)  # noqa: SLF001  (torch's own tests rely on it)
            return values * 2

    return Sleeper(), (torch.randn(1, 16),)
