"""Kernels as torch.profiler names them: Inductor's fused loops, Triton kernels, and operators called from outside."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from stopwatt.backends.base import Runner
from stopwatt.operators.capture import Kernel
from stopwatt.workloads.base import Arrays

_NUMBERED = re.compile(r"^(?:graph_\d+_)?(?:kernel_)?(?:cpp_|triton_[a-z]+_)(.*?)(?:_\d+)?$")
"""`graph_0_cpp_fused_gelu_view_3`, `triton_poi_fused_add_0`."""
_OPERATOR = re.compile(r"^[a-z_0-9]+::")
_SCOPE = re.compile(r"^(?:profiler|ProfilerStep)")


def profiled(runner: Runner, arrays: Arrays, device: str, calls: int) -> list[Kernel]:
    """Kernels of a call: on a GPU what ran on it, on a CPU fused loops and the outermost operators around nothing else.

    Args:
        runner: The workload, made ready, in its active context.
        arrays: One set of inputs.
        device: `cpu` or `cuda`.
        calls: So many are watched; counts and seconds are those of one.
    """
    import torch
    from torch.profiler import ProfilerActivity, profile

    staged = runner.stage(tuple(array.copy() for array in arrays))
    for _ in range(2):
        runner.call(staged)
    on_device = device != "cpu"
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_device else [])]) as profiler:
        for _ in range(calls):
            runner.call(staged)
        if on_device:
            torch.cuda.synchronize()
    events = _on_device(profiler.events()) if on_device else _outermost(profiler.events())
    return gathered(events, calls, on_device=on_device)


def gathered(events: Iterator[tuple[str, float]], calls: int, *, on_device: bool) -> list[Kernel]:
    """Kernels of one call from `(name, seconds)` of each event of several calls."""
    times: dict[str, list[float]] = defaultdict(list)
    for name, seconds in events:
        times[name].append(seconds)
    return [
        Kernel(name, kind_of_name(name), len(taken) / calls, sum(taken) / calls, on_device)
        for name, taken in times.items()
    ]


def kind_of_name(name: str) -> str:
    """`fused gelu view` of `graph_0_cpp_fused_gelu_view_3`, `addmm` of `aten::addmm`."""
    made = _NUMBERED.match(name)
    if made:
        head, _, rest = made[1].partition("_")
        return f"{head} {rest}".strip()
    return _OPERATOR.sub("", name)


def _on_device(events: Any) -> Iterator[tuple[str, float]]:
    for event in events:
        if str(event.device_type).endswith("CUDA") and not _SCOPE.match(event.name):
            yield event.name, event.device_time_total / 1e6


def _outermost(events: Any) -> Iterator[tuple[str, float]]:
    for event in events:
        if _is_kernel(event.name) and not _inside_kernel(event):
            yield event.name, event.cpu_time_total / 1e6


def _is_kernel(name: str) -> bool:
    return bool(_OPERATOR.match(name) or _NUMBERED.match(name))


def _inside_kernel(event: Any) -> bool:
    around = event.cpu_parent
    while around is not None:
        if _is_kernel(around.name):
            return True
        around = around.cpu_parent
    return False
