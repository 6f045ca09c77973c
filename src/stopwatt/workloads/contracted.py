"""A model with a contract from a file: `contract:FILE:SOURCE`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from stopwatt.errors import UsageError, WorkloadError
from stopwatt.records import Scalar
from stopwatt.serving.checks import Shape, misfit
from stopwatt.workloads.base import Built, Family, Param
from stopwatt.workloads.contract import with_contract
from stopwatt.workloads.contractfile import SUFFIXES, read_contract
from stopwatt.workloads.outputs import tensors
from stopwatt.workloads.source import digest_of_files

PREFIX = "contract:"
_MEND = "mend height, width and inside of its preprocess; what a file leaves open is said with -p NAME=SIZE"
_FORM = re.compile(r"contract:(?P<file>[^:]+\.(?:yaml|yml|json)):(?P<source>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Contracted:
    """A family whose models are served as a file says.

    Attributes:
        family: That builds the models.
        file: Of the contract.
        name: As it is written, with the prefix.
    """

    family: Family
    file: Path
    name: str

    @property
    def summary(self) -> str:
        """One line."""
        return f"{self.family.summary}; its images are as {self.file} says"

    @property
    def params(self) -> Sequence[Param]:
        """Those of the family."""
        return self.family.params

    @property
    def packages(self) -> Sequence[str]:
        """Those of the family."""
        return self.family.packages

    @property
    def open_params(self) -> bool:
        """As the family has it."""
        return self.family.open_params

    @property
    def runs_foreign_code(self) -> bool:
        """As the family has it."""
        return self.family.runs_foreign_code

    def code(self) -> str:
        """Digest of the family's code and of the contract."""
        both = f"{self.family.code()} {digest_of_files([self.file])}"
        return sha256(both.encode()).hexdigest()[:20]

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:
        """Build the family's model, and see that its inputs and outputs are what the contract says.

        Raises:
            WorkloadError: They are not; or as the family raises it.
            UsageError: The contract cannot be read.
        """
        contract = read_contract(self.file)
        source = self.name.removeprefix(f"{PREFIX}{self.file}:")
        built = with_contract(self.family.build(params, seed), contract, source, _MEND)
        why = misfit(_shapes(built), contract)
        if why is not None:
            raise WorkloadError(
                f"the outputs of {source} are not what its contract says: {why}",
                when=f"reading them as {contract.decoding}, as {self.file} says",
                now="mend task, decoding or labels there; docs/pack.md lists what each decoding expects",
            )
        return built


def contracted(file: Path, source: str) -> str:
    """How a source with a contract from a file is written.

    Raises:
        UsageError: The file cannot be read, or is no contract.
    """
    name = str(file)
    if ":" in name or file.suffix not in SUFFIXES:
        raise UsageError(
            "a contract's file is named .yaml, .yml or .json, without a colon",
            when=f"--contract {name}",
            now="give it such a name",
        )
    read_contract(file)
    return f"{PREFIX}{name}:{source}"


def parted(source: str) -> tuple[Path, str]:
    """File and inner source of `contract:FILE:SOURCE`.

    Raises:
        UsageError: It is not of this form.
    """
    form = _FORM.fullmatch(source)
    if form is None:
        raise UsageError(
            f"{source!r} names no contract", now="write contract:FILE.yaml:SOURCE, or --contract FILE.yaml"
        )
    return Path(form["file"]), form["source"]


def _shapes(built: Built) -> Sequence[Shape | None]:
    """Of the outputs, with the batch in front: as an ONNX file says, or as one call shows."""
    if built.onnx is not None:
        return _written(built.onnx)
    import torch

    inputs = built.make_inputs(built.fixed_batch or 1, np.random.default_rng(0))
    with torch.no_grad():
        returned = built.call(*map(torch.from_numpy, inputs))
    return [tuple(one.shape) for one in tensors(returned)]


def _written(path: Path) -> Sequence[Shape | None]:
    import onnx

    graph: Any = onnx.load(str(path), load_external_data=False).graph
    return [_shape(value.type.tensor_type) for value in graph.output]


def _shape(tensor: Any) -> Shape | None:
    if not tensor.HasField("shape"):
        return None
    return [int(one.dim_value) if one.HasField("dim_value") else None for one in tensor.shape.dim]
