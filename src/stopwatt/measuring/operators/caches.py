"""How large the caches are that decide where an operator finds its operands, and how much memory may be filled."""

from dataclasses import dataclass
from typing import Any

from stopwatt.devices.base import Device
from stopwatt.devices.cpu import core_cache, largest_cache

_SHARE = 0.5
"""Of the memory that is free now: the rest is for outputs, workspaces and everybody else."""


@dataclass(frozen=True, slots=True)
class Caches:
    """Of one device.

    Attributes:
        core: Bytes of the largest cache that a core has to itself; 0 where all caches are common to the device.
        last: Bytes of the last-level cache.
        room: Bytes of memory that buffers may take.
    """

    core: int
    last: int
    room: int


def caches_of(device: Device) -> Caches:
    """Those of a device, now."""
    import torch

    if device.kind == "cpu":
        return Caches(core_cache(), largest_cache(), round(_SHARE * _free_host_memory()))
    properties: Any = torch.cuda.get_device_properties(device.name)
    free, _ = torch.cuda.mem_get_info(device.name)
    return Caches(0, int(properties.L2_cache_size), round(_SHARE * free))


def _free_host_memory() -> int:
    """What the machine has left, or the control group of this process, whichever is less."""
    import psutil

    from stopwatt.devices.cgroup import memory_limit
    from stopwatt.devices.host import Host

    free = int(psutil.virtual_memory().available)
    limit = memory_limit(Host())
    return free if limit is None else min(free, max(0, limit - int(psutil.Process().memory_info().rss)))
