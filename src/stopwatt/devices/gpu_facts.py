"""Facts of one NVIDIA GPU, taken from a reading of `nvml`."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from stopwatt import units
from stopwatt.devices.fact import Fact, Machine, Reader, Role
from stopwatt.devices.host import Host
from stopwatt.records import Scalar, Unavailable


def _from_nvml(name: str) -> Reader:
    def read(machine: Machine) -> Scalar | Unavailable:
        if machine.gpu is None or isinstance(machine.gpu, Unavailable):
            return machine.gpu or Unavailable("no GPU was asked for")
        value: Scalar | None = machine.gpu.get(name)
        why = machine.gpu.get("unavailable", {}).get(name, "the driver does not say")
        return Unavailable(why) if value is None else value

    return read


def _parent(host: Host, pid: int) -> int:
    stat = host.text(f"proc/{pid}/stat") or ""
    words = stat[stat.rfind(")") + 1 :].split()  # the command's name may hold spaces and brackets
    return int(words[1]) if len(words) > 1 else 0


def _ancestry(host: Host, pid: int) -> Iterator[int]:
    while pid > 1:
        yield pid
        pid = _parent(host, pid)


def foreign(host: Host, processes: list[Mapping[str, Any]], own: int) -> list[Mapping[str, Any]]:
    """The processes on the GPU that are neither `own`, nor its ancestors, nor its descendants."""
    ancestors = set(_ancestry(host, own))
    return [
        process
        for process in processes
        if process["pid"] not in ancestors and own not in set(_ancestry(host, process["pid"]))
    ]


def _foreign(machine: Machine) -> list[Mapping[str, Any]] | Unavailable:
    if machine.gpu is None or isinstance(machine.gpu, Unavailable):
        return machine.gpu or Unavailable("no GPU was asked for")
    if "processes" not in machine.gpu:
        return Unavailable(machine.gpu.get("unavailable", {}).get("processes", "the driver does not say"))
    return foreign(machine.host, machine.gpu["processes"], os.getpid())


def _others(machine: Machine) -> Scalar | Unavailable:
    found = _foreign(machine)
    return found if isinstance(found, Unavailable) else len(found)


def _other_names(machine: Machine) -> Scalar | Unavailable:
    found = _foreign(machine)
    return found if isinstance(found, Unavailable) else ", ".join(_described(one) for one in found) or "none"


def _described(process: Mapping[str, Any]) -> str:
    size = f" ({units.quantity(process['bytes'], 'B')})" if process["bytes"] else ""
    return f"pid {process['pid']} {process['name']}".strip() + size


# The UUID is context: the same model with the same settings in another slot is the same kind of machine, as two
# processors of one model are. Whoever doubts it finds the UUID beside the number.
GPU_FACTS: tuple[Fact, ...] = (
    Fact("gpu.name", "GPU", str, "", Role.IDENTITY, _from_nvml("name")),
    Fact("gpu.uuid", "GPU UUID", str, "", Role.CONTEXT, _from_nvml("uuid")),
    Fact("gpu.driver", "GPU driver", str, "", Role.IDENTITY, _from_nvml("driver")),
    Fact("gpu.memory", "GPU memory", int, "B", Role.IDENTITY, _from_nvml("memory")),
    Fact("gpu.memory_used", "GPU memory in use", int, "B", Role.CONTEXT, _from_nvml("memory_used")),
    Fact("gpu.power_limit", "GPU power cap", float, "W", Role.IDENTITY, _from_nvml("power_limit")),
    Fact("gpu.power", "GPU power", float, "W", Role.CONTEXT, _from_nvml("power")),
    Fact("gpu.ecc", "GPU ECC", bool, "", Role.IDENTITY, _from_nvml("ecc")),
    Fact("gpu.mig", "GPU MIG", bool, "", Role.IDENTITY, _from_nvml("mig")),
    Fact("gpu.persistence", "GPU persistence mode", bool, "", Role.CONTEXT, _from_nvml("persistence")),
    Fact("gpu.max_sm_clock", "GPU highest clock", float, "MHz", Role.IDENTITY, _from_nvml("max_sm_clock")),
    Fact("gpu.sm_clock", "GPU clock", float, "MHz", Role.CONTEXT, _from_nvml("sm_clock")),
    Fact("gpu.memory_clock", "GPU memory clock", float, "MHz", Role.CONTEXT, _from_nvml("memory_clock")),
    Fact("gpu.temperature", "GPU temperature", float, "°C", Role.CONTEXT, _from_nvml("temperature")),
    Fact("gpu.utilisation", "GPU utilisation", float, "%", Role.CONTEXT, _from_nvml("utilisation")),
    Fact("gpu.slowdown", "GPU slowed down by", str, "", Role.CONTEXT, _from_nvml("slowdown")),
    Fact("gpu.others", "other processes on the GPU", int, "", Role.CONTEXT, _others),
    Fact("gpu.other_names", "which", str, "", Role.CONTEXT, _other_names),
)
