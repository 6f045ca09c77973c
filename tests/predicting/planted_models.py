"""Models whose operators' times follow a planted law, and a predictor that errs by planted factors."""

from dataclasses import dataclass, field

import numpy as np

from stopwatt.operators.capture import Capture, Module
from stopwatt.operators.costs import OperatorCost
from stopwatt.operators.formulas import work_of
from stopwatt.operators.operator import Operator, Role, Tensor
from stopwatt.operators.replay import Mode
from stopwatt.operators.table import DeviceSpecs
from stopwatt.operators.work import Family
from stopwatt.predicting.columns import MODES
from stopwatt.predicting.family import Forecast
from stopwatt.predicting.held_out import Subject
from stopwatt.predicting.times import Ground
from stopwatt.records import Setup, Workload

DEVICE = "planted"
US = 1e-6
_BOTH = ({"tensor": 0}, {"tensor": 1})
SPECS = {DEVICE: DeviceSpecs(DEVICE, {"float32": 1e11}, 1e10)}


def linear(rows, width):
    here = Tensor((rows, width), "float32", (width, 1), storage=0)
    weight = Tensor((width, width), "float32", (width, 1), storage=1, role=Role.WEIGHT)
    there = Tensor((rows, width), "float32", (width, 1), storage=2)
    return Operator("aten.linear.default", (here, weight), _BOTH, outputs=(there,))


def relu(rows, width):
    here = Tensor((rows, width), "float32", (width, 1), storage=0)
    there = Tensor((rows, width), "float32", (width, 1), storage=1)
    return Operator("aten.relu.default", (here,), _BOTH[:1], outputs=(there,))


def view(rows, width):
    here = Tensor((rows, width), "float32", (width, 1), storage=0)
    there = Tensor((rows * width,), "float32", (1,), storage=0)
    return Operator("aten.view.default", (here,), ({"tensor": 0}, [rows * width]), outputs=(there,))


def odd(rows, width, obstacle=""):
    here = Tensor((rows, width), "float32", (width, 1), storage=0)
    there = Tensor((rows, width), "float32", (width, 1), storage=1)
    return Operator("aten.odd.default", (here,), _BOTH[:1], outputs=(there,), obstacle=obstacle)


def seconds(operator):
    """The law: 1 us, 10 ps an operation, 100 ps a byte."""
    work = work_of(operator)
    return US + 1e-11 * (work.flops or 0.0) + 1e-10 * work.bytes


def capture(source, operators, sequence, *, batch=1, gaps_us=0.0, device="cpu", **facts):
    calls = len(sequence)
    return Capture(
        Workload(source, {}),
        Setup(batch=batch, device=device, threads=facts.pop("threads", 1)),
        tuple(operators),
        np.array(sequence, dtype=np.int64),
        np.zeros(calls, dtype=np.int64),
        np.full(calls + 1, gaps_us * 1000.0),
        (Module("", "Net", leaf=False),),
        **facts,
    )


def measured(*operators):
    """Costs by the law."""
    return {one.key: OperatorCost({Mode.REUSE: seconds(one)}) for one in operators}


def reuse(calls):
    """Weights of calls that all find their operands in the nearest cache."""
    return np.array([[float(mode is Mode.REUSE) for mode in MODES]] * calls)


@dataclass
class Oracle:
    """Knows the law, but for a factor of each family of operators, and is told how far it may be off."""

    factors: dict = field(default_factory=dict)
    half_width: float = 0.1
    families: tuple = (Family.GEMM, Family.ELEMENTWISE)
    unseen: str = ""
    learnt: frozenset = frozenset(MODES)
    strange: frozenset = frozenset()
    power_w: float = np.nan
    asked: list = field(default_factory=list)

    def modes(self, _family):
        return self.learnt

    def predict(self, family, table, specs):
        self.asked.append((family, len(table), sorted(set(table.mode))))
        moved = table.read_bytes + table.write_bytes
        time_s = (US + 1e-11 * np.nan_to_num(table.flops) + 1e-10 * moved) * self.factors.get(family, 1.0)
        power = np.full(len(table), self.power_w)
        why = np.where(np.isin(table.mode, list(self.strange)), "no such sizes in this mode", self.unseen)
        return Forecast(
            time_s=time_s,
            low_s=time_s * np.exp(-self.half_width),
            high_s=time_s * np.exp(self.half_width),
            power_w=power,
            power_low_w=power * 0.9,
            power_high_w=power * 1.1,
            outside=why != "",
            why=why,
        )


def ground(predictor=None, **about):
    return Ground(DEVICE, predictor=predictor, specs=SPECS, **about)


def subject(family, width, *, rows=4, latency=None, ratio=1.0, gaps_us=0.0):
    """linear, relu, view, linear, relu: the measured time is that of the law and the gaps, times a ratio."""
    operators = (linear(rows, width), relu(rows, width), view(rows, width))
    taken = capture(family, operators, [0, 1, 2, 0, 1], gaps_us=gaps_us)
    whole = sum(seconds(operators[place]) for place in taken.sequence) + 6 * gaps_us * US
    return Subject(
        f"{family} {width}",
        family,
        taken,
        [work_of(one) for one in operators],
        reuse(5),
        measured(*operators),
        taken.gaps_ns * 1e-9,
        whole * ratio if latency is None else latency,
    )
