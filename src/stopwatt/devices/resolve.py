"""From a name (`cpu`, `cuda`, `cuda:1`) to a device, or to the reason why there is none."""

import os
import re
from dataclasses import dataclass

from stopwatt.devices import nvml
from stopwatt.devices.base import Device
from stopwatt.errors import EnvironmentUnfit, StopwattError, UsageError
from stopwatt.extensions import unknown

_NAME = re.compile(r"(cpu)|(cuda)(?::(\d+))?")


@dataclass(frozen=True, slots=True)
class CudaState:
    """What decides whether a GPU can be used.

    Attributes:
        driver: NVIDIA's driver is loaded.
        torch: Version of torch.
        cuda: Version of CUDA that torch was built for; empty for a CPU build.
        count: GPUs that torch sees.
        visible: CUDA_VISIBLE_DEVICES, `None` where it is not set.
        problem: What torch says when CUDA does not start.
    """

    driver: bool
    torch: str
    cuda: str
    count: int
    visible: str | None = None
    problem: str = ""


def kind_of(name: str) -> str:
    """`cpu` or `cuda`. Imports nothing heavy and looks at no hardware.

    Raises:
        UsageError: No such device name.
    """
    return _split(name)[0]


def device(name: str) -> Device:
    """Open a device.

    Raises:
        UsageError: No such device name, or no GPU with that number.
        EnvironmentUnfit: CUDA was asked for and cannot be used here.
    """
    kind, index = _split(name)
    if kind == "cpu":
        from stopwatt.devices.cpu import Cpu

        return Cpu()
    error = why_no_cuda(cuda_state(), index)
    if error is not None:
        raise error
    from stopwatt.devices.cuda import Cuda

    return Cuda(index)


def require_driver(name: str) -> None:
    """Refuse an accelerator on a machine that has no driver for one. Looks at files only.

    Raises:
        UsageError: No such device name.
        EnvironmentUnfit: There is no driver.
    """
    kind, index = _split(name)
    if kind != "cpu" and not nvml.driver_is_present():
        refusal = why_no_cuda(CudaState(driver=False, torch="", cuda="", count=0), index)
        assert refusal is not None  # noqa: S101  (no driver is always a reason)
        raise refusal


def default_device() -> str:
    """`cuda` on a machine with NVIDIA's driver, else `cpu`. Looks at files only."""
    return "cuda" if nvml.driver_is_present() else "cpu"


def why_no_driver(name: str) -> StopwattError | None:
    """Why a device cannot be there, as far as files tell; `None` if they do not speak against it. Imports no torch."""
    kind, index = _split(name)
    if kind == "cpu" or nvml.driver_is_present():
        return None
    return why_no_cuda(CudaState(driver=False, torch="", cuda="", count=0), index)


def why_no_cuda(state: CudaState, index: int) -> StopwattError | None:
    """Why GPU number `index` cannot be used, with the remedy; `None` if it can."""
    when = f"opening device cuda:{index}"
    if not state.driver:
        return EnvironmentUnfit(
            "this machine has no NVIDIA driver loaded, so it has no CUDA device",
            when=when,
            now="measure with --device cpu, or install the driver until `nvidia-smi` lists the GPU",
        )
    if not state.cuda:
        base = state.torch.partition("+")[0]
        return EnvironmentUnfit(
            f"torch {state.torch} is a CPU build and cannot use the GPU of this machine",
            when=when,
            now=f"pip install --force-reinstall torch=={base}  (the build for Linux on PyPI uses CUDA)",
        )
    if not state.count:
        return EnvironmentUnfit(_why_none_is_seen(state), when=when, now=_remedy_for_none_seen(state))
    if index >= state.count:
        names = ", ".join(f"cuda:{number}" for number in range(state.count))
        return UsageError(
            f"there is no device cuda:{index}", when=f"CUDA sees {state.count} GPU(s)", now=f"use {names}"
        )
    return None


def _why_none_is_seen(state: CudaState) -> str:
    if state.visible is not None:
        return f"CUDA_VISIBLE_DEVICES={state.visible!r} hides every GPU of this machine"
    return f"torch {state.torch} sees no GPU, although a driver is loaded: {state.problem or 'it does not say why'}"


def _remedy_for_none_seen(state: CudaState) -> str:
    if state.visible is not None:
        return "unset CUDA_VISIBLE_DEVICES"
    return (
        f"compare `nvidia-smi` (it shows the CUDA version that the driver can run) with {state.cuda}, torch's version"
    )


def cuda_state() -> CudaState:
    """Look at this machine. Imports torch only where a driver is loaded."""
    if not nvml.driver_is_present():
        return CudaState(driver=False, torch="", cuda="", count=0)
    import torch

    problem = ""
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as error:  # AssertionError: a CPU build
        problem = str(error).splitlines()[0]
    return CudaState(
        driver=True,
        torch=torch.__version__,
        cuda=torch.version.cuda or "",
        count=torch.cuda.device_count(),
        visible=os.environ.get("CUDA_VISIBLE_DEVICES"),
        problem=problem,
    )


def _split(name: str) -> tuple[str, int]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise unknown("device", name, ("cpu", "cuda", "cuda:0", "cuda:1"))
    return match[1] or match[2], int(match[3] or 0)
