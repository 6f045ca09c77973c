"""Limits that control groups put on this process, for versions 1 and 2 and both at once.

A limit of any ancestor counts as much as the group's own, so every value here is taken over the whole path up to the
mount point. In a container the path in /proc/self/cgroup may not exist under the mount; the mount itself is then the
group (Linux kernel documentation, admin-guide/cgroup-v2.rst and cgroup-v1/).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from stopwatt.devices.host import Host, fields

_UNLIMITED_V1 = 2**60  # version 1 writes "no limit" as the largest multiple of a page below 2^63


@dataclass(frozen=True, slots=True)
class _Mount:
    point: PurePosixPath
    root: PurePosixPath
    version: int
    controllers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Throttling:
    """How often and for how long (seconds) the groups of this process were stopped for their CPU quota."""

    count: int
    seconds: float


def _mounts(host: Host) -> Iterator[_Mount]:
    for line in (host.text("proc/self/mountinfo") or "").splitlines():
        before, _, after = line.partition(" - ")
        kind, *rest = after.split()
        if kind not in {"cgroup", "cgroup2"}:
            continue
        columns = before.split()
        options = frozenset(rest[-1].split(",")) if rest else frozenset[str]()
        version = 2 if kind == "cgroup2" else 1
        yield _Mount(PurePosixPath(columns[4]), PurePosixPath(columns[3]), version, options)


def _path_of(host: Host, mount: _Mount) -> PurePosixPath:
    """Path of this process's group below the mount point, `.` where it is not visible there."""
    for line in (host.text("proc/self/cgroup") or "").splitlines():
        number, controllers, path = line.split(":", 2)
        mine = number == "0" if mount.version == 2 else not mount.controllers.isdisjoint(controllers.split(","))  # noqa: PLR2004  (the version)
        if not mine:
            continue
        below = PurePosixPath(path)
        if below.is_relative_to(mount.root):
            below = below.relative_to(mount.root)
        if host.exists(mount.point / str(below).lstrip("/")):
            return PurePosixPath(str(below).lstrip("/"))
    return PurePosixPath()


def groups(host: Host, controller: str) -> Iterator[tuple[int, PurePosixPath]]:
    """`(version, folder)` of this process's group and all its ancestors, for one controller, innermost first."""
    for mount in _mounts(host):
        if mount.version == 1 and controller not in mount.controllers:
            continue
        below = _path_of(host, mount)
        for part in (below, *below.parents) if below.parts else (below,):
            yield mount.version, mount.point / part


def _quota_at(host: Host, version: int, folder: PurePosixPath) -> float | None:
    if version == 1:
        quota, period = host.number(folder / "cpu.cfs_quota_us"), host.number(folder / "cpu.cfs_period_us")
        return quota / period if quota and period and quota > 0 else None
    words = (host.text(folder / "cpu.max") or "max").split()
    return None if words[0] == "max" else int(words[0]) / int(words[1])


def cpu_quota(host: Host) -> float | None:
    """CPU time per time that the groups allow, in cores; `None` without a limit."""
    quotas = [_quota_at(host, *group) for group in groups(host, "cpu")]
    return min((quota for quota in quotas if quota is not None), default=None)


def memory_limit(host: Host) -> int | None:
    """Bytes of memory that the groups allow; `None` without a limit."""
    limits: list[int] = []
    for version, folder in groups(host, "memory"):
        limit = host.number(folder / ("memory.limit_in_bytes" if version == 1 else "memory.max"))
        if limit is not None and limit < _UNLIMITED_V1:
            limits.append(limit)
    return min(limits, default=None)


def throttling(host: Host, folders: Sequence[PurePosixPath] | None = None) -> Throttling | None:
    """Sum of the throttling counters of all groups; `None` where none of them counts.

    Args:
        host: The machine.
        folders: Of the groups, for whoever asks often and has found them (`groups`) before.
    """
    count, seconds, counted = 0, 0.0, False
    for folder in [folder for _, folder in groups(host, "cpu")] if folders is None else folders:
        stat = fields(host.text(folder / "cpu.stat"))
        if "nr_throttled" not in stat:
            continue
        counted = True
        count += int(stat["nr_throttled"])
        seconds += int(stat.get("throttled_usec", 0)) / 1e6 + int(stat.get("throttled_time", 0)) / 1e9
    return Throttling(count, seconds) if counted else None
