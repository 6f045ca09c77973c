"""What the machine did while a round ran: throttling, stolen time, other processes, switches and faults.

Two snapshots and their difference; each snapshot reads a few files (0.2 ms) and belongs outside the timed region.
"""

import os
import resource
import time
from dataclasses import dataclass

from stopwatt.devices import cgroup
from stopwatt.devices.cpu_facts import allowed_cpus
from stopwatt.devices.host import Host
from stopwatt.records import Scalar

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
"""In which the kernel counts the time of CPUs and processes."""
_BUSY_COLUMNS = (0, 1, 2, 5, 6)  # user, nice, system, irq, softirq of /proc/stat; guest time is inside user
_STEAL_COLUMN = 7


@dataclass(frozen=True, slots=True)
class CpuUsage:
    """Counters at one moment; only differences mean something.

    Attributes:
        at_s: Monotonic clock.
        cpus: CPUs that this process may use; `busy_s` and `steal_s` are sums over them.
        busy_s: Time they worked for anybody; `None` where the kernel does not count.
        steal_s: Time the hypervisor kept them from us.
        own_s: CPU time of this process, all threads.
        throttled_count, throttled_s: Stops for the quota of a control group; `None` where none is counted.
        involuntary_switches: Times this process lost a CPU to another task.
        major_faults: Pages that had to come from a disk.
        minor_faults: Pages that this process took from the system anew.
    """

    at_s: float
    cpus: int
    busy_s: float | None
    steal_s: float | None
    own_s: float
    throttled_count: int | None
    throttled_s: float | None
    involuntary_switches: int
    major_faults: int
    minor_faults: int

    @classmethod
    def read(cls, host: Host | None = None) -> "CpuUsage":
        """Take a snapshot."""
        host = host or Host()
        cpus = allowed_cpus(host)
        busy_s, steal_s = machine_seconds(host, cpus)
        throttling = cgroup.throttling(host)
        own = resource.getrusage(resource.RUSAGE_SELF)
        return cls(
            at_s=time.monotonic(),
            cpus=len(cpus),
            busy_s=busy_s,
            steal_s=steal_s,
            own_s=own.ru_utime + own.ru_stime,
            throttled_count=throttling.count if throttling else None,
            throttled_s=throttling.seconds if throttling else None,
            involuntary_switches=own.ru_nivcsw,
            major_faults=own.ru_majflt,
            minor_faults=own.ru_minflt,
        )

    def since(self, earlier: "CpuUsage") -> "Usage":
        """What happened between an earlier snapshot and this one."""
        return Usage(
            seconds=self.at_s - earlier.at_s,
            cpus=self.cpus,
            busy_s=_difference(self.busy_s, earlier.busy_s),
            steal_s=_difference(self.steal_s, earlier.steal_s),
            own_s=self.own_s - earlier.own_s,
            throttled_count=_count(self.throttled_count, earlier.throttled_count),
            throttled_s=_difference(self.throttled_s, earlier.throttled_s),
            involuntary_switches=self.involuntary_switches - earlier.involuntary_switches,
            major_faults=self.major_faults - earlier.major_faults,
            minor_faults=self.minor_faults - earlier.minor_faults,
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """The difference of two snapshots; the attributes are those of `CpuUsage`."""

    seconds: float
    cpus: int
    busy_s: float | None
    steal_s: float | None
    own_s: float
    throttled_count: int | None
    throttled_s: float | None
    involuntary_switches: int
    major_faults: int
    minor_faults: int

    @property
    def foreign_cores(self) -> float | None:
        """Cores that other processes kept busy, on average, among those that we may use."""
        if self.busy_s is None or self.seconds <= 0:
            return None
        return max(0.0, self.busy_s - self.own_s) / self.seconds

    @property
    def resolution_cores(self) -> float:
        """Uncertainty of `foreign_cores`: the kernel counts in ticks, one more or less on each CPU."""
        return self.cpus * TICK_S / self.seconds if self.seconds > 0 else float("inf")

    @property
    def steal_share(self) -> float | None:
        """Share of the CPUs' time that the hypervisor gave to somebody else."""
        if self.steal_s is None or self.seconds <= 0 or not self.cpus:
            return None
        return self.steal_s / (self.seconds * self.cpus)

    def facts(self) -> dict[str, Scalar]:
        """As facts of a measurement, in base units; what was not counted is absent."""
        found: dict[str, Scalar | None] = {
            "round.seconds": self.seconds,
            "round.own_cpu_s": self.own_s,
            "round.foreign_cores": self.foreign_cores,
            "round.steal_share": self.steal_share,
            "round.throttled_count": self.throttled_count,
            "round.throttled_s": self.throttled_s,
            "round.involuntary_switches": self.involuntary_switches,
            "round.major_faults": self.major_faults,
        }
        return {name: value for name, value in found.items() if value is not None}


def machine_seconds(host: Host, cpus: frozenset[int]) -> tuple[float | None, float | None]:
    """Busy and stolen seconds of these CPUs since boot; `None` where the kernel does not count."""
    names = {f"cpu{number}" for number in cpus}
    lines = (line.split() for line in (host.text("proc/stat") or "").splitlines())
    rows = [[int(word) for word in words[1:]] for words in lines if words and words[0] in names]
    if not rows or not any(map(sum, rows)) or min(map(len, rows)) <= _STEAL_COLUMN:
        return None, None  # a sandbox that shows the file and counts nothing
    busy = sum(row[column] for row in rows for column in _BUSY_COLUMNS)
    return busy * TICK_S, sum(row[_STEAL_COLUMN] for row in rows) * TICK_S


def _difference(now: float | None, then: float | None) -> float | None:
    return None if now is None or then is None else now - then


def _count(now: int | None, then: int | None) -> int | None:
    return None if now is None or then is None else now - then
