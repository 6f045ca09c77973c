"""Failures on demand, by name: how the rest of stopwatt shows that it survives them."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_GARBAGE = b"\x00\xff{]\x1b[31m\xfe\n" * 64
_HUGE_BYTES = 2**30


def segfault() -> None:
    """Read address 0."""
    ctypes.string_at(0)


def abort() -> None:
    """Abort as a C++ `terminate` does."""
    os.abort()


def hang() -> None:
    """Never return, in Python: an interrupt ends it."""
    while True:
        time.sleep(1.0)


def hang_gil() -> None:
    """Never return, in C, without giving the interpreter back: no Python signal handler can run any more."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    ctypes.PyDLL(None).sleep(10**9)


def fail() -> None:
    """Raise an exception."""
    raise RuntimeError("planted failure")


def out_of_memory() -> None:
    """Raise what a runtime raises when memory is short."""
    raise MemoryError("out of memory (planted)")


def host_out_of_memory() -> None:
    """Die of SIGKILL, as a process does that the kernel kills for its memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def leave_quietly() -> None:
    """End the process with exit code 0, in mid-call."""
    os._exit(0)


def leave() -> None:
    """End the process with exit code 3, in mid-call."""
    os._exit(3)


def print_garbage() -> None:
    """Write bytes that are no text to the standard output."""
    os.write(1, _GARBAGE)


def print_much() -> None:
    """Write 1 GiB to the standard output."""
    chunk = b"planted output\n" * 2**16
    for _ in range(_HUGE_BYTES // len(chunk) + 1):
        os.write(1, chunk)


def change_directory() -> None:
    """Change the working directory, the standard output and the locale's environment."""
    os.chdir("/")
    os.environ["LC_ALL"] = "tr_TR.UTF-8"
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  (the mischief is to leave it open)


def ignore_interrupts() -> None:
    """Install a handler that swallows Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


ACTIONS: dict[str, Callable[[], None]] = {
    "segfault": segfault,
    "abort": abort,
    "hang": hang,
    "hang_gil": hang_gil,
    "raise": fail,
    "oom": out_of_memory,
    "host_oom": host_out_of_memory,
    "exit0": leave_quietly,
    "exit3": leave,
    "garbage_stdout": print_garbage,
    "huge_stdout": print_much,
    "chdir": change_directory,
    "sigint_handler": ignore_interrupts,
}
"""What the chosen call does, once."""

ANSWERS: dict[str, Callable[[Floats], Floats]] = {
    "nan": lambda right: np.full_like(right, np.nan),
    "constant": np.ones_like,
    "wrong_shape": lambda right: right[..., :-1],
    "offset": lambda right: right + np.float32(1.0),
    "subnormal": lambda right: right * np.float32(1e-40),
}
"""What calls answer from the chosen one on, instead of the right answer."""

TIMINGS = ("cached", "remembers", "lazy")
"""How calls cheat from the chosen one on: results remembered by input, those of the last input alone, or results
promised and computed when looked at."""
