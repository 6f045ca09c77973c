"""`prune:0.5`: half of the channels between layers taken out for good, those with the smallest weights.

Structured pruning (Li et al. 2017; Fang et al. 2023): what is left is a smaller dense model that any runtime runs.
Channels that a residual sum, a normalisation over channels or the output sees stay: the model's widths stay, what lies
within its blocks shrinks. Without training afterwards the answers are worse; how much, only labelled data can say.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stopwatt.errors import Unsupported, UsageError
from stopwatt.records import Setup
from stopwatt.techniques.base import Applied
from stopwatt.techniques.calling import answers, brief
from stopwatt.techniques.flow import follow
from stopwatt.techniques.regions import Region, regions
from stopwatt.techniques.shrinking import norms, shrink, silence
from stopwatt.workloads.base import Arrays

if TYPE_CHECKING:
    import torch

_SAME = 1e-3
"""Of the largest output: the model without the channels against the one that ignores them, summed in another order."""


class Prune:
    """Takes the same share out of every group of channels that ends within the model."""

    name = "prune"
    summary = "the channels between layers with the smallest weights taken out for good: a share of each layer's"
    exact = False
    argument = "0.5"
    last = False
    packages: Sequence[str] = ("torch",)

    def check(self, argument: str) -> str:
        """The share of channels that goes.

        Raises:
            UsageError: No number between 0 and 1.
        """
        try:
            share = float(argument)
        except ValueError:
            share = math.nan
        if not 0 < share < 1:
            raise UsageError(
                f"{self.name}:{argument} names no share of channels",
                now=f"give a number between 0 and 1, such as {self.name}:0.5",
            )
        return f"{share:g}"

    def require(self, setup: Setup) -> None:
        """Whatever runs a module runs the changed one."""

    def apply(self, module: "torch.nn.Module", argument: str, setup: Setup, calibration: Sequence[Arrays]) -> Applied:
        """Take them out, and see that the model does what it did before with them ignored.

        Raises:
            Unsupported: No channels can be taken out, or the model cannot be followed.
        """
        import torch

        before = _size(module)
        removed = 0
        with torch.no_grad():
            chosen = [
                (region, kept)
                for region in regions(follow(module, self.name, setup, calibration))
                if len(kept := _kept(region, float(argument))) < len(norms(region))
            ]
            if not chosen:
                raise self._refusal("this model has no channels that end within it", setup)
            for region, kept in chosen:
                silence(region, kept)
            expected = answers(module, calibration[0])
            for region, kept in chosen:
                removed += len(norms(region)) - len(kept)
                shrink(region, kept)
        self._compare(module, calibration[0], expected, setup)
        return Applied(
            module,
            {"groups": len(chosen), "channels": removed, "parameters_before": before, "parameters": _size(module)},
        )

    def _compare(self, module: "torch.nn.Module", inputs: Arrays, expected: Arrays, setup: Setup) -> None:
        import numpy as np

        try:
            found = answers(module, inputs)
            same = all(
                got.shape == wanted.shape and np.allclose(got, wanted, rtol=0, atol=_SAME * float(np.abs(wanted).max()))
                for got, wanted in zip(found, expected, strict=True)
            )
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            raise self._refusal(f"this model relies on its layers' sizes: {brief(error)}", setup) from error
        if not same:
            raise self._refusal(
                "this model computes something else without the channels than if it ignored them", setup
            )

    def _refusal(self, why: str, setup: Setup) -> Unsupported:
        what = f"{self.name} takes channels between layers out: {why}"
        return Unsupported(what, when=setup.label, now=f"leave +{self.name} away")


def _kept(region: Region, share: float) -> "torch.Tensor":
    """Places of the channels that stay, in order: at least one."""
    import torch

    found = norms(region)
    gone = min(math.floor(share * len(found) + 1e-9), len(found) - 1)
    return torch.sort(torch.argsort(found, stable=True)[gone:]).values


def _size(module: "torch.nn.Module") -> int:
    return sum(one.numel() for one in module.parameters())
