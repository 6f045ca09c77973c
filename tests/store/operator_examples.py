"""Operators, captures, replays and tables to keep, with everything in them that a store could lose."""

from dataclasses import replace
from multiprocessing.synchronize import Barrier

import numpy as np

from stopwatt.operators.capture import Capture, Kernel, LeafCall, Module
from stopwatt.operators.operator import Operator, Role, Tensor
from stopwatt.operators.replay import Mode, Place, Replay
from stopwatt.operators.table import Table
from stopwatt.operators.work import Family
from stopwatt.records import Measured, Precision, Samples, Setup, Status, Trouble, Unavailable, Workload
from stopwatt.store import open_store


def operator(width: int = 8) -> Operator:
    return Operator(
        "aten.linear.default",
        (
            Tensor((2, width), "float32", (width, 1), 0, 0, Role.INPUT),
            Tensor((4, width), "float32", (width, 1), 16, 1, Role.WEIGHT, low=-0.5, high=float("inf")),
        ),
        ({"tensor": 0}, {"tensor": 1}, None, [1, 2.5, True, {"number": "inf"}]),
        {"dtype": {"dtype": "float32"}},
        (Tensor((2, 4), "float32", (4, 1), 0, 2),),
    )


def capture(source: str = "mlp", *, batch: int = 1, code: str = "c0de", parameters: int = 12) -> Capture:
    return Capture(
        Workload(source, {"hidden": 8, "bias": True}),
        Setup(batch=batch, threads=2),
        (operator(), operator(16)),
        np.array([0, 1, 0], dtype=np.int64),
        np.array([0, 1, 0], dtype=np.int64),
        np.array([10.0, 0.5, 2.0, 1e9]),
        (Module("", "Mlp", leaf=False), Module("layers.0", "Linear", leaf=True)),
        (LeafCall(1, operator().tensors[:1], operator().outputs, 0, 1),),
        (Kernel("gemm_1", "gemm", 2.0, 1e-6),),
        parameters,
        48,
        page_faults=3.0,
        page_fault_s=1e-7,
        seconds={"forward": 0.001},
        code=code,
        software={"torch": "2.13.0"},
        machine="ma5c1ne",
        facts={"tf32": False},
        notes=("another input may take another path",),
    )


def place(hardware: str = "Imaginary 9000") -> Place:
    return Place("cpu", hardware, "ma5c1ne", 2, Precision.FP32, {"torch": "2.13.0"})


def replay(key: str, mode: Mode = Mode.STREAM, *, status: Status = Status.OK, seed: int = 0) -> Replay:
    values = np.random.default_rng(seed).normal(1000.0, 10.0, 50)
    good = status is Status.OK
    return Replay(
        key,
        mode,
        status,
        None if good else Trouble("it cannot be called again", "", "leave it"),
        {"call": Samples(values, "ns")} if good else {},
        {"energy_gpu": Measured(1e-3, "J"), "energy_cpu": Unavailable("no RAPL: virtual machine")},
        calls=3,
        sets=5,
        footprint=2**30,
    )


def table(rows: int = 4, *, device: str = "NVIDIA H200", source: str = "a source", seed: int = 0) -> Table:
    """GEMMs, the last of them without power."""
    rng = np.random.default_rng(seed)
    dims = {name: rng.integers(1, 4096, rows).astype(np.float64) for name in ("m", "n", "k")}
    power = rng.uniform(100, 700, rows)
    power[-1:] = np.nan

    def same(text: str) -> np.ndarray:
        return np.full(rows, text)

    return Table(
        Family.GEMM,
        dims | {"batch": np.ones(rows)},
        kind=same("gemm"),
        dtype=rng.choice(np.array(["bfloat16", "float8_e4m3fn"]), rows),
        device=same(device),
        source=same(source),
        mode=same(""),
        group=np.array([f"shape {number % 3}" for number in range(rows)], dtype=np.str_),
        flops=2 * dims["m"] * dims["n"] * dims["k"],
        read_bytes=rng.uniform(1, 1e9, rows),
        write_bytes=rng.uniform(1, 1e9, rows),
        weight_bytes=np.full(rows, np.nan),
        time_s=rng.lognormal(-10, 2, rows),
        power_w=power,
        limit_w=np.full(rows, 700.0),
    )


def with_source(of: Table, source: str) -> Table:
    return replace(of, source=np.full(len(of), source))


def same_table(left: Table, right: Table) -> bool:
    """Whether two tables hold the same rows in the same order, NaN where the other has NaN."""
    same = left.family == right.family and left.dims.keys() == right.dims.keys() and len(left) == len(right)
    dims = all(np.array_equal(left.dims[name], right.dims[name], equal_nan=True) for name in left.dims)
    columns = (name for name in Table.__dataclass_fields__ if name not in {"family", "dims"})
    return same and dims and all(_equal(getattr(left, name), getattr(right, name)) for name in columns)


def _equal(left: np.ndarray, right: np.ndarray) -> bool:
    return np.array_equal(left, right, equal_nan=left.dtype.kind == "f")


def write_some(where: str, number: int, barrier: Barrier) -> None:
    """What one of several processes writes (in a module of its own: a new process imports it by name)."""
    one = operator(number + 1)
    with open_store(where) as store:
        barrier.wait()
        for turn in range(10):
            store.operators.save_replays(place(), {one.key: one}, [replay(one.key, seed=turn)])
            store.operators.save_capture(capture(parameters=turn))
            store.operators.save_table(table(3, seed=turn))
