"""Background load, declared and on purpose: a process per usable core that computes or copies memory.

    python -m stopwatt.measuring.load cpu 0 PARENT     # one of them, on core 0: starts when it reads a byte

The processes are started, and wait, before the series begins, so that beginning the load is one write to a pipe.
They end with the series: the context kills them, the kernel kills them when the worker dies, whatever it dies of, and
each of them looks for itself whether its parent is still there.
"""

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from stopwatt.devices.facts import read_facts
from stopwatt.devices.fitness import usable_threads
from stopwatt.errors import StopwattError
from stopwatt.units import quantity
from stopwatt.ways import Load

COPIED_BYTES = 64 * 2**20
"""Copied again and again by each process of `Load.MEMORY`; together more than caches hold."""
MATRIX = 256
START_S = 60.0
"""Longest wait for the processes to be ready."""
_READY = b"r"


@dataclass(frozen=True, slots=True)
class BackgroundLoad:
    """Processes that wait for the word to begin.

    Attributes:
        kind: What they do.
        processes: One per core; none where no load was asked for.
    """

    kind: Load
    processes: Sequence[subprocess.Popen[bytes]]
    _starter: int = field(default=-1, repr=False)

    def begin(self) -> None:
        """Let all of them work; returns at once."""
        if self.processes:
            os.write(self._starter, b"g" * len(self.processes))

    def ended_early(self) -> int:
        """How many of them are not there any more."""
        return sum(process.poll() is not None for process in self.processes)


@contextmanager
def background_load(kind: Load) -> Iterator[BackgroundLoad]:
    """Start the processes of a load, idle, and end them on the way out.

    Raises:
        StopwattError: They cannot be started, or would take more than half of the free memory.
    """
    if kind is Load.NONE:
        yield BackgroundLoad(kind, ())
        return
    cores = usable_cores()
    _check_memory(kind, len(cores))
    waiting, starter = os.pipe()
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for core in cores:
            processes.append(_start(kind, core, waiting))  # noqa: PERF401  (those started end, whatever the next does)
        _wait_until_ready(processes)
        yield BackgroundLoad(kind, tuple(processes), starter)
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        os.close(waiting)
        os.close(starter)


def usable_cores() -> list[int]:
    """Cores that this process may use, as many as a quota of its control group leaves."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[: usable_threads(read_facts().values)]


def _start(kind: Load, core: int, waiting: int) -> subprocess.Popen[bytes]:
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "stopwatt.measuring.load", kind.value, str(core), str(os.getpid())],
        stdin=waiting,
        stdout=subprocess.PIPE,
        env=os.environ | one_thread,
    )


def _wait_until_ready(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_S
    for process in processes:
        assert process.stdout is not None  # noqa: S101
        readable, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        if not readable or process.stdout.read(1) != _READY:
            raise StopwattError(
                "a process of the background load did not start",
                when="before the paced series",
                now="look at the end of the log, or measure with --load none",
            )


def _check_memory(kind: Load, count: int) -> None:
    available = read_facts().values.get("memory.available")
    wanted = 2 * COPIED_BYTES * count if kind is Load.MEMORY else 0
    if available is not None and wanted > float(available) / 2:
        raise StopwattError(
            f"a load of {count} processes that copy memory takes {quantity(wanted, 'B')}, more than half of what is "
            f"free ({quantity(float(available), 'B')})",
            when="before the paced series",
            now="use --load cpu, or close other programs",
        )


def main(arguments: Sequence[str]) -> None:
    """Be one process of a load: get ready, wait for the word, work until killed or orphaned."""
    from stopwatt.measuring.process import die_with, ignore_interrupts

    kind, core, parent = Load(arguments[0]), int(arguments[1]), int(arguments[2])
    die_with(parent)
    ignore_interrupts()
    os.sched_setaffinity(0, {core})
    work = _computing() if kind is Load.CPU else _copying()
    os.write(sys.stdout.fileno(), _READY)
    if not os.read(sys.stdin.fileno(), 1):
        return  # nobody will ever give the word
    while os.getppid() == parent:
        work()


def _computing() -> Callable[[], object]:
    import numpy as np

    matrix = np.random.default_rng(0).random((MATRIX, MATRIX))
    return lambda: matrix @ matrix


def _copying() -> Callable[[], object]:
    import numpy as np

    source, target = np.ones(COPIED_BYTES, dtype=np.uint8), np.ones(COPIED_BYTES, dtype=np.uint8)
    return lambda: np.copyto(target, source)


if __name__ == "__main__":
    main(sys.argv[1:])
