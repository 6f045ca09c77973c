"""Operators that belong to no model: sizes that networks in general have, of every family that can be made from sizes.

A database of captured models knows nothing of an operator that only other models call: whoever measured residual
networks has no depthwise convolution. Each group below is a kind of operator with the ranges of its free sizes, from
one sample on one core to what a large network calls, and with how much it matters beside the others; nothing in it was
taken from a captured model. Sizes fill the ranges evenly in octaves (Sobol points, 1967, scrambled; their first n fill
them, too, for every n).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import qmc

from stopwatt.errors import Unsupported
from stopwatt.operators.formulas import work_of
from stopwatt.operators.operator import Operator
from stopwatt.operators.synthesis import operator_of
from stopwatt.operators.work import DIMENSIONS, Family, Work
from stopwatt.predicting.scaling import placed

Range = tuple[float, float]

POINTS = 32
"""Of a group of weight 1, of heavier ones as many times; a power of two, as Sobol sequences want it."""
MOST_FLOPS = 3e9
MOST_BYTES = 2.0**26
"""Larger points are left out: of one call of a large network, seconds of measuring."""
DIGITS = 4
"""Binary digits of widths and sides: networks have 56 and 576, not 577."""
DTYPE = "float32"
_CHANNELLED = frozenset({"n", "k", "inner", "outer", "groups", "channels", "width", "hidden", "head_dim"})
"""Sizes that are multiples of eight from eight on, as vectors want them."""
_EIGHT = 3
_ROUND = _CHANNELLED | {"columns", "inputs", "side"}


@dataclass(frozen=True, slots=True)
class Group:
    """Operators of one kind.

    Attributes:
        family, kind: Of `operators.synthesis.MADE`.
        free: Ranges of free sizes (`predicting.scaling`); names with `=` between them are the same size.
        fixed: What differs from 1 among the sizes that are not free.
        weight: How much it matters.
    """

    family: Family
    kind: str
    free: Mapping[str, Range]
    fixed: Mapping[str, float] = field(default_factory=dict)
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Basic:
    """One of a group.

    Attributes:
        operator: It.
        work: What it has to do.
        worth: Weight of its group over its place in it: each further one of a kind teaches less.
    """

    operator: Operator
    work: Work
    worth: float


def basis(seed: int = 0) -> Iterator[Basic]:
    """All of them, group by group."""
    for place, group in enumerate(GROUPS):
        made = _made(group, np.random.default_rng((seed, place)))
        for number, (operator, work) in enumerate(made, start=1):
            yield Basic(operator, work, group.weight / number)


def _made(group: Group, rng: np.random.Generator) -> Iterator[tuple[Operator, Work]]:
    """Distinct ones that can be made and are not too large."""
    names, known = list(group.free), set()
    base = dict.fromkeys(DIMENSIONS[group.family], 1.0) | {"causal": 0.0, "window": 0.0} | dict(group.fixed)
    base = {name: base[name] for name in DIMENSIONS[group.family]}
    number = POINTS << math.ceil(math.log2(max(group.weight, 1.0)))
    for point in qmc.Sobol(len(names), rng=rng).random(number).tolist():
        free = {
            name: _between(group.free[both], at, name)
            for both, at in zip(names, point, strict=True)
            for name in both.split("=")
        }
        try:
            operator = operator_of(group.family, group.kind, placed(group.family, base, free), DTYPE)
        except Unsupported:
            continue
        work = work_of(operator)
        if operator.key not in known and (work.flops or 0.0) <= MOST_FLOPS and work.bytes <= MOST_BYTES:
            known.add(operator.key)
            yield operator, work


def _between(ends: Range, at: float, name: str) -> float:
    """A size that lies so far between the ends, in octaves."""
    size: float = ends[0] * (ends[1] / ends[0]) ** at
    if name not in _ROUND:
        return size
    octave = math.floor(math.log2(size))
    step: float = max(2.0 ** (octave + 1 - DIGITS), 8.0 if name in _CHANNELLED and octave >= _EIGHT else 1.0)
    return round(size / step) * step


_FEW, _MANY, _WIDE, _CHANNELS = (1.0, 16.0), (16.0, 1024.0), (32.0, 4096.0), (8.0, 512.0)
_SIDE, _PICTURE, _BATCH = (4.0, 112.0), (64.0, 256.0), (1.0, 4.0)
_ATTENTION = {"batch": (1.0, 8.0), "kv_heads=heads": (1.0, 16.0)}
_BETWEEN = {"batch": (1.0, 64.0), "m": (8.0, 512.0), "n": (8.0, 512.0), "k": (16.0, 256.0)}
_SEQUENCE = {"steps": (1.0, 256.0), "batch": (1.0, 16.0), "inputs": (4.0, 512.0), "hidden": (16.0, 512.0)}
_MAP = {"batch": _BATCH, "channels": (8.0, 1024.0)}


def _window(kernel: int, step: int, **more: float) -> dict[str, float]:
    """A square window on a picture of 224 x 224, which is scaled afterwards."""
    side, out = 224, 224 // step
    return {"in_size": side**2, "out_size": out**2, "kernel": kernel**2, "stride": step**2, "dims": 2.0} | more


def _convolutions() -> Iterator[Group]:
    """Dense, of one place, each channel by itself, in groups, and those that read pictures."""
    dense = {"batch": _BATCH, "inner": _CHANNELS, "outer": _CHANNELS, "side": _SIDE}
    single = dense | {"inner": (8.0, 2048.0), "outer": (8.0, 2048.0)}
    apart = {"batch": _BATCH, "groups": (8.0, 1024.0), "side": _SIDE}
    grouped = dense | {"inner": (2.0, 64.0), "outer": (2.0, 64.0)}
    picture = {"batch": _BATCH, "outer": (8.0, 96.0), "side": _PICTURE}
    patches = {"batch": _BATCH, "outer": (64.0, 1024.0), "side": _PICTURE}
    line = {"batch": _BATCH, "inner": _CHANNELS, "outer": _CHANNELS, "side": (16.0, 2048.0)}
    each: Sequence[tuple[Mapping[str, Range], Mapping[str, float], float]] = (
        (dense, _window(3, 1), 5),
        (dense, _window(3, 2), 2),
        (single, _window(1, 1), 6),
        (single, _window(1, 2), 1),
        (apart, _depthwise(3, 1), 5),
        (apart, _depthwise(3, 2), 3),
        (apart, _depthwise(5, 1), 2),
        (apart, _depthwise(5, 2), 1),
        (apart, _depthwise(7, 1), 1),
        (grouped, _window(3, 1, groups=4.0, in_channels=8.0, out_channels=8.0), 1),
        (grouped, _window(3, 1, groups=32.0, in_channels=64.0, out_channels=64.0), 1),
        (picture, _window(3, 2, in_channels=3.0), 1.5),
        (picture, _window(7, 2, in_channels=3.0), 1.5),
        (patches, _window(4, 4, in_channels=3.0), 0.5),
        (patches, _window(16, 16, in_channels=3.0), 1.5),
    )
    for free, fixed, weight in each:
        yield Group(Family.CONVOLUTION, "conv2d", free, fixed, weight)
    yield Group(Family.CONVOLUTION, "conv1d", line, {"in_size": 1024.0, "out_size": 1024.0, "kernel": 3.0, "dims": 1.0})


def _depthwise(kernel: int, step: int) -> dict[str, float]:
    """Two channels, since one that is its own group is no more than a dense one."""
    return _window(kernel, step, groups=2.0, in_channels=2.0, out_channels=2.0)


def _products() -> Iterator[Group]:
    few, many = {"m": _FEW, "n": _WIDE, "k": _WIDE}, {"m": _MANY, "n": _WIDE, "k": _WIDE}
    yield Group(Family.GEMM, "linear", few, weight=6)
    yield Group(Family.GEMM, "linear", many, weight=6)
    yield Group(Family.GEMM, "linear", {"m": (1.0, 512.0), "n": (1.0, 32.0), "k": (16.0, 2048.0)})
    for kind, weight in (("addmm", 2.0), ("mm", 1.0)):
        yield Group(Family.GEMM, kind, few, weight=weight / 2)
        yield Group(Family.GEMM, kind, many, weight=weight)
    for kind in ("matmul", "bmm"):
        yield Group(Family.GEMM, kind, _BETWEEN, weight=2)


def _attentions() -> Iterator[Group]:
    wide = {"head_dim": (16.0, 128.0)}
    own, other = {"q_len=kv_len": (8.0, 512.0)}, {"q_len": (8.0, 256.0), "kv_len": (8.0, 512.0)}
    for causal in (0.0, 1.0):
        yield Group(Family.ATTENTION, "context", _ATTENTION | wide | own, {"causal": causal}, 3)
    yield Group(Family.ATTENTION, "context", _ATTENTION | wide | other)
    yield Group(Family.ATTENTION, "context masked", _ATTENTION | wide | own)
    yield Group(Family.ATTENTION, "generation", _ATTENTION | wide | {"kv_len": (16.0, 1024.0)})


def _recurrences() -> Iterator[Group]:
    layers = {"layers": (1.0, 4.0)}
    yield Group(Family.RECURRENT, "lstm", _SEQUENCE | layers, {"gates": 4.0, "directions": 1.0}, 8)
    yield Group(Family.RECURRENT, "lstm", _SEQUENCE | layers, {"gates": 4.0, "directions": 2.0}, 1)
    yield Group(Family.RECURRENT, "gru", _SEQUENCE | layers, {"gates": 3.0, "directions": 1.0}, 1)


def _rows() -> Iterator[Group]:
    """What goes along rows, or gives one number for each."""
    tokens = {"rows": (1.0, 2048.0), "columns": (32.0, 2048.0)}
    yield Group(Family.NORM, "layer_norm", tokens, weight=3)
    yield Group(Family.NORM, "batch_norm", {"rows": (8.0, 2048.0), "columns": (16.0, 12544.0)}, weight=4)
    yield Group(Family.NORM, "rms_norm", tokens, weight=0.5)
    yield Group(Family.SOFTMAX, "softmax", {"rows": (1.0, 4096.0), "columns": (4.0, 1024.0)}, weight=2)
    yield Group(Family.SOFTMAX, "log_softmax", {"rows": (1.0, 512.0), "columns": (4.0, 1024.0)}, weight=0.5)
    for kind in ("sum", "mean", "amax", "argmax"):
        yield Group(Family.REDUCTION, kind, {"outputs": (1.0, 16384.0), "each": (4.0, 4096.0)}, weight=0.5)
    yield Group(
        Family.EMBEDDING, "embedding", {"lookups": (1.0, 1024.0), "width": (32.0, 1024.0), "rows": (2.0, 50000.0)}
    )


def _plain() -> Iterator[Group]:
    """Element by element, copies, and pooling."""
    dense, strided = {"run": (64.0, 2.0**22)}, {"rows": (16.0, 4096.0), "run": (16.0, 512.0)}
    unary = "relu gelu silu sigmoid tanh hardtanh hardswish hardsigmoid exp sqrt"
    for kind in unary.split():
        yield Group(Family.ELEMENTWISE, kind, dense, weight=0.7)
    for kind in ("add", "mul", "sub", "div"):
        for operands, weight in ((2.0, 1.0), (1.0, 0.5)):
            yield Group(Family.ELEMENTWISE, kind, dense, {"operands": operands}, weight)
    for kind in ("add", "gelu"):
        yield Group(Family.ELEMENTWISE, kind, strided, {"operands": 1.0}, 0.5)
    yield Group(Family.ELEMENTWISE, "pow", dense, {"operands": 2.0}, 0.3)
    for kind in ("cat", "clone", "contiguous", "copy"):
        yield Group(Family.MOVEMENT, kind, strided)
    for kind, kernel in (("max_pool2d", 3), ("max_pool2d", 2), ("avg_pool2d", 2)):
        sizes = {name: size for name, size in _window(kernel, 2).items() if name in DIMENSIONS[Family.POOLING]}
        yield Group(Family.POOLING, kind, _MAP | {"side": (6.0, 112.0)}, sizes, 0.7)
    everything = {"in_size": 49.0, "kernel": 49.0}
    yield Group(Family.POOLING, "adaptive_avg_pool2d", _MAP | {"side": (4.0, 28.0)}, everything)


GROUPS: Sequence[Group] = (
    *_convolutions(),
    *_products(),
    *_attentions(),
    *_recurrences(),
    *_rows(),
    *_plain(),
)
"""Of everything that can be made; nobody's models decide what is in it."""
