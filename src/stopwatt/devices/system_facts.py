"""Facts of everything around the processor: memory, power, operating system, Python, and what tunes the libraries."""

import os
import platform
import re
from pathlib import PurePosixPath

from stopwatt.devices import cgroup
from stopwatt.devices.fact import Fact, Machine, Role
from stopwatt.devices.host import fields
from stopwatt.records import Scalar, Unavailable

_TUNING = re.compile(
    r"(OMP|GOMP|KMP|MKL|ONEDNN|DNNL|OPENBLAS|MALLOC|MIMALLOC)_\w+"
    r"|GLIBC_TUNABLES|PYTHONMALLOC|NVIDIA_TF32_OVERRIDE|TORCH_ALLOW_TF32_CUBLAS_OVERRIDE|CUBLAS_WORKSPACE_CONFIG"
    r"|CUDA_LAUNCH_BLOCKING|CUDA_MODULE_LOADING|PYTORCH_(CUDA_)?ALLOC_CONF|ATEN_CPU_CAPABILITY"
)
_THREADS = re.compile(r"\w+_NUM_THREADS")
_ALLOCATORS = ("jemalloc", "tcmalloc", "mimalloc")


def _memory(machine: Machine, name: str) -> Scalar | Unavailable:
    text = fields(machine.host.text("proc/meminfo"), ":").get(name)
    return int(text.split()[0]) * 1024 if text else Unavailable(f"/proc/meminfo has no {name}")


def _memory_total(machine: Machine) -> Scalar | Unavailable:
    return _memory(machine, "MemTotal")


def _memory_available(machine: Machine) -> Scalar | Unavailable:
    return _memory(machine, "MemAvailable")


def _memory_limit(machine: Machine) -> Scalar | Unavailable:
    limit = cgroup.memory_limit(machine.host)
    return Unavailable("no control group sets one") if limit is None else limit


def _stalled(machine: Machine, resource: str) -> Scalar | Unavailable:
    """Percent of the last 10 s in which some task waited for the resource (pressure stall information)."""
    match = re.search(r"some avg10=([\d.]+)", machine.host.text(f"proc/pressure/{resource}") or "")
    return float(match[1]) if match else Unavailable("the kernel keeps no pressure information")


def _cpu_stalled(machine: Machine) -> Scalar | Unavailable:
    return _stalled(machine, "cpu")


def _memory_stalled(machine: Machine) -> Scalar | Unavailable:
    return _stalled(machine, "memory")


def _huge_pages(machine: Machine) -> Scalar | Unavailable:
    match = re.search(r"\[(\w+)\]", machine.host.text("sys/kernel/mm/transparent_hugepage/enabled") or "")
    return match[1] if match else Unavailable("the kernel does not tell")


def _power_source(machine: Machine) -> Scalar | Unavailable:
    base = "sys/class/power_supply"
    supplies = machine.host.children(base)
    if any(machine.host.text(f"{base}/{name}/status") == "Discharging" for name in supplies):
        return "battery"
    return "mains" if supplies else Unavailable("no power supply is visible")


def _os(machine: Machine) -> Scalar | Unavailable:
    name = fields(machine.host.text("etc/os-release"), "=").get("PRETTY_NAME", "").strip('"')
    return name or Unavailable("/etc/os-release does not tell")


def _kernel(machine: Machine) -> Scalar | Unavailable:
    return machine.host.text("proc/sys/kernel/osrelease") or Unavailable("/proc/sys/kernel/osrelease cannot be read")


def _libc(machine: Machine) -> Scalar | Unavailable:
    try:
        found = os.confstr("CS_GNU_LIBC_VERSION") if machine.host.is_this_machine else None
    except (ValueError, OSError):  # not the GNU library
        found = None
    return found or Unavailable("libc does not tell its version")


def _python(_: Machine) -> Scalar | Unavailable:
    return f"{platform.python_implementation()} {platform.python_version()}"


def _preloaded(machine: Machine) -> list[str]:
    return [PurePosixPath(path).name for path in re.split(r"[ :]+", machine.host.env.get("LD_PRELOAD", "")) if path]


def _allocator(machine: Machine) -> Scalar | Unavailable:
    names = (name for library in _preloaded(machine) for name in _ALLOCATORS if name in library)
    return next(names, "libc")


def _preload(machine: Machine) -> Scalar | Unavailable:
    return " ".join(_preloaded(machine)) or "nothing"


def _settings(machine: Machine, *, threads: bool) -> Scalar | Unavailable:
    chosen = (
        f"{name}={value}"
        for name, value in sorted(machine.host.env.items())
        if _TUNING.fullmatch(name) and bool(_THREADS.fullmatch(name)) is threads
    )
    return " ".join(chosen) or "none set"


def _tuning(machine: Machine) -> Scalar | Unavailable:
    return _settings(machine, threads=False)


def _thread_settings(machine: Machine) -> Scalar | Unavailable:
    return _settings(machine, threads=True)


def _visible_gpus(machine: Machine) -> Scalar | Unavailable:
    return machine.host.env.get("CUDA_VISIBLE_DEVICES", "not set")


# Kernel and libc are context, not identity: otherwise every security update would orphan all earlier measurements.
# Numbers of threads are context too: they are part of the setup, and the worker sets the variables from it.
SYSTEM_FACTS: tuple[Fact, ...] = (
    Fact("cpu.stalled", "tasks waiting for a CPU, 10 s", float, "%", Role.CONTEXT, _cpu_stalled),
    Fact("memory.total", "memory", int, "B", Role.CONTEXT, _memory_total),
    Fact("memory.available", "memory available", int, "B", Role.CONTEXT, _memory_available),
    Fact("memory.limit", "memory limit", int, "B", Role.CONTEXT, _memory_limit),
    Fact("memory.stalled", "tasks waiting for memory, 10 s", float, "%", Role.CONTEXT, _memory_stalled),
    Fact("memory.huge_pages", "transparent huge pages", str, "", Role.IDENTITY, _huge_pages),
    Fact("power.source", "power source", str, "", Role.CONTEXT, _power_source),
    Fact("os.name", "operating system", str, "", Role.CONTEXT, _os),
    Fact("os.kernel", "kernel", str, "", Role.CONTEXT, _kernel),
    Fact("os.libc", "libc", str, "", Role.CONTEXT, _libc),
    Fact("python.version", "Python", str, "", Role.IDENTITY, _python),
    Fact("process.allocator", "memory allocator", str, "", Role.IDENTITY, _allocator),
    Fact("process.preload", "preloaded libraries", str, "", Role.IDENTITY, _preload),
    Fact("env.tuning", "library settings", str, "", Role.IDENTITY, _tuning),
    Fact("env.threads", "thread settings", str, "", Role.CONTEXT, _thread_settings),
    Fact("env.visible_gpus", "CUDA_VISIBLE_DEVICES", str, "", Role.CONTEXT, _visible_gpus),
)
