"""The conditions of a real-time process, as far as the system lets us: memory locked, a real-time priority."""

import contextlib
import ctypes
import os
import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stopwatt.records import Note, Scalar

PRIORITY = 49
"""Below the kernel's threaded interrupt handlers (50), whose work the answer of a device may need."""
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_CAP_IPC_LOCK = 14
_POLICIES = {os.SCHED_OTHER: "SCHED_OTHER", os.SCHED_FIFO: "SCHED_FIFO", os.SCHED_RR: "SCHED_RR",
             os.SCHED_BATCH: "SCHED_BATCH", os.SCHED_IDLE: "SCHED_IDLE"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the process got.

    Attributes:
        scheduling: Policy and priority of its main thread, `SCHED_FIFO 49`.
        memory_locked: Whether pages that were touched stay in memory.
        refused: What was asked for and not given, and why; empty where nothing was refused.
    """

    scheduling: str
    memory_locked: bool = False
    refused: tuple[str, ...] = ()

    @property
    def is_realtime(self) -> bool:
        """Whether its main thread runs under a real-time policy."""
        return self.scheduling.split()[0] in {"SCHED_FIFO", "SCHED_RR"}

    def facts(self) -> Mapping[str, Scalar]:
        """As facts of a round."""
        refused = {"paced_refused": "; ".join(self.refused)} if self.refused else {}
        return {"paced_scheduling": self.scheduling, "paced_memory_locked": self.memory_locked, **refused}

    def note(self) -> Note | None:
        """What a reader must know if something was refused."""
        if not self.refused:
            return None
        return Note(
            "not-realtime",
            f"the system refused {' and '.join(self.refused)}: the longest response times are those of an ordinary "
            "process",
            now="give the rights CAP_SYS_NICE and CAP_IPC_LOCK (or raise ulimit -r and ulimit -l) and repeat",
        )


@contextmanager
def conditions(*, realtime: bool) -> Iterator[Conditions]:
    """Ask for the conditions of a real-time process, and give them back on the way out.

    All threads that exist get the priority: those that compute for the main one must not wait for other processes. New
    threads and processes do not inherit it. Memory is locked as it is touched (`MCL_ONFAULT`): what the warm-up used
    stays, and gigabytes that a runtime only reserved are not fetched.
    """
    if not realtime:
        yield Conditions(_scheduling())
        return
    before = _policies()
    lock, priority = _lock_memory(), _raise_priority(before)
    try:
        yield Conditions(_scheduling(), not lock, tuple(filter(None, (priority, lock))))
    finally:
        for thread, (policy, parameters) in before.items():
            with contextlib.suppress(OSError):  # the thread has ended
                os.sched_setscheduler(thread, policy, parameters)
        ctypes.CDLL(None).munlockall()


def _scheduling() -> str:
    policy = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK
    priority = os.sched_getparam(0).sched_priority
    name = _POLICIES.get(policy, f"policy {policy}")
    return f"{name} {priority}" if priority else name


def _policies() -> dict[int, tuple[int, os.sched_param]]:
    """Scheduling of each thread of this process."""
    found = {}
    for entry in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            thread = int(entry.name)
            found[thread] = (os.sched_getscheduler(thread), os.sched_getparam(thread))
    return found


def _raise_priority(threads: Mapping[int, object]) -> str:
    """Why not; empty where the main thread got it."""
    asked = f"SCHED_FIFO {PRIORITY}"
    for thread in sorted(threads, key=lambda number: number != os.getpid()):
        try:
            os.sched_setscheduler(thread, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
        except ProcessLookupError:
            continue
        except OSError as error:
            return f"{asked} ({error.strerror})"
    return ""


def _lock_memory() -> str:
    """Why not; empty where it was locked."""
    flags = _MCL_CURRENT | _MCL_ONFAULT | (_MCL_FUTURE if _may_lock_everything() else 0)
    library = ctypes.CDLL(None, use_errno=True)
    if library.mlockall(flags) == 0:
        return ""
    return f"mlockall ({os.strerror(ctypes.get_errno())})"


def _may_lock_everything() -> bool:
    """With a limit, memory that is asked for later would be refused instead of left unlocked."""
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    lines = Path("/proc/self/status").read_text().splitlines()
    effective = next((line.split()[1] for line in lines if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> _CAP_IPC_LOCK & 1)
