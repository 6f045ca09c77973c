"""How an error looks to the person reading it, and what there is to write to."""

import contextlib
import os
import sys
import traceback
from typing import Any, TextIO

from stopwatt.errors import ExitCode, StopwattError
from stopwatt.text import printable


class Unheard:
    """Standard error, that nobody may read: its reader left, the terminal was closed, the disk is full.

    What is said there is progress and reasons. A measurement of hours must not end because nobody listens, and an error
    keeps its exit code.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Say it, if that is possible."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """The same for what is still in the buffer."""
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def prepare_streams() -> None:
    """Make both standard streams writable: to nowhere if they are closed, without failing on any character.

    Standard error takes what cannot be written, too.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123  (stays open)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if not isinstance(sys.stderr, Unheard):
        setattr(sys, "stderr", Unheard(sys.stderr))  # noqa: B010  (it has all that anybody asks of a stream)


def reader_gone() -> int:
    """Whoever read our output has seen enough (`| head`): nothing more to say, and nothing wrong."""
    _forget_output()
    return ExitCode.OK


def _forget_output() -> None:
    """What is still in the buffer goes nowhere: else Python tries again at its end, and leaves with its own code."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def operating_system(error: OSError, *, debug: bool) -> int:
    """A file or stream that the operating system refuses, where nobody knows more about it."""
    if error.filename is None:
        _forget_output()
    what = f"the operating system refuses: {error.strerror or error}"
    where = str(error.filename or "writing to the standard output")
    return fail(StopwattError(what, when=where, now="check free space and rights, then start again"), debug=debug)


def fail(error: StopwattError, *, debug: bool) -> int:
    """Print what, when and now on standard error; the exit code to leave with."""
    if debug:
        traceback.print_exception(error)
    print(f"stopwatt: {printable(error.what)}", file=sys.stderr)
    for label, text in (("when", error.when), ("now", error.now)):
        if text:
            print(f"  {label + ':':<5} {printable(text)}", file=sys.stderr)
    return error.exit_code


def unexpected(error: Exception, *, debug: bool) -> int:
    """An error that nobody foresaw."""
    if debug:
        traceback.print_exception(error)
    hint = "" if debug else "repeat with --debug for the traceback, and "
    print(f"stopwatt: unexpected {type(error).__name__}: {printable(str(error))}", file=sys.stderr)
    print(f"  now:  {hint}report it: this is a fault of stopwatt", file=sys.stderr)
    return ExitCode.PARTLY_FAILED
