"""From a cell to the workload as its backend gets it."""

from collections.abc import Mapping, Sequence

from stopwatt.records import Cell, Scalar
from stopwatt.techniques import catalogue as techniques
from stopwatt.workloads.base import Arrays, Built
from stopwatt.workloads.resolve import resolve


def build(cell: Cell) -> Built:
    """The workload as it is written: what everything is compared with.

    Raises:
        WorkloadError: The workload's own code failed.
        UnsafeFile: A file would run code or reach outside its folder.
    """
    return resolve(cell.workload.source).build(cell.workload.params, cell.protocol.seed)


def build_for(cell: Cell, inputs: Sequence[Arrays]) -> tuple[Built, Mapping[str, Scalar]]:
    """The workload as the setup asks for it, and what its techniques did.

    Args:
        cell: What to build.
        inputs: Sets of its inputs.

    Raises:
        WorkloadError, UnsafeFile: As `build`.
        Unsupported: A technique cannot be used with this model.
    """
    return techniques.apply(build(cell), cell.setup, inputs)
