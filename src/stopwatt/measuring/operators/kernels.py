"""What a runtime runs in one call, under its own names, as its own profiler has it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stopwatt.backends.base import Runner
from stopwatt.devices.resolve import kind_of
from stopwatt.measuring.operators import kernels_onnxruntime, kernels_openvino, kernels_torch
from stopwatt.operators.capture import Kernel
from stopwatt.records import Setup
from stopwatt.workloads.base import Arrays

CALLS = 5
"""Calls that the profiler watches."""
NOT_NAMED = "no kernels are named: {backend} has no profiler that is read here"

_TORCH = frozenset({"compile", "cudagraph", "torchscript", "aoti"})
_INDUCTOR = frozenset({"compile", "aoti"})


@contextmanager
def with_names(setup: Setup) -> Iterator[None]:
    """A block in which what is compiled keeps its kernels' names: Inductor leaves them out of code for a CPU."""
    if setup.backend not in _INDUCTOR:
        yield
        return
    from torch._inductor import config

    with config.patch({"cpp.enable_kernel_profile": True}):
        yield


def kernels_of(
    runner: Runner, arrays: Arrays, setup: Setup, folder: Path
) -> tuple[tuple[Kernel, ...], tuple[str, ...]]:
    """The kernels of one call, the slowest first, and what a reader must know.

    Args:
        runner: The workload, made ready, in its active context.
        arrays: One set of inputs.
        setup: Says which runtime it is.
        folder: Of the converted model, where there is one.
    """
    if setup.backend == "eager":
        return (), ()
    if setup.backend in _TORCH:
        found: Iterable[Kernel] = kernels_torch.profiled(runner, arrays, kind_of(setup.device), CALLS)
    elif setup.backend == "onnxruntime":
        found = kernels_onnxruntime.profiled(folder, arrays, setup, CALLS)
    elif setup.backend == "openvino":
        found = kernels_openvino.profiled(folder, arrays, setup, CALLS)
    else:
        return (), (NOT_NAMED.format(backend=setup.backend),)
    return tuple(sorted(found, key=lambda one: -one.seconds)), ()
