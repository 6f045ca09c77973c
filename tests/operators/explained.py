"""A small model whose operators' times are planted: a block that is called twice, and what lies between."""

import numpy as np

from stopwatt.operators.capture import Capture, LeafCall, Module
from stopwatt.operators.operator import Operator, Role, Tensor
from stopwatt.operators.replay import Mode, Replay
from stopwatt.operators.work import Family, Work
from stopwatt.records import Measured, Samples, Setup, Status, Workload

US = 1e-6
_HERE, _ROW = Tensor((1, 4), storage=0), Tensor((1, 4), storage=2)
_WEIGHT = Tensor((4, 4), storage=1, role=Role.WEIGHT)
_BOTH = ({"tensor": 0}, {"tensor": 1})
LINEAR = Operator("aten.linear.default", (_HERE, _WEIGHT), _BOTH, outputs=(_ROW,))
ADD = Operator("aten.add.Tensor", (_HERE, Tensor((1, 4), storage=1)), _BOTH, outputs=(_ROW,))
ODD = Operator("aten.odd.default", (_HERE,), _BOTH[:1], outputs=(_ROW,), obstacle="it has a generator")
WORKS = (
    Work(Family.GEMM, "linear", "float32", {}, 32.0, 80.0, 16.0, 64.0),
    Work(Family.ELEMENTWISE, "add", "float32", {}, 4.0, 32.0, 16.0),
    Work(Family.OTHER, "odd", "float32", {}, None, 16.0, 16.0),
)
MODULES = (
    Module("", "Net", leaf=False),
    Module("blocks.0", "Block", leaf=False),
    Module("blocks.0.linear", "Linear", leaf=True),
    Module("blocks.1", "Block", leaf=False),
    Module("blocks.1.linear", "Linear", leaf=True),
)


def net(gaps_us=(1, 2, 2, 2, 2, 1), device="cpu"):
    """linear, add, linear, add, odd: 5 calls."""
    return Capture(
        Workload("net", {"width": 4}),
        Setup(device=device),
        (LINEAR, ADD, ODD),
        np.array([0, 1, 0, 1, 2]),
        np.array([2, 1, 4, 3, 0]),
        np.array(gaps_us, dtype=np.float64) * 1000,
        MODULES,
        (LeafCall(2, (), (), 0, 1), LeafCall(4, (), (), 2, 3)),
        weight_bytes=128,
    )


def replay(operator, microseconds, mode=Mode.REUSE, *, submit_us=None, energy_j=None, status=Status.OK):
    """Seven samples around a time."""
    times = Samples(np.array([-2, -1, 0, 0, 0, 1, 2]) + 1000 * microseconds, "ns")
    samples = {"call": times}
    if submit_us is not None:
        samples |= {"device": times, "submit": Samples(np.full(7, 1000 * submit_us), "ns")}
    readings = {} if energy_j is None else {"energy_package": Measured(energy_j, "J")}
    return Replay(operator.key, mode, status, None, samples if status is Status.OK else {}, readings)


def planted(*replays):
    """By operator."""
    found = {}
    for one in replays:
        found.setdefault(one.operator, []).append(one)
    return found
