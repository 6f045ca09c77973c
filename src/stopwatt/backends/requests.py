"""What may be asked of a backend, decided before any runtime is imported; the reasons stand in one place."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from stopwatt.backends.base import Backend
from stopwatt.errors import Unsupported, UsageError
from stopwatt.extensions import unknown
from stopwatt.records import Precision, Setup
from stopwatt.workloads.base import Arrays, Built

if TYPE_CHECKING:
    import torch

_ON_CPU: dict[tuple[str, Precision], str] = {
    ("onnxruntime", Precision.FP16): "its CPU provider has no float16 kernels and would compute in fp32 through casts",
    ("onnxruntime", Precision.BF16): "its CPU provider has no bfloat16 kernels and would compute in fp32 through casts",
    ("openvino", Precision.FP16): "this CPU has no float16 units, so OpenVINO would compute in another format",
    ("openvino", Precision.BF16): "this CPU has no bfloat16 units, so OpenVINO would compute in another format",
}
_WHY_TF32 = "tf32 is a format of the tensor cores of NVIDIA GPUs"
_WHY_INT8_CUDA = "PyTorch's int8 kernels used here are CPU kernels"


def device_kind(device: str) -> str:
    """`cuda` of `cuda:1`."""
    return device.partition(":")[0]


def device_index(device: str) -> int:
    """1 of `cuda:1`; 0 where no index is written."""
    return int(device.partition(":")[2] or 0)


def require_setup(backend: Backend, setup: Setup) -> None:
    """Check variant, device and precision of a setup without importing the runtime.

    Raises:
        UsageError: The backend has no such variant; the nearest ones are offered.
        Unsupported: The backend cannot compute in this precision on this device; with reason and remedy.
    """
    if setup.variant and setup.variant not in backend.variants:
        raise _unknown_variant(backend, setup.variant)
    kind = device_kind(setup.device)
    offered = backend.precisions(kind)
    if setup.precision not in offered:
        raise _refusal(backend.name, setup, offered)


def _unknown_variant(backend: Backend, variant: str) -> UsageError:
    if backend.variants:
        return unknown(f"variant of {backend.name}", variant, backend.variants)
    return UsageError(
        f"backend {backend.name!r} has no variants, {variant!r} was asked for", now=f"write {backend.name}"
    )


def _refusal(name: str, setup: Setup, offered: Sequence[Precision]) -> Unsupported:
    kind = device_kind(setup.device)
    if not offered:
        return Unsupported(
            f"{name} does not run on {kind}", when=setup.label, now=f"use --device {'cuda' if kind == 'cpu' else 'cpu'}"
        )
    reason = _ON_CPU.get((name, setup.precision), "") if kind == "cpu" else ""
    if setup.precision is Precision.TF32 and kind == "cpu":
        reason = _WHY_TF32
    if setup.precision is Precision.INT8 and kind == "cuda":
        reason = _WHY_INT8_CUDA
    what = f"{name} does not run {setup.precision} on {kind}" + (f": {reason}" if reason else "")
    return Unsupported(what, when=setup.label, now=f"use {' or '.join(offered)}, or another backend")


def require_module(built: Built, setup: Setup) -> "torch.nn.Module":
    """The workload's PyTorch module.

    Raises:
        Unsupported: It has none.
    """
    if built.module is not None:
        return built.module
    if built.onnx is not None:
        raise Unsupported(
            f"{setup.backend} cannot run an ONNX file: an ONNX file has no PyTorch module",
            when=setup.label,
            now="use onnxruntime, openvino or tensorrt",
        )
    raise Unsupported(
        f"{setup.backend} cannot run a plain callable: it needs a torch.nn.Module",
        when=setup.label,
        now="use eager, or let the function return a torch.nn.Module",
    )


def example_inputs(built: Built, setup: Setup, calibration: Sequence[Arrays]) -> Arrays:
    """One set of inputs to trace and compile with: the first calibration set, or one made for the purpose."""
    return calibration[0] if calibration else built.make_inputs(setup.batch, np.random.default_rng(0))
