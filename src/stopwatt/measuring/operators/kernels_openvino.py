"""Nodes of a compiled OpenVINO model that really run, as its own counters time them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stopwatt.backends.openvino import profiling_runner
from stopwatt.measuring.operators.kernels_torch import gathered
from stopwatt.operators.capture import Kernel
from stopwatt.records import Setup
from stopwatt.workloads.base import Arrays

_TYPES = {
    "fp32": "float32", "f32": "float32", "fp16": "float16", "f16": "float16", "bf16": "bfloat16",
    "i8": "int8", "u8": "uint8", "i32": "int32", "i64": "int64",
}  # fmt: skip


def profiled(folder: Path, arrays: Arrays, setup: Setup, calls: int) -> list[Kernel]:
    """Nodes of a call; seconds are means of so many calls after two others.

    Args:
        folder: Of the converted model.
        arrays: One set of inputs.
        setup: As which it is run.
        calls: So many are watched.
    """
    runner = profiling_runner(folder, setup)
    staged = runner.stage(arrays)
    nodes: list[Any] = []
    for number in range(calls + 2):
        runner.call(staged)
        if number >= 2:  # noqa: PLR2004  (the first two prepare weights and buffers)
            nodes += [one for one in runner.request.profiling_info if str(one.status).endswith("EXECUTED")]
    runner.close()
    kinds = {one.node_name: (one.node_type, dtype_of(str(one.exec_type))) for one in nodes}
    named = gathered(_times(nodes), calls, on_device=False)
    return [Kernel(one.name, kinds[one.name][0], one.count, one.seconds, dtype=kinds[one.name][1]) for one in named]


def dtype_of(implementation: str) -> str:
    """`int8` of `brgemm_avx512_vnni_I8`: in which a node computes; empty where its name does not say it."""
    return _TYPES.get(implementation.rpartition("_")[2].lower(), "")


def _times(nodes: list[Any]) -> Iterator[tuple[str, float]]:
    for one in nodes:
        yield one.node_name, one.real_time.total_seconds()
