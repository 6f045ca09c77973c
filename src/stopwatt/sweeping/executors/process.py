"""The default executor: each job in a fresh process, the parent asleep until it reports.

The parent starts the worker, hands it the job, and blocks in `select` until the answer pipe ends, the time is up or
the user interrupts. While the worker measures, the parent uses no processor time.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import pydantic

from stopwatt import wire
from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.job import Answer, Job
from stopwatt.records import Status, Trouble
from stopwatt.sweeping import cache, oom

LOG_HEAD = LOG_TAIL = 32 * 1024
"""Bytes of a worker's output that are kept from its beginning and from its end."""
TERMINATE_GRACE_S = 3.0


class Log:
    """The beginning and the end of everything a worker prints, in bounded memory."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self.lost = 0

    def add(self, data: bytes) -> None:
        """Take note of some output."""
        room = LOG_HEAD - len(self._head)
        self._head += data[:room]
        self._tail += data[max(room, 0) :]
        surplus = len(self._tail) - LOG_TAIL
        if surplus > 0:
            del self._tail[:surplus]
            self.lost += surplus

    def text(self) -> str:
        """What was kept, with a line that says how much was not."""
        gap = f"\n[... {self.lost} bytes left out ...]\n".encode() if self.lost else b""
        return (bytes(self._head) + gap + bytes(self._tail)).decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job: always an answer, whatever happened to the worker."""

    answer: Answer
    log: str
    wall_s: float


class ProcessExecutor:
    """Runs jobs one after another, each in its own process.

    Args:
        listen: Called with the name of each phase of the running job.
    """

    def __init__(self, listen: Callable[[str], None] = lambda _: None) -> None:
        self._listen = listen
        self._worker: subprocess.Popen[bytes] | None = None

    def run(self, job: Job, timeout_s: float) -> Outcome:
        """Run one job to its end, its death, or its time limit."""
        begin = time.monotonic()
        killed_before = oom.kills()
        worker, pipe = _start(replace(job, parent=os.getpid(), spawned_ns=now_ns()))
        self._worker = worker
        log = Log()
        try:
            message, timed_out = self._listen_until_end(worker, pipe, log, begin + timeout_s)
        finally:
            os.close(pipe)
            self._worker = None
            _end(worker)
        wall = time.monotonic() - begin
        if message is not None:
            answer = _read_answer(message)
        else:
            answer = _obituary(worker.returncode, oom.kills() - killed_before)
        if timed_out and answer.status is not Status.OK:
            answer = replace(answer, status=Status.TIMEOUT, trouble=_too_late(timeout_s))
        return Outcome(answer, log.text(), wall)

    def interrupt(self) -> None:
        """Ask the running worker to close its round and report; safe inside a signal handler."""
        if self._worker is not None:
            _signal(self._worker, signal.SIGINT)

    def kill(self) -> None:
        """End the running worker at once."""
        if self._worker is not None:
            _signal_group(self._worker, signal.SIGKILL)

    def _listen_until_end(
        self, worker: subprocess.Popen[bytes], pipe: int, log: Log, deadline: float
    ) -> tuple[bytes | None, bool]:
        """The answer's line, if one came, and whether the time was up."""
        assert worker.stdout is not None  # noqa: S101
        output = worker.stdout.fileno()
        os.set_blocking(output, False)
        os.set_blocking(pipe, False)
        steps = _escalation(worker)
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
                    self._listen(phase)
                if lines.answer is not None or pipe not in selector.get_map() or worker.poll() is not None:
                    _drain(pipe, lines)  # a worker that ended between two readings may have answered between them
                    _drain(output, log)
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


def _start(job: Job) -> tuple[subprocess.Popen[bytes], int]:
    reading, writing = os.pipe()
    try:
        worker = subprocess.Popen(
            [sys.executable, "-P", "-m", "stopwatt.measuring.worker", "--answer-fd", str(writing)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            start_new_session=True,
            env=environment(os.environ, job),
        )
    finally:
        os.close(writing)
    assert worker.stdin is not None  # noqa: S101
    try:
        worker.stdin.write(wire.to_json(job))
        worker.stdin.close()
    except BrokenPipeError:
        pass  # it is dead already; its end is reported like any other
    return worker, reading


def environment(base: Mapping[str, str], job: Job) -> dict[str, str]:
    """What a worker inherits: the user's environment, the cell's thread count, private compile caches, no network."""
    threads = str(job.cell.setup.threads)
    compiled = cache.root() / "inductor"
    return {
        **base,
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "TORCHINDUCTOR_CACHE_DIR": str(compiled),
        "TRITON_CACHE_DIR": str(compiled / "triton"),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # no pool of compiler processes that would outlive the round
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _escalation(worker: subprocess.Popen[bytes]) -> Iterator[float]:
    """Interrupt, terminate, kill: each yields how long to wait before the next."""
    _signal(worker, signal.SIGINT)
    yield TERMINATE_GRACE_S
    _signal_group(worker, signal.SIGTERM)
    yield TERMINATE_GRACE_S
    _signal_group(worker, signal.SIGKILL)
    yield TERMINATE_GRACE_S


def _end(worker: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind: neither the worker nor what it started."""
    try:
        worker.wait(TERMINATE_GRACE_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal_group(worker, signal.SIGKILL)
        worker.wait()
        for stream in (worker.stdin, worker.stdout):
            if stream is not None and not stream.closed:
                stream.close()


def _signal(worker: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if worker.poll() is None:
        worker.send_signal(number)


def _signal_group(worker: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker.pid, number)


def _drain(pipe: int, taker: "Log | _Lines") -> None:
    """Take what is already in the pipe, without waiting for whoever still holds it open."""
    try:
        while data := os.read(pipe, 1 << 20):
            taker.add(data)
    except (BlockingIOError, OSError):
        pass


def _read_answer(message: bytes) -> Answer:
    try:
        return wire.from_document(Answer, json.loads(message)["answer"])
    except (ValueError, KeyError, pydantic.ValidationError) as error:
        what = f"the worker's answer cannot be read: {str(error).splitlines()[0]}"
        return Answer(Status.NO_RESULT, Trouble(what, now="report this with the log: it is a fault of stopwatt"))


def _too_late(timeout_s: float) -> Trouble:
    return Trouble(
        f"no answer within {timeout_s:g} s",
        "the worker was interrupted, then terminated, then killed, until it ended",
        "raise --timeout if the model is that slow; otherwise it hangs: the end of the log may show where",
    )


def _obituary(returncode: int, oom_kills: int) -> Answer:
    """The answer for a worker that ended without one."""
    if returncode == -signal.SIGKILL:
        if oom_kills:
            what, now = "killed, probably out of memory", "try a smaller batch, or a machine with more memory"
        else:
            what, now = "killed by SIGKILL from outside", "look who killed it (dmesg, the job scheduler); then repeat"
        return Answer(Status.KILLED, Trouble(what, now=now))
    if returncode < 0:
        name = signal.Signals(-returncode).name
        return Answer(
            Status.CRASHED,
            Trouble(
                f"crashed with {name}", now="the end of the log shows the stack; the runtime or its driver is at fault"
            ),
        )
    return Answer(
        Status.NO_RESULT,
        Trouble(
            f"the worker ended with exit code {returncode} and without an answer",
            now="the measured code ended the process itself (sys.exit, os._exit): remove that, or look at the log",
        ),
    )
