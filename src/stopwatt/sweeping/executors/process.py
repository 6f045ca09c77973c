"""The default executor: jobs in processes of their own, the parent asleep until they report.

The parent starts a worker, hands it the job, and blocks in `select` until the answer has come, the time is up or the
user interrupts. While a worker measures, the parent uses no processor time.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from stopwatt.measuring.job import Answer, Job
from stopwatt.records import Status
from stopwatt.sweeping import oom
from stopwatt.sweeping.executors.ending import obituary, read_answer, too_late
from stopwatt.sweeping.executors.log import Log
from stopwatt.sweeping.executors.worker import Worker

MOST_KEPT = 8
"""Workers that wait for further jobs. One that waits holds its runtime's memory, some hundred megabytes."""
UNHARMED = frozenset({Status.OK, Status.INVALID, Status.UNSUPPORTED})
"""Endings after which a worker may go on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job: always an answer, whatever happened to the worker."""

    answer: Answer
    log: str
    wall_s: float


class ProcessExecutor:
    """Runs jobs one after another; a context manager that leaves no process behind.

    Args:
        listen: Called with the name of each phase of the running job.
    """

    def __init__(self, listen: Callable[[str], None] = lambda _: None) -> None:
        self._listen = listen
        self._running: Worker | None = None
        self._stopping = False
        self._kept: OrderedDict[str, Worker] = OrderedDict()

    @property
    def alone(self) -> bool:
        """Whether no process of this executor is there."""
        return self._running is None and not any(worker.alive for worker in self._kept.values())

    def run(
        self, job: Job, timeout_s: float, group: str = "", started: Callable[[int], None] = lambda _: None
    ) -> Outcome:
        """Run one job to its end, its death, or its time limit.

        Args:
            job: What to do.
            timeout_s: Longest time for it.
            group: Jobs of the same group may be done by one process, one after another; empty for a process of its own.
            started: Called with the number of the process before it gets the job.
        """
        begin = time.monotonic()
        killed_before = oom.kills()
        log = Log()
        worker = self._kept.pop(group, None)
        if worker is None or not worker.alive:
            if worker is not None:
                worker.end()
            worker = Worker(job.cell.setup.threads)
        self._running = worker
        started(worker.pid)
        message, timed_out, answer = None, False, None
        if self._stopping:  # the interrupt came between two jobs, when nobody could be told
            worker.interrupt()
        try:
            worker.give(job, keep=bool(group))
            message, timed_out = worker.listen(log, begin + timeout_s, self._listen)
            answer = None if message is None else read_answer(message)
        finally:
            self._running = None
            if group and answer is not None and answer.status in UNHARMED and not timed_out:
                self._keep(group, worker)
            else:
                worker.end()
        if answer is None:
            answer = obituary(worker.returncode, oom.kills() - killed_before)
        if timed_out and answer.status is not Status.OK:
            answer = replace(answer, status=Status.TIMEOUT, trouble=too_late(timeout_s))
        return Outcome(answer, log.text(), time.monotonic() - begin)

    def interrupt(self) -> None:
        """Ask the running worker to close its round and report, or the next one; safe inside a signal handler."""
        self._stopping = True
        if self._running is not None:
            self._running.interrupt()

    def kill(self) -> None:
        """End the running worker at once."""
        self._stopping = True
        if self._running is not None:
            self._running.kill()

    def renew(self) -> None:
        """End the workers that wait: the next job of each group gets a fresh process."""
        while self._kept:
            self._kept.popitem()[1].end()

    def _keep(self, group: str, worker: Worker) -> None:
        self._kept[group] = worker
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)[1].end()
