"""`sparse:2:4`: of every four weights in a row the two smallest become 0, for the sparse tensor cores of NVIDIA GPUs.

Mishra et al. 2021 ("Accelerating Sparse Deep Neural Networks"). From Ampere on (compute capability 8.0) these multiply
such a matrix at twice the rate; nothing else gains by zeros, so it is refused everywhere else.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stopwatt.backends.requests import device_kind
from stopwatt.backends.torch_runner import dtype_of
from stopwatt.errors import Unsupported, UsageError
from stopwatt.records import Precision, Setup
from stopwatt.techniques.base import Applied
from stopwatt.workloads.base import Arrays

if TYPE_CHECKING:
    import torch

_PATTERN = "2:4"
_KEPT, _OF = 2, 4
_BACKENDS = ("eager", "compile")
_HALF = (Precision.FP16, Precision.BF16)
_AMPERE = (8, 0)
_ROWS, _COLUMNS = 32, 64
"""Sizes of a half-precision matrix must be multiples of these (PyTorch's CUTLASS kernels)."""


class Sparse:
    """Linear layers on PyTorch's semi-structured sparse tensors. Written to their documentation."""

    name = "sparse"
    summary = "two of every four weights of linear layers become 0, for sparse tensor cores (not yet run on a GPU)"
    exact = False
    argument = _PATTERN
    last = True
    packages: Sequence[str] = ("torch",)

    def check(self, argument: str) -> str:
        """The only pattern that hardware knows.

        Raises:
            UsageError: Another one.
        """
        if argument != _PATTERN:
            raise UsageError(
                f"{self.name}:{argument} is no pattern that hardware multiplies faster",
                now=f"write {self.name}:{_PATTERN}",
            )
        return argument

    def require(self, setup: Setup) -> None:
        """Whether there can be such tensor cores, and the backend and the precision use them.

        Raises:
            Unsupported: One of them does not.
        """
        if device_kind(setup.device) != "cuda":
            why = "only tensor cores of NVIDIA GPUs do so; a CPU multiplies by the zeros"
            raise self._refusal(why, setup, "use --device cuda, or +prune, which makes the matrices smaller")
        if setup.backend not in _BACKENDS:
            why = f"its weights are tensors of PyTorch's own, which {setup.backend} cannot take"
            raise self._refusal(why, setup, f"use {' or '.join(_BACKENDS)}")
        if setup.precision not in _HALF:
            why = f"PyTorch offers it in half precision, not in {setup.precision}"
            raise self._refusal(why, setup, "use --precision fp16 or bf16")

    def apply(self, module: "torch.nn.Module", argument: str, setup: Setup, calibration: Sequence[Arrays]) -> Applied:
        """Set the smallest weights to 0, and put the others into the form that the kernels read.

        Returns:
            The module on the setup's device, in its element type: only there the form exists.

        Raises:
            Unsupported: The GPU has no such cores, or the model no linear layer of a fitting size.
        """
        del argument, calibration
        import torch

        self._require_cores(setup)
        layers = [one for one in module.modules() if type(one) is torch.nn.Linear and _fits(one)]
        if not layers:
            why = f"this model has no linear layer whose sizes are multiples of {_ROWS} and {_COLUMNS}"
            raise self._refusal(why, setup, f"leave +{self.name} away")
        for one in layers:
            one.weight.data.mul_(mask(one.weight))
        module = module.to(device=setup.device, dtype=dtype_of(setup.precision))
        for one in layers:
            packed = torch.sparse.to_sparse_semi_structured(one.weight.detach())
            one.weight = torch.nn.Parameter(packed, requires_grad=False)
        zeros = sum(one.in_features * one.out_features * (_OF - _KEPT) // _OF for one in layers)
        return Applied(module, {"layers": len(layers), "zeros": zeros})

    def _require_cores(self, setup: Setup) -> None:
        import torch

        capability = torch.cuda.get_device_capability(setup.device)
        if capability < _AMPERE:
            why = f"this GPU has compute capability {capability[0]}.{capability[1]}, and 8.0 is needed"
            raise self._refusal(why, setup, f"leave +{self.name} away")

    def _refusal(self, why: str, setup: Setup, now: str) -> Unsupported:
        return Unsupported(f"{self.name}:{_PATTERN} skips products with zeros: {why}", when=setup.label, now=now)


def _fits(layer: Any) -> bool:
    return bool(layer.out_features % _ROWS == 0 and layer.in_features % _COLUMNS == 0)


def mask(weight: "torch.Tensor") -> "torch.Tensor":
    """1 for the two largest of every four values in a row, 0 for the others.

    Args:
        weight: Shape (rows, columns), columns a multiple of 4.
    """
    import torch

    groups = weight.detach().abs().view(-1, _OF)
    largest = groups.topk(_KEPT, dim=1).indices
    kept = torch.zeros_like(groups).scatter_(1, largest, 1.0)
    return kept.view_as(weight)
