"""What a run may still take of its machine: cores and memory, as the control groups leave them."""

import os
from collections.abc import Iterable

from stopwatt.devices import cgroup
from stopwatt.devices.cpu_facts import allowed_cpus
from stopwatt.devices.host import Host, fields

_KIB = 1024
_V1 = 1


def cores_allowed(host: Host | None = None) -> float:
    """CPU time a second that this process and its children may use."""
    host = host or Host()
    quota = cgroup.cpu_quota(host)
    cores = len(allowed_cpus(host)) or os.cpu_count() or 1
    return float(cores) if quota is None else min(float(cores), quota)


def memory_of(pids: Iterable[int], host: Host | None = None) -> int:
    """Bytes that the largest of some processes has for itself; 0 where nobody says.

    Neither files that it has mapped nor memory that it shares are counted: another process of its kind needs no more
    of them.

    Args:
        pids: Of processes; one that has ended counts as nothing.
        host: The machine.
    """
    host = host or Host()
    held = (fields(host.text(f"proc/{pid}/status"), ":").get("RssAnon") for pid in pids)
    return max((int(value.split()[0]) * _KIB for value in held if value), default=0)


def memory_left(host: Host | None = None) -> int | None:
    """Bytes that can be taken before the machine or one of our control groups has none; `None` where nobody says.

    Files in the page cache that nobody uses now do not count as taken.
    """
    host = host or Host()
    available = fields(host.text("proc/meminfo"), ":").get("MemAvailable")
    left = [] if available is None else [int(available.split()[0]) * _KIB]
    for version, folder in cgroup.groups(host, "memory"):
        old = version == _V1
        limit = host.number(folder / ("memory.limit_in_bytes" if old else "memory.max"))
        used = host.number(folder / ("memory.usage_in_bytes" if old else "memory.current"))
        if limit is not None and used is not None:
            stat = fields(host.text(folder / "memory.stat"))
            left.append(limit - used + int(stat.get("total_inactive_file" if old else "inactive_file", "0")))
    return max(0, min(left)) if left else None
