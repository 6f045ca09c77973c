"""Which process works on a run, and does it still live?

A run whose process was killed can be continued at once; one whose process lives must be left alone.
"""

import os
from pathlib import Path

_STARTED = 19  # proc(5): field 22 of stat is the start time; 19th after the command's closing parenthesis


def this_process(pid: int | None = None) -> str:
    """Identity of a process, never used twice: boot, pid namespace, pid, start time. Empty if it is not there."""
    pid = os.getpid() if pid is None else pid
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = Path("/proc/self/ns/pid").stat().st_ino
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in {"Z", "X"} else f"{boot}/{namespace}/{pid}/{fields[_STARTED]}"


def is_alive(owner: str) -> bool:
    """Whether the process of that identity runs here and now. Of another machine, or before a reboot: no."""
    parts = owner.split("/")
    if len(parts) != 4 or not parts[2].isdigit():  # noqa: PLR2004  (the four parts of an identity)
        return False
    return this_process(int(parts[2])) == owner
