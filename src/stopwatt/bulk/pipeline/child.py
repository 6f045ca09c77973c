"""A process of a bulk run as the coordinator sees it: started, written to, read from, ended."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Pipe
from typing import Any

from stopwatt.measuring.job import Answer
from stopwatt.records import Status, Trouble
from stopwatt.sweeping import oom
from stopwatt.sweeping.executors.ending import obituary
from stopwatt.sweeping.executors.log import Log
from stopwatt.sweeping.executors.worker import drain, environment

LEAVE_S = 5.0
"""That a process has to end after it was told to, and again after it was killed."""
_HELD = Answer(
    Status.KILLED,
    Trouble(
        "killed, but the kernel still holds it",
        now="a disk, a mount or a driver does not answer: look at dmesg and at the mounts",
    ),
)


class Child:
    """A process of its own that runs a module of this package and talks over one connection.

    The module gets the connection's file descriptor as its last argument. Both ends speak pickles: they are the same
    code of the same version, and nobody else can reach them.

    Args:
        module: That is run.
        threads: Host threads of the libraries that read their number from the environment.
        arguments: Before the descriptor.
        pass_fds: Further descriptors that the process inherits.

    Attributes:
        connection: Our end.
        output: File descriptor of what it prints.
    """

    def __init__(
        self, module: str, threads: int, *, arguments: Sequence[str] = (), pass_fds: Sequence[int] = ()
    ) -> None:
        self._kills = oom.kills()
        self._log = Log()
        self.connection, theirs = Pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *arguments, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs.fileno(), *pass_fds),
                start_new_session=True,  # an interrupt of the terminal is the coordinator's
                env=environment(os.environ, threads),
            )
        finally:
            theirs.close()
        assert self._process.stdout is not None  # noqa: S101  (asked for above)
        self.output = self._process.stdout.fileno()
        os.set_blocking(self.output, False)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def send(self, message: Any) -> None:
        """Write a message. To a process that has died it goes nowhere: its end is noticed where it is read from."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(message)

    def listen(self) -> bool:
        """Take what it printed; False once it prints no more."""
        try:
            data = os.read(self.output, 1 << 16)
        except BlockingIOError:
            return True
        self._log.add(data)
        return bool(data)

    def kill(self) -> None:
        """End it at once, with all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Say nothing more: it ends when it notices."""
        self.connection.close()

    def has_left(self, wait_s: float) -> bool:
        """Whether the process ends within this time."""
        try:
            self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def ended(self, *, wait_s: float = LEAVE_S) -> Answer:
        """Wait until the process has ended, with force if it takes longer than this; how it ended.

        One that the kernel does not let go, since it waits for a disk or a mount that does not answer, is left behind:
        it ends when the kernel is done with it, and does nothing more before.
        """
        left = self.has_left(wait_s)
        self.kill()  # or what it started and left behind
        left = left or self.has_left(wait_s)
        drain(self.output, self._log)
        assert self._process.stdout is not None  # noqa: S101  (asked for above)
        self._process.stdout.close()
        self.connection.close()
        return obituary(self._process.returncode, oom.kills() - self._kills) if left else _HELD

    def last_words(self) -> str:
        """The last line that it printed."""
        lines = [line.strip() for line in self._log.text().splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""
