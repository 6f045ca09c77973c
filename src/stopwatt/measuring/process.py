"""What a worker does to itself so that nothing it runs can outlive, outlast or corrupt its parent."""

import contextlib
import faulthandler
import gc
import signal
import sys
from pathlib import Path

from stopwatt.devices.parent import die_with, ignore_interrupts

__all__ = [
    "be_first_victim", "die_with", "give_back_memory", "ignore_interrupts", "listen_to_interrupts", "show_crashes",
]  # fmt: skip


def be_first_victim() -> None:
    """Ask the kernel to end this process, not its parent, when memory runs out."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def show_crashes() -> None:
    """On a fatal signal, write the Python stack to standard error."""
    faulthandler.enable()


def listen_to_interrupts() -> None:
    """Let an interrupt end the series of trials, even if it was ignored or blocked where the process was started."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})


def give_back_memory() -> None:
    """Leave to the next cell what the last one held: garbage, and the memory that torch keeps on a device."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
