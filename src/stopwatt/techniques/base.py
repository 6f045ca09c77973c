"""What a technique is: a change of the module that any backend may then run. One technique, one file.

A technique changes how a model computes (`exact`) or also what it computes. It says what it did in facts; where it
finds nothing to do, or may not be used, it refuses, so that no setup bears the name of something that did not happen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from stopwatt.records import Scalar, Setup
from stopwatt.workloads.base import Arrays

if TYPE_CHECKING:
    import torch


OF_PYTORCH = ("eager", "compile", "cudagraph", "torchscript", "aoti")
"""Backends that run PyTorch's own kernels on PyTorch's own tensors."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A module that a technique was applied to.

    Attributes:
        module: The changed module; may be the given one, changed in place.
        facts: What was done (`batchnorms_folded: 20`), by short names.
    """

    module: "torch.nn.Module"
    facts: Mapping[str, Scalar] = field(default_factory=dict)


class Technique(Protocol):
    """A technique by its name. No module here imports torch at its top.

    Attributes:
        name: As the user writes it after a plus sign.
        summary: One line.
        exact: Whether the function stays the same up to rounding. Of one that is not, the deviation is told but does
            not withhold the timing: whether it is worth it, accuracy on labelled data must say.
        argument: What follows a colon where the user writes none (`prune` is `prune:0.5`); empty where nothing may.
        last: Whether nothing may come after it, because it leaves no layers that another one could change.
        packages: Distributions whose version changes what it does.
    """

    name: str
    summary: str
    exact: bool
    argument: str
    last: bool
    packages: Sequence[str]

    def check(self, argument: str) -> str:
        """The argument in the one way in which it is written in keys (`0.50` as `0.5`).

        Raises:
            UsageError: It cannot be one.
        """
        ...

    def require(self, setup: Setup) -> None:
        """Whether it can be used as a setup asks, whatever the model: known before anything runs or is imported.

        Raises:
            Unsupported: Not with this backend, precision or device; with reason and remedy.
        """
        ...

    def apply(self, module: "torch.nn.Module", argument: str, setup: Setup, calibration: Sequence[Arrays]) -> Applied:
        """Change the module.

        Args:
            module: In fp32 on the host, in evaluation mode.
            argument: As `check` returned it.
            setup: What it is going to run as; `require` has passed it.
            calibration: Sets of inputs; at least one.

        Raises:
            Unsupported: There is nothing in this model that it could change, or it must not; with reason and remedy.
        """
        ...


class Exact:
    """What most techniques have in common: the function stays the same, there is no argument, others may follow."""

    exact = True
    argument = ""
    last = False
    packages: Sequence[str] = ("torch",)

    def check(self, argument: str) -> str:
        """It has none."""
        return argument

    def require(self, setup: Setup) -> None:
        """Whatever runs a module runs the changed one."""
