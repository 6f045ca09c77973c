"""A command that runs as if it had been started by itself: its streams are ours, and so are the signals to us."""

import contextlib
import errno
import os
import resource
import select
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

from stopwatt.devices.memory import HostMemory
from stopwatt.errors import ExitCode, StopwattError, UsageError
from stopwatt.measuring.clock import now_ns
from stopwatt.records import Measured, Reading

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_FROM_KEYS = frozenset({signal.SIGINT, signal.SIGQUIT})
"""What a terminal sends to all processes in its foreground, to the command as well as to us."""
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""Python ignores them, and what is ignored is inherited; a command expects them as they usually are."""
_BY_SIGNAL = 128
_KIB = 1024


class NotStarted(StopwattError):  # noqa: N818  (what happened)
    """The command cannot be started; the exit code is what a shell has for that."""

    def __init__(self, command: Sequence[str], error: OSError) -> None:
        missing = error.errno in {errno.ENOENT, errno.ENOTDIR}
        super().__init__(
            f"the command cannot be started: {error.strerror}",
            when=command[0],
            now="check its name and $PATH" if missing else "check its rights, and that its first line names a program",
        )
        self.exit_code = ExitCode.NOT_FOUND if missing else ExitCode.NOT_EXECUTABLE


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that is over.

    Attributes:
        begin_ns, end_ns: On the machine's monotonic clock, from just before its start until its end was noticed.
        code: As a shell has it: 128 + the number of the signal that ended it.
        usage: What the kernel counted of it and of the children that it waited for, by names of
            `analyse.metered.PROCESS`.
    """

    begin_ns: int
    end_ns: int
    code: int
    usage: Mapping[str, Reading]


def run_command(
    command: Sequence[str],
    started: Callable[[int], None] = lambda _: None,
    look: Callable[[], None] | None = None,
    every_s: float = 0.25,
) -> Ended:
    """Run a command with our standard streams, and hand it the signals that only we get. In the main thread only.

    Args:
        command: The program and its arguments. No shell sees them.
        started: Called with its process, once.
        look: Called again and again while it runs; without it, nothing runs beside the command.
        every_s: Seconds between two such calls.

    Raises:
        UsageError: Nothing to run.
        NotStarted: No such program, or none that can be run.
    """
    check_command(command)
    with _heard() as signals:
        ours = _our_peak_kib()
        begin = now_ns()
        try:
            process = os.posix_spawnp(command[0], list(command), os.environ, setsigdef=_IGNORED_BY_PYTHON)
        except OSError as error:
            raise NotStarted(command, error) from error
        started(process)
        while True:
            status = _ended(process)
            if status is not None:
                end, (code, usage) = now_ns(), status
                return Ended(begin, end, code, _readings(usage, ours))
            ready, _, _ = select.select([signals], [], [], None if look is None else every_s)
            if ready:
                _hand_on(process, os.read(signals, 256))
            elif look is not None:
                look()


def _our_peak_kib() -> float:
    """What a process that we start inherits: the peak of our memory, which begins anew here.

    `ru_maxrss` also holds the peak that we inherited ourselves; that is not handed on.
    """
    peak = HostMemory().peak()
    return peak.value / _KIB if isinstance(peak, Measured) else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def check_command(command: Sequence[str]) -> None:
    """Refuse what names no program.

    Raises:
        UsageError: Nothing to run.
    """
    if not command or not command[0]:
        raise UsageError("there is no command to meter", now="write it behind two hyphens: stopwatt meter -- sleep 1")


def _ended(process: int) -> tuple[int, resource.struct_rusage] | None:
    """How it ended, if it has."""
    found, status, usage = os.wait4(process, os.WNOHANG)
    if not found:
        return None
    code = os.waitstatus_to_exitcode(status)
    return (code if code >= 0 else _BY_SIGNAL - code), usage


def _readings(usage: resource.struct_rusage, ours_kib: float) -> dict[str, Reading]:
    """Exact figures of the kernel.

    A new process inherits the peak of the one that started it, until its own is larger; only then it says something.
    """
    found: dict[str, Reading] = {
        "cpu_time": Measured(usage.ru_utime + usage.ru_stime, "s"),
        "major_faults": Measured(float(usage.ru_majflt), "1"),
        "switches": Measured(float(usage.ru_nivcsw), "1"),
    }
    if usage.ru_maxrss > ours_kib:
        found["peak_memory"] = Measured(float(usage.ru_maxrss) * _KIB, "B")
    return found


@contextlib.contextmanager
def _heard() -> Iterator[int]:
    """A pipe in which the number of every signal arrives that would end us, or says that a child has ended.

    What was ignored where we were started (by nohup, or in the background of a script) stays so, for the command too.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = {number: signal.getsignal(number) for number in (signal.SIGCHLD, *FORWARDED)}
    pipe_before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN or number == signal.SIGCHLD:
                signal.signal(number, _only_wake)
        yield reading
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.set_wakeup_fd(pipe_before)
        os.close(reading)
        os.close(writing)


def _only_wake(_: int, __: FrameType | None) -> None:
    """The number is in the pipe."""


def _hand_on(process: int, numbers: bytes) -> None:
    for number in numbers:
        if number in FORWARDED and not (number in _FROM_KEYS and in_foreground()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, number)


def in_foreground() -> bool:
    """Whether the keys of our terminal, if we have one, send their signals to us."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
