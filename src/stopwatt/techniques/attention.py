"""`attention:fused` and `attention:unfused`: one kernel for softmax(QK')V, or its products one after the other.

Fused is PyTorch's `scaled_dot_product_attention` (on a GPU and on a CPU kernels after Dao et al. 2022), which does not
write the scores down; unfused is the baseline of articles: matrix product, softmax, matrix product.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stopwatt.backends.quiet import quiet
from stopwatt.backends.torch_runner import tensors
from stopwatt.errors import Unsupported
from stopwatt.extensions import unknown
from stopwatt.records import Setup
from stopwatt.techniques.base import Applied
from stopwatt.workloads.base import Arrays

if TYPE_CHECKING:
    import torch

_WAYS = {"fused": "sdpa", "unfused": "eager"}
"""What transformers calls them."""


class Attention:
    """Models of transformers, which can do it either way and say which."""

    name = "attention"
    summary = "attention in one kernel (fused), or as its products one by one (unfused)"
    exact = True
    argument = "fused"
    last = False
    packages: Sequence[str] = ("torch", "transformers")

    def check(self, argument: str) -> str:
        """One of the two.

        Raises:
            UsageError: Another one.
        """
        if argument not in _WAYS:
            raise unknown("way of attention", argument, _WAYS)
        return argument

    def require(self, setup: Setup) -> None:
        """Whatever runs a module runs the changed one."""

    def apply(self, module: "torch.nn.Module", argument: str, setup: Setup, calibration: Sequence[Arrays]) -> Applied:
        """Let the model's layers call the other one.

        Raises:
            Unsupported: No model of transformers, it does so already, or it cannot do so.
        """
        models = [one for one in module.modules() if _chooses(one)]
        if not models:
            raise self._refusal(argument, setup, "lets a model of transformers choose, and this is none")
        if all(_way(one) == _WAYS[argument] for one in models):
            raise self._refusal(argument, setup, "changes nothing: this model does so already")
        with quiet():
            for one in models:
                _choose(one, argument)
            fused = _fused_calls(module, calibration[0])
        if bool(fused) != (argument == "fused"):
            raise self._refusal(argument, setup, "is not possible: this model's layers have no such way")
        return Applied(module, {"way": argument, "fused_calls": fused})

    def _refusal(self, argument: str, setup: Setup, why: str) -> Unsupported:
        written = f"{self.name}:{argument}"
        return Unsupported(f"{written} {why}", when=setup.label, now=f"leave +{written} away")


def _chooses(module: "torch.nn.Module") -> bool:
    return hasattr(module, "set_attn_implementation") and hasattr(module, "config")


def _choose(model: Any, argument: str) -> None:
    try:
        model.set_attn_implementation(_WAYS[argument])
    except (ValueError, ImportError):
        return  # it says so because its layers have no such way: seen by who looks at the choice afterwards


def _fused_calls(module: "torch.nn.Module", inputs: Arrays) -> int:
    """How often one call of the module calls the fused function: what a model says of itself is not what it does."""
    import torch
    from torch.overrides import TorchFunctionMode

    count = 0

    class Counting(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal count
            count += function is torch.nn.functional.scaled_dot_product_attention
            return function(*args, **(kwargs or {}))

    with torch.inference_mode(), Counting():
        module(*tensors(inputs, torch.device("cpu"), torch.float32))
    return count


def _way(model: Any) -> str:
    return str(model.config._attn_implementation)  # noqa: SLF001  (transformers has no public question for it)
