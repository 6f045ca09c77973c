"""The errors that stopwatt raises on purpose.

Each has three parts: *what* happened, *when* (which cell, file, trial) and what to do *now*. The command line prints
the three and nothing else; a traceback appears only under ``--debug``.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every verb."""

    OK = 0
    REGRESSION = 1
    USAGE = 2
    PARTLY_FAILED = 3
    ENVIRONMENT = 4
    TIMEOUT = 124
    NOT_EXECUTABLE = 126
    NOT_FOUND = 127
    INTERRUPTED = 130


class StopwattError(Exception):
    """Base of all errors raised on purpose.

    Args:
        what: What happened, one sentence without a full stop.
        when: Where or when it happened (a path, a cell, a trial); may be empty.
        now: What the reader can do about it; may be empty.
    """

    exit_code = ExitCode.PARTLY_FAILED

    def __init__(self, what: str, *, when: str = "", now: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.when = when
        self.now = now

    def __str__(self) -> str:
        return "\n".join(part for part in (self.what, self.when, self.now) if part)


class UsageError(StopwattError, ValueError):
    """The request itself cannot be met: an unknown name, a value out of range, a file that is not there."""

    exit_code = ExitCode.USAGE


class Unsupported(StopwattError):  # noqa: N818  (a verdict about a combination, not a malfunction)
    """A backend cannot run this combination of workload, precision and device."""


class WorkloadError(StopwattError):
    """The workload's own code failed: it raised at import, returned no model, or its forward pass failed."""

    exit_code = ExitCode.USAGE


class UnsafeFile(StopwattError):  # noqa: N818  (names what the file is)
    """A file would run code or reach outside its folder if it were opened; it was not opened."""

    exit_code = ExitCode.USAGE


class StoreError(StopwattError):
    """The results database cannot be used as asked: damaged, read-only, newer, full, or not one."""

    exit_code = ExitCode.ENVIRONMENT


class EnvironmentUnfit(StopwattError):  # noqa: N818  (a verdict about the machine)
    """The machine is not fit to measure on; ``--allow`` measures all the same and marks the result."""

    exit_code = ExitCode.ENVIRONMENT
