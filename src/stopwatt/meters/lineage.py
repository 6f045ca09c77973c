"""A process with its threads and descendants, as /proc shows them: what they used together."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from stopwatt.devices.host import Host, fields

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_KIB = 1024
_PARENT, _MAJOR_FAULTS, _FAULTS_OF_CHILDREN, _TIMES, _RESIDENT = 1, 9, 10, slice(11, 15), 21
"""Columns of /proc/PID/stat behind the name (proc_pid_stat(5)); times are those of the process and of the children that
it has waited for, so that nothing is lost when one of them ends."""


@dataclass(frozen=True, slots=True)
class Used:
    """By all of them; seconds and counts only grow.

    Attributes:
        own_s: CPU time.
        resident: Bytes in memory; pages that two of them share count twice.
        resident_peak: Most bytes that any one of them has had in memory, as the kernel keeps it; it is the program's
            own, and not inherited from whoever started it, as `ru_maxrss` is.
        switches: Times they lost a CPU to another task.
    """

    own_s: float
    major_faults: int
    resident: int
    resident_peak: int
    switches: int


@dataclass(slots=True)
class Lineage:
    """One process and what comes from it.

    Args:
        host: The machine.
        pid: The process.
        without: A descendant that is none of theirs.
        members: It and its descendants, as the last look found them.
    """

    host: Host
    pid: int
    without: int = 0
    members: tuple[int, ...] = field(default=(), init=False)
    _switches: dict[str, int] = field(default_factory=dict)
    _switched: int = 0
    _resident_peak: int = 0

    def look(self) -> tuple[int, ...]:
        """Find its descendants that are alive now."""
        self.members = tuple(self._descent())
        return self.members

    def used(self) -> Used | None:
        """What they have used; `None` if none of them is there any more."""
        stats = [words for words in (stat(self.host, pid) for pid in self.members or self.look()) if words]
        if not stats:
            return None
        self._look_at_threads()
        return Used(
            own_s=sum(int(word) for words in stats for word in words[_TIMES]) * _TICK_S,
            major_faults=sum(int(words[_MAJOR_FAULTS]) + int(words[_FAULTS_OF_CHILDREN]) for words in stats),
            resident=sum(int(words[_RESIDENT]) for words in stats) * _PAGE,
            resident_peak=self._resident_peak,
            switches=self._switched,
        )

    def _descent(self) -> Iterator[int]:
        waiting, everybody = [self.pid], dict[int, list[int]]()
        while waiting:
            pid = waiting.pop()
            if pid == self.without:
                continue
            yield pid
            children = self._told_children(pid)
            if children is None:
                everybody = everybody or self._children_of_all()
                children = everybody.get(pid, [])
            waiting += children

    def _told_children(self, pid: int) -> list[int] | None:
        """Those that its threads have started; `None` where the kernel was built not to tell (PROC_CHILDREN)."""
        threads = self.host.children(f"proc/{pid}/task")
        texts = (self.host.text(f"proc/{pid}/task/{thread}/children") for thread in threads)
        told = [text for text in texts if text is not None]
        if not told and stat(self.host, pid):
            return None
        return [int(word) for text in told for word in text.split()]

    def _children_of_all(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for name in self.host.children("proc"):
            words = stat(self.host, int(name)) if name.isdigit() else []
            if words:
                found.setdefault(int(words[_PARENT]), []).append(int(name))
        return found

    def _look_at_threads(self) -> None:
        """Count the switches of all threads, also of those that will have ended: the kernel forgets these."""
        for pid in self.members:
            for thread in self.host.children(f"proc/{pid}/task"):
                said = fields(self.host.text(f"proc/{pid}/task/{thread}/status"), ":")
                now = int(said.get("nonvoluntary_ctxt_switches", 0))
                self._switched += max(0, now - self._switches.get(thread, 0))
                self._switches[thread] = now
                self._resident_peak = max(self._resident_peak, _KIB * int(said.get("VmHWM", "0").split()[0]))


def stat(host: Host, pid: int) -> list[str]:
    """Columns of /proc/PID/stat behind the name, which may hold spaces and brackets; empty if the process has ended."""
    text = host.text(f"proc/{pid}/stat") or ""
    return text[text.rfind(")") + 1 :].split()
