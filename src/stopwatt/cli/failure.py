"""How an error looks to the person reading it."""

import sys
import traceback

from stopwatt.errors import ExitCode, StopwattError
from stopwatt.text import printable


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
