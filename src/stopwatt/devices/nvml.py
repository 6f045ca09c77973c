"""What NVIDIA's management library says of one GPU, read in a process of its own.

A call into the driver can hang for ever when a GPU has fallen off its bus. The child (`python -m stopwatt.devices.nvml
SELECTOR`) may hang; whoever asked goes on after the time limit. The child imports little, so that it is quick.
"""

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

TIMEOUT_S = 5.0

_FIX_UNOFFICIAL = "pip uninstall --yes pynvml && pip install --force-reinstall nvidia-ml-py"
_MARKS = ("/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg")  # bare metal, container, WSL

SLOWDOWNS: Mapping[int, str] = {
    0x04: "power cap",
    0x08: "hardware slowdown",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
}
"""Bits of `nvmlDeviceGetCurrentClocksEventReasons` that mean a clock lower than asked for (nvml.h)."""


class Unreadable(Exception):  # noqa: N818  (a verdict about a reading)
    """No reading can be taken from any GPU; the text says why."""


def driver_is_present() -> bool:
    """Whether this machine has NVIDIA's driver loaded; costs microseconds."""
    return any(Path(mark).exists() for mark in _MARKS)


def unofficial_module() -> str:
    """Why the module `pynvml` found here is not NVIDIA's, with the fix; empty if it is.

    A package called `pynvml` installs a module of the same name whose functions return other types.
    """
    spec = importlib.util.find_spec("pynvml")
    if spec is None:
        return "nvidia-ml-py is not installed; run: pip install nvidia-ml-py"
    try:
        official = importlib.metadata.distribution("nvidia-ml-py").locate_file("pynvml.py")
    except importlib.metadata.PackageNotFoundError:
        official = Path()
    if spec.origin and Path(spec.origin).resolve() == Path(str(official)).resolve():
        return ""
    return f"the module pynvml is not the one of nvidia-ml-py but {spec.origin}; run: {_FIX_UNOFFICIAL}"


def selector_of(index: int, env: Mapping[str, str]) -> str:
    """How NVML finds CUDA's device `index`: a number in PCI order, or the start of a UUID.

    CUDA counts the fastest GPU first unless CUDA_DEVICE_ORDER=PCI_BUS_ID; on machines with different GPUs a UUID
    (`devices.cuda` knows it) is the only safe name.
    """
    visible = [name.strip() for name in env.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return visible[index] if index < len(visible) else str(index)


def read(selector: str, *, timeout_s: float = TIMEOUT_S, command: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read one GPU: names as in `gpu_facts`, `unavailable` (name -> why) and `processes` (pid, bytes, name).

    Args:
        selector: Index in PCI order, or the start of a UUID.
        timeout_s: How long the child may take.
        command: What to run instead of this module, for tests.

    Raises:
        Unreadable: No driver, no such GPU, the unofficial module, or no answer in time.
    """
    if not command:
        if not driver_is_present():
            raise Unreadable("no NVIDIA driver is loaded on this machine")
        command = (sys.executable, "-m", __name__)
    child = subprocess.Popen(
        [*command, selector], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        answer, _ = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        child.kill()  # not waited for: a process stuck inside the driver cannot die
        raise Unreadable(f"the driver did not answer within {timeout_s:g} s; look at `dmesg | grep -i nvrm`") from None
    try:
        document: dict[str, Any] = json.loads(answer)
    except ValueError:
        raise Unreadable(f"reading the driver failed (exit code {child.returncode})") from None
    if "error" in document:
        raise Unreadable(document["error"])
    return document


def _queries(nvml: Any, gpu: Any) -> dict[str, Callable[[], Any]]:
    """One call per reading, in base units: bytes, watts, joules, MHz, °C, per cent."""
    return {
        "name": lambda: nvml.nvmlDeviceGetName(gpu),
        "uuid": lambda: nvml.nvmlDeviceGetUUID(gpu),
        "driver": nvml.nvmlSystemGetDriverVersion,
        "memory": lambda: nvml.nvmlDeviceGetMemoryInfo(gpu).total,
        "memory_used": lambda: nvml.nvmlDeviceGetMemoryInfo(gpu).used,
        "power_limit": lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(gpu) / 1000,
        "power": lambda: nvml.nvmlDeviceGetPowerUsage(gpu) / 1000,
        "energy": lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(gpu) / 1000,  # since the driver was loaded
        "ecc": lambda: bool(nvml.nvmlDeviceGetEccMode(gpu)[0]),
        "mig": lambda: bool(nvml.nvmlDeviceGetMigMode(gpu)[0]),
        "persistence": lambda: bool(nvml.nvmlDeviceGetPersistenceMode(gpu)),
        "max_sm_clock": lambda: float(nvml.nvmlDeviceGetMaxClockInfo(gpu, nvml.NVML_CLOCK_SM)),
        "sm_clock": lambda: float(nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM)),
        "memory_clock": lambda: float(nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_MEM)),
        "temperature": lambda: float(nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU)),
        "utilisation": lambda: float(nvml.nvmlDeviceGetUtilizationRates(gpu).gpu),
        "slowdown": lambda: slowdown_text(nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu)),
        "processes": lambda: [_process(nvml, running) for running in nvml.nvmlDeviceGetComputeRunningProcesses(gpu)],
    }


def slowdown_text(reasons: int) -> str:
    """Bits of clock event reasons as words; `none` where nothing slows the GPU down."""
    return ", ".join(word for bit, word in SLOWDOWNS.items() if reasons & bit) or "none"


def _process(nvml: Any, running: Any) -> dict[str, Any]:
    try:
        name = str(nvml.nvmlSystemGetProcessName(running.pid))
    except nvml.NVMLError:  # belongs to another user or another container
        name = ""
    return {"pid": running.pid, "bytes": running.usedGpuMemory, "name": os.path.basename(name)}  # noqa: PTH119  (no path of ours)


def handle_of(nvml: Any, selector: str) -> Any:
    """NVML's handle of a GPU.

    Args:
        nvml: The module `pynvml`, initialised.
        selector: As in `read`.

    Raises:
        Unreadable: No such GPU.
    """
    if selector.startswith("MIG-"):
        return nvml.nvmlDeviceGetHandleByUUID(selector)
    handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
    if selector.isdigit() and int(selector) < len(handles):
        return handles[int(selector)]
    named = [gpu for gpu in handles if not selector.isdigit() and nvml.nvmlDeviceGetUUID(gpu).startswith(selector)]
    if not named:
        raise Unreadable(f"the driver knows {len(handles)} GPU(s), and none is called {selector!r}")
    return named[0]


def _answer(selector: str) -> dict[str, Any]:
    wrong = unofficial_module()
    if wrong:
        return {"error": wrong}
    import pynvml as nvml

    try:
        nvml.nvmlInit()
        queries = _queries(nvml, handle_of(nvml, selector))
    except (nvml.NVMLError, Unreadable) as error:
        return {"error": f"NVML: {error}"}
    answer: dict[str, Any] = {"unavailable": {}}
    for name, query in queries.items():
        try:
            answer[name] = query()
        except nvml.NVMLError as error:
            answer["unavailable"][name] = f"NVML: {error}"
    return answer


if __name__ == "__main__":
    json.dump(_answer(sys.argv[1]), sys.stdout)
