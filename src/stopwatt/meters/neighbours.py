"""Which compute processes on a GPU are not ours, by their numbers; and in a container, where numbers may not match.

A driver that knows nothing of process namespaces lists numbers that mean nothing in a container. There, one process
that appeared after the sampler is taken for the measured one; where that cannot be decided, nothing is said.
"""

import os
from collections.abc import Sequence

from stopwatt.devices.gpu_facts import foreign
from stopwatt.devices.host import Host
from stopwatt.meters.lineage import Lineage, stat

_FIRST_NAMESPACE = 0xEFFFFFFC  # include/linux/proc_ns.h: PROC_PID_INIT_INO
_STARTED = 19
"""Column of /proc/PID/stat behind the name: when it started, in ticks since the machine did."""

QUIRK = (
    "in a container the driver may number processes otherwise, or hide those of others: one process that appears with "
    "ours is taken for ours"
)


def numbers_match(host: Host) -> bool:
    """Whether this process sees the numbers that the driver uses: it is in no container."""
    try:
        return (host.root / "proc/self/ns/pid").stat().st_ino == _FIRST_NAMESPACE
    except OSError:
        return False


class Neighbours:
    """Tells ours from others.

    Args:
        host: The machine.
        there: Numbers of the processes on the GPU in the beginning.
        own: The process that asked for sampling.
        match: Whether numbers mean the same to the driver and to us.
    """

    def __init__(self, host: Host, there: Sequence[int], *, own: int, match: bool) -> None:
        self._host = host
        self._there = frozenset(there)
        self._own = own
        self._match = match
        self._followed = 0

    def follow(self, pid: int) -> None:
        """This process is measured from now on, with its descendants."""
        self._followed = pid

    def others(self, there: Sequence[int]) -> float | None:
        """How many of the processes on the GPU are not ours; `None` where that cannot be known."""
        strangers = self._strangers(there)
        if self._match or len(strangers) < len(there) or not self._followed:
            return float(len(strangers))
        early = _started(self._host, self._followed) <= _started(self._host, os.getpid())
        unknown = strangers if early else [pid for pid in strangers if pid not in self._there]
        known = len(strangers) - len(unknown)
        if not unknown or (len(unknown) == 1 and not early):
            return float(known)
        surplus = len(unknown) - len(Lineage(self._host, self._followed).look())
        return float(known + surplus) if surplus > 0 else None

    def _strangers(self, there: Sequence[int]) -> list[int]:
        rest = [{"pid": pid} for pid in there]
        for one in filter(None, (self._own, self._followed)):
            rest = [dict(process) for process in foreign(self._host, list(rest), one)]
        return [int(process["pid"]) for process in rest]


def _started(host: Host, pid: int) -> int:
    words = stat(host, pid)
    return int(words[_STARTED]) if len(words) > _STARTED else 0
