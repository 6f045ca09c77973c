"""What one call costs at least: operations, and bytes that must be moved."""

from dataclasses import dataclass

from stopwatt.records import Precision, Unavailable, Workload
from stopwatt.workloads.costs.families import FORMULAS
from stopwatt.workloads.costs.tally import Tally

_SIZES = {Precision.FP32: 4, Precision.TF32: 4, Precision.FP16: 2, Precision.BF16: 2}
_NOTHING = {
    "synthetic": "it waits, and computes nothing",
    "detector": "its deformable attention reads as many places as its input says, which no formula knows",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call has to do, however it is done.

    Attributes:
        flops: Operations of matrix products, convolutions and attention (`tally`).
        weight_bytes: Weights, each read once.
        io_bytes: Inputs read once and outputs written once.
    """

    flops: int
    weight_bytes: int
    io_bytes: int

    @property
    def bytes(self) -> int:
        """The least that must be moved. Results between layers, and weights that are read again, come on top."""
        return self.weight_bytes + self.io_bytes

    @property
    def intensity(self) -> float:
        """Operations a byte."""
        return self.flops / self.bytes


def cost_of(workload: Workload, batch: int, precision: Precision) -> Cost | Unavailable:
    """The cost of one call, where it is exact.

    Args:
        workload: With its complete parameters.
        batch: Samples of the call.
        precision: Of weights, floating-point inputs and outputs.
    """
    formula = FORMULAS.get(workload.source)
    if formula is None:
        return Unavailable(_NOTHING.get(workload.source, f"there is no formula for {workload.source}"))
    if precision not in _SIZES:
        return Unavailable(f"in {precision} the backend decides which layers are computed in it")
    tally = Tally(batch)
    try:
        ends = formula(workload.params, tally)
    except KeyError as missing:
        return Unavailable(f"the parameter {missing} is not stated")
    size = _SIZES[precision]
    return Cost(tally.flops, size * tally.weights, size * ends.numbers + ends.bytes)
