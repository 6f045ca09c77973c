"""Rounds that are commands: each a fresh process, timed from its start to its end, the parent asleep meanwhile."""

import contextlib
import os
import selectors
import shlex
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stopwatt.devices.facts import read_facts
from stopwatt.errors import EnvironmentUnfit, UsageError, WorkloadError
from stopwatt.measuring.clock import now_ns
from stopwatt.records import Cell, Measurement, Samples, Status, Trouble
from stopwatt.sweeping.executors.log import Log
from stopwatt.sweeping.rounds import Finished
from stopwatt.sweeping.turns import Order, Turn, order

SOURCE = "command"
"""Source of the workloads that are commands; the parameter of that name holds what is run."""
LAST_LINES = 5


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that is over.

    Attributes:
        wall_ns: From just before its start until its end was noticed.
        code: Exit code, negative for the signal that ended it.
        late: Whether it was ended for taking too long.
        errors: What it wrote to standard error, in bounded memory.
    """

    wall_ns: int
    code: int
    late: bool
    errors: str

    @property
    def last_lines(self) -> str:
        """The last lines of standard error."""
        return "\n".join(self.errors.strip().splitlines()[-LAST_LINES:])


def words_of(command: str) -> list[str]:
    """The command as the arguments of a process. No shell sees it.

    Raises:
        UsageError: Nothing to run, or a quotation mark that is never closed.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"cannot read the command: {error}", when=command, now="close the quotation marks") from error
    if not words:
        raise UsageError("the command is empty", now='write it in quotation marks: "python model.py"')
    return words


class CommandRounds:
    """Rounds of cells whose workload is a command, one at a time. Standard input and output are /dev/null.

    Args:
        timeout_s: Longest time for a command.
        listen: Called with what happens now.

    Raises:
        EnvironmentUnfit: The system does not say when a process ends; asking it again and again would disturb the
            command and come too late.
    """

    def __init__(self, timeout_s: float, listen: Callable[[str], None] = lambda _: None) -> None:
        _check_endings()
        self._timeout_s = timeout_s
        self._listen = listen
        self._waiting: deque[Turn] = deque()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    def warm_up(self, cells: Sequence[Cell], runs: int) -> None:
        """Run each command so many times; these runs fill the caches of the system and are not counted.

        Raises:
            WorkloadError: A command fails; with its exit code and its last lines.
        """
        for turn in order(cells, runs, seed=0, within=Order.ABBA):
            command = _command_of(turn.cell)
            self._listen(f"warm-up run {turn.round + 1}")
            ended = self._run(command)
            if trouble := _trouble(ended, self._timeout_s):
                when = f"{command}: warm-up run {turn.round + 1}{_quoted(ended)}"
                raise WorkloadError(trouble.what, when=when, now=trouble.now)

    def capacity(self) -> int:
        """One: a second command beside the first would disturb it."""
        return 1

    def start(self, turn: Turn) -> None:
        """Remember the turn; `finished` runs it."""
        self._waiting.append(turn)

    def finished(self) -> Finished:
        """Run the command of the turn that was started."""
        turn = self._waiting.popleft()
        facts = read_facts(turn.cell.setup.device).values
        ended = self._run(_command_of(turn.cell))
        wall_s = ended.wall_ns / 1e9
        status, trouble = self._outcome(ended)
        measurement = Measurement(
            turn.cell,
            turn.round,
            status,
            trouble=trouble,
            samples={} if trouble else {"latency": Samples(np.array([ended.wall_ns], dtype=np.int64), "ns")},
            phases={"round": wall_s},
            facts=facts,
            log=ended.errors,
        )
        return Finished(turn, measurement, wall_s)

    def interrupt(self) -> None:
        """End the running command; it is run again when the same plan goes on."""
        self._stopping = True
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the running command at once."""
        self._stopping = True
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """Nothing waits between two commands."""

    def _run(self, command: str) -> Ended:
        words = words_of(command)
        log = Log()
        begin = now_ns()
        try:
            self._process = process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise UsageError(
                f"the command cannot be started: {error.strerror}", when=command, now="check the name of the program"
            ) from error
        try:
            end, late = self._sleep_until_end(process, log, time.monotonic() + self._timeout_s)
        finally:
            self._process = None
            _leave_nothing(process)
        return Ended(end - begin, process.returncode, late, log.text())

    @staticmethod
    def _sleep_until_end(process: subprocess.Popen[bytes], log: Log, deadline: float) -> tuple[int, bool]:
        """The moment of its end, and whether it was ended for being late. Wakes only for the end and for output."""
        assert process.stderr is not None  # noqa: S101
        errors = process.stderr.fileno()
        os.set_blocking(errors, False)
        ending = os.pidfd_open(process.pid)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(ending, selectors.EVENT_READ)
                selector.register(errors, selectors.EVENT_READ)
                while True:
                    ready = {key.fd for key, _ in selector.select(max(0.0, deadline - time.monotonic()))}
                    now = now_ns()
                    if ending in ready:
                        _drain(errors, log)
                        return now, False
                    if errors in ready and not _drain(errors, log):
                        selector.unregister(errors)
                    if time.monotonic() >= deadline:
                        _signal_group(process, signal.SIGKILL)
                        return now, True
        finally:
            os.close(ending)

    def _outcome(self, ended: Ended) -> tuple[Status, Trouble | None]:
        trouble = _trouble(ended, self._timeout_s)
        if trouble is None:
            return Status.OK, None
        if self._stopping:
            return Status.INTERRUPTED, Trouble("interrupted", now="start the same command again: it goes on from here")
        status = Status.TIMEOUT if ended.late else Status.CRASHED if ended.code < 0 else Status.FAILED
        return status, trouble

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            _signal_group(self._process, number)


def _check_endings() -> None:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        raise EnvironmentUnfit(
            f"this system does not tell when a process ends: {error.strerror}",
            when="pidfd_open",
            now="use Linux 5.3 or newer, and a container whose seccomp profile allows pidfd_open",
        ) from error


def _command_of(cell: Cell) -> str:
    return str(cell.workload.params[SOURCE])


def _trouble(ended: Ended, timeout_s: float) -> Trouble | None:
    if ended.late:
        return Trouble(f"the command did not end within {timeout_s:g} s", now="raise --timeout if it is that slow")
    if ended.code == 0:
        return None
    how = f"signal {signal.Signals(-ended.code).name}" if ended.code < 0 else f"exit code {ended.code}"
    return Trouble(f"the command ended with {how}", ended.last_lines, "mend it: only runs that succeed are compared")


def _quoted(ended: Ended) -> str:
    return f"; its last lines:\n{ended.last_lines}" if ended.last_lines else ", without a word on standard error"


def _drain(pipe: int, log: Log) -> bool:
    """Take what is in the pipe without waiting; whether it is still open."""
    try:
        while data := os.read(pipe, 1 << 16):
            log.add(data)
    except BlockingIOError:
        return True
    return False


def _leave_nothing(process: subprocess.Popen[bytes]) -> None:
    """Neither the process nor what it started and left behind."""
    _signal_group(process, signal.SIGKILL)
    process.wait()
    if process.stderr is not None:
        process.stderr.close()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
