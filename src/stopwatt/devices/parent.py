"""What a process that we start does so that it neither outlives its parent nor takes a decision away from it."""

import contextlib
import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """End this process when its parent ends, however that happens (`kill -9` included; Linux)."""
    if not parent:
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before the request took effect
        os._exit(1)


def ignore_interrupts() -> None:
    """Leave an interrupt to the parent, which decides what becomes of this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
