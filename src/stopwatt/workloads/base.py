"""What a workload is made of. No module here imports torch at its top: `stopwatt workloads` is quick."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stopwatt.records import Scalar
from stopwatt.serving.contract import Contract

if TYPE_CHECKING:
    import torch

Arrays = tuple[NDArray[Any], ...]
"""One set of inputs (or outputs): host arrays, the batch in the first dimension."""

MakeInputs = Callable[[int, np.random.Generator], Arrays]
"""`(batch, generator) -> inputs`. Equal generators give equal inputs."""


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a workload family.

    Attributes:
        default: Also fixes the type that a value must have.
        choices: The values allowed; empty for any.
        low, high: Bounds of a number, inclusive; `None` for none.
    """

    name: str
    default: Scalar
    help: str = ""
    choices: tuple[Scalar, ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """A workload made ready on the host: fp32, evaluation mode, seeded weights.

    Attributes:
        call: What eager runs: the module, or any callable. Takes the inputs unpacked.
        make_inputs: Makes one set of realistic, random inputs.
        input_names: One name per input, usable as ONNX names.
        module: The `torch.nn.Module`, where there is one: every other torch backend and every exporter needs it.
            Its forward takes tensors by position and returns a tensor or a tuple of tensors.
        onnx: Path of the ONNX file, where the workload is one.
        classifier: Whether the first output holds class scores, so that top-1 agreement means something.
        unordered: Whether the second dimension of every output is a set in no particular order (a detector's queries).
        fixed_batch: The only batch size that the workload can run, if it has one.
        contract: What it takes to serve it; `None` for a model of tensors, which can be measured but not served.
    """

    call: Callable[..., Any]
    make_inputs: MakeInputs
    input_names: tuple[str, ...]
    module: "torch.nn.Module | None" = None
    onnx: Path | None = None
    classifier: bool = False
    unordered: bool = False
    fixed_batch: int | None = None
    contract: Contract | None = None


class Family(Protocol):
    """A source of workloads: a built-in family, a user's file, an ONNX model, ..."""

    @property
    def name(self) -> str:
        """As the user writes it."""
        ...

    @property
    def summary(self) -> str:
        """One line."""
        ...

    @property
    def params(self) -> Sequence[Param]:
        """All parameters with defaults; values are checked against them before `build`."""
        ...

    @property
    def packages(self) -> Sequence[str]:
        """Distributions whose version changes what is measured (`torch`, `transformers`)."""
        ...

    @property
    def open_params(self) -> bool:
        """Whether parameters beyond `params` are passed through (a user's function takes what it likes)."""
        ...

    @property
    def runs_foreign_code(self) -> bool:
        """Whether building runs code that is not stopwatt's; announced to the user."""
        ...

    def code(self) -> str:
        """Digest of the source code (or file) that defines the workload; changes when it does. Imports nothing."""
        ...

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:
        """Build the model.

        Raises:
            WorkloadError: The workload's own code failed.
            UnsafeFile: A file would run code or reach outside its folder.
        """
        ...
