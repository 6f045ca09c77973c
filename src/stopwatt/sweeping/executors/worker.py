"""One worker process as its parent sees it: started, given jobs one after another, listened to, ended."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from stopwatt import wire
from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.job import Job
from stopwatt.sweeping import cache
from stopwatt.sweeping.executors.log import Log

TERMINATE_GRACE_S = 3.0


class Worker:
    """A process that does one job, or several if it is kept.

    Args:
        threads: Host threads of the libraries that read their number from the environment.
    """

    def __init__(self, threads: int) -> None:
        self.served = 0
        self._spawned_ns = now_ns()
        self._process, self._pipe = _start(threads)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can take a job."""
        return self._process.poll() is None

    @property
    def returncode(self) -> int:
        """How it ended; only after `end`."""
        return self._process.returncode

    def give(self, job: Job, *, keep: bool) -> None:
        """Hand over a job. A worker that is not to be kept ends by itself afterwards.

        What a worker printed after its previous answer belongs to nobody and is dropped.
        """
        assert self._process.stdin is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        for descriptor in (self._pipe, self._process.stdout.fileno()):
            os.set_blocking(descriptor, False)
            if self.served:
                drain(descriptor, Log())
        spawned = 0 if self.served else self._spawned_ns
        job = replace(job, parent=os.getpid(), spawned_ns=spawned, served=self.served, kept=keep)
        self.served += 1
        try:
            self._process.stdin.write(wire.to_json(job) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it is dead already; its end is reported like any other

    def listen(self, log: Log, deadline: float, tell: Callable[[str], None]) -> tuple[bytes | None, bool]:
        """Sleep until the job is answered, the worker has ended or the time is up and it was ended.

        Args:
            log: Takes what the worker prints.
            deadline: On the monotonic clock of `time`, seconds.
            tell: Called with the name of each phase.

        Returns:
            The message with the answer, if one came, and whether the time was up.
        """
        return listen(self._process, self._pipe, log, deadline, tell)

    def interrupt(self) -> None:
        """Ask it to close its round and report; safe inside a signal handler."""
        _signal(self._process, signal.SIGINT)

    def kill(self) -> None:
        """End it at once, with all that it started."""
        _signal_group(self._process, signal.SIGKILL)

    def end(self) -> None:
        """Leave nothing behind: neither the worker nor what it started."""
        with contextlib.suppress(OSError):
            os.close(self._pipe)
        assert self._process.stdin is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(TERMINATE_GRACE_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _signal_group(self._process, signal.SIGKILL)
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()


def listen(
    process: "subprocess.Popen[bytes]", pipe: int, log: Log, deadline: float, tell: Callable[[str], None]
) -> tuple[bytes | None, bool]:
    """As `Worker.listen`, for any process with a pipe of answers."""
    assert process.stdout is not None  # noqa: S101
    output = process.stdout.fileno()
    os.set_blocking(output, False)
    os.set_blocking(pipe, False)
    steps = _escalation(process)
    lines = _Lines()
    timed_out = False
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        selector.register(output, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select(max(0.0, deadline - time.monotonic())):
                data = os.read(key.fd, 1 << 20)
                (log if key.fd == output else lines).add(data)
                if not data:
                    selector.unregister(key.fd)
            for phase in lines.phases():
                tell(phase)
            if lines.answer is not None or pipe not in selector.get_map() or process.poll() is not None:
                drain(pipe, lines)  # a worker that ended between two readings may have answered between them
                drain(output, log)
                return lines.answer, timed_out
            if time.monotonic() >= deadline:
                timed_out = True
                patience = next(steps, None)
                if patience is None:
                    return lines.answer, timed_out
                deadline = time.monotonic() + patience


class _Lines:
    """Messages on the answer pipe: phases as they come, the answer once."""

    def __init__(self) -> None:
        self._rest = b""
        self._phases: list[str] = []
        self.answer: bytes | None = None

    def add(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            if line.startswith(b'{"answer":'):
                self.answer = line
            elif line.startswith(b'{"phase":'):
                self._phases.append(str(json.loads(line)["phase"]))

    def phases(self) -> list[str]:
        news, self._phases = self._phases, []
        return news


def _start(threads: int) -> "tuple[subprocess.Popen[bytes], int]":
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "stopwatt.measuring.worker", "--answer-fd", str(writing)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            start_new_session=True,
            env=environment(os.environ, threads),
        )
    finally:
        os.close(writing)
    return process, reading


def environment(base: Mapping[str, str], threads: int) -> dict[str, str]:
    """What a worker inherits: the user's environment, its thread count, private compile caches, no network."""
    compiled = cache.root() / "inductor"
    return {
        **base,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "TORCHINDUCTOR_CACHE_DIR": str(compiled),
        "TRITON_CACHE_DIR": str(compiled / "triton"),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # no pool of compiler processes that would outlive the round
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _escalation(process: "subprocess.Popen[bytes]") -> Iterator[float]:
    """Interrupt, terminate, kill: each yields how long to wait before the next."""
    _signal(process, signal.SIGINT)
    yield TERMINATE_GRACE_S
    _signal_group(process, signal.SIGTERM)
    yield TERMINATE_GRACE_S
    _signal_group(process, signal.SIGKILL)
    yield TERMINATE_GRACE_S


def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(number)


def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def drain(pipe: int, taker: Log | _Lines) -> None:
    """Take what is already in the pipe, without waiting for whoever still holds it open."""
    try:
        while data := os.read(pipe, 1 << 20):
            taker.add(data)
    except (BlockingIOError, OSError):
        pass
