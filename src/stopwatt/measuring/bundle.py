"""The inputs of a cell and the reference's answers to them, as plain arrays in one folder.

Every backend of a comparison reads the same bundle: the same inputs, the same reference. No pickle is involved.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt import wire
from stopwatt.serving.contract import Contract
from stopwatt.workloads.base import Arrays

REFERENCE_BYTES = 256 * 2**20
"""Reference outputs kept at most (but always those of two input sets)."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Inputs and answers.

    Attributes:
        inputs: The input sets that take turns; batch in the first dimension of each array.
        outputs: The reference's answers to the first `len(outputs)` sets.
        classifier: Whether the first output holds class scores.
        unordered: Whether the second dimension of every output is a set.
        reference: What computed the answers (`eager fp32 on cpu`).
        input_names: One name per input.
        contract: What it takes to serve the workload, if it says so.
    """

    inputs: tuple[Arrays, ...]
    outputs: tuple[Arrays, ...]
    classifier: bool
    reference: str
    input_names: tuple[str, ...]
    unordered: bool = False
    contract: Contract | None = None

    def save(self, folder: Path) -> None:
        """Write into an existing folder."""
        arrays = {
            f"{side}_{index}_{place}": array
            for side, sets in (("in", self.inputs), ("out", self.outputs))
            for index, one in enumerate(sets)
            for place, array in enumerate(one)
        }
        np.savez(folder / "arrays.npz", allow_pickle=False, **arrays)
        facts = {
            "inputs": [len(one) for one in self.inputs],
            "outputs": [len(one) for one in self.outputs],
            "classifier": self.classifier,
            "reference": self.reference,
            "input_names": self.input_names,
            "unordered": self.unordered,
            "contract": None if self.contract is None else wire.to_document(self.contract),
            "content": _digest(arrays),
        }
        (folder / "bundle.json").write_text(json.dumps(facts))

    @classmethod
    def load(cls, folder: Path) -> "Bundle":
        """Read what `save` wrote."""
        facts = json.loads((folder / "bundle.json").read_text())
        with np.load(folder / "arrays.npz", allow_pickle=False) as file:
            inputs, outputs = (
                tuple(
                    tuple(file[f"{side}_{index}_{place}"] for place in range(count))
                    for index, count in enumerate(facts[f"{side}puts"])
                )
                for side in ("in", "out")
            )
        names = tuple(facts["input_names"])
        said = facts.get("contract")
        contract = None if said is None else wire.from_document(Contract, said)
        return cls(inputs, outputs, facts["classifier"], facts["reference"], names, facts["unordered"], contract)


def content_of(folder: Path) -> str:
    """Digest of a saved bundle's inputs and answers: other weights give other answers."""
    return str(json.loads((folder / "bundle.json").read_text())["content"])


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    total = hashlib.sha256()
    for name, array in arrays.items():
        total.update(f"{name} {array.dtype} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()[:20]


def unseen(inputs: Arrays, turn: int) -> Arrays:
    """Inputs of the same shape and values as given ones, in another order: nothing can have seen them before."""
    return tuple(
        np.ascontiguousarray(np.roll(array.reshape(-1), 7 * turn + 1).reshape(array.shape)) for array in inputs
    )
