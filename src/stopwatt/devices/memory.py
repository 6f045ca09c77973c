"""Peak of this process's resident memory over a period, as the kernel keeps it.

`VmHWM` in /proc/self/status is the high-water mark of the resident set; writing `5` to /proc/self/clear_refs sets it
back to what is resident now (proc_pid_clear_refs(5)). It needs no sampling, so nothing is missed and nothing runs
beside the model.
"""

from pathlib import Path

from stopwatt.devices.host import Host, fields
from stopwatt.records import Measured, Reading, Unavailable


class HostMemory:
    """The peak since the last `reset`; since the start of the process where there was none.

    Args:
        host: The machine; by default the one that we run on.
    """

    def __init__(self, host: Host | None = None) -> None:
        self._host = host or Host()
        self._refused = ""

    def reset(self) -> None:
        """Begin a new period. A kernel that refuses makes `peak` unavailable: an older peak would be no answer."""
        try:
            (self._host.root / Path("proc/self/clear_refs")).write_text("5", encoding="ascii")
        except OSError as error:
            self._refused = f"the kernel refused to reset the peak (/proc/self/clear_refs: {error.strerror})"

    def peak(self) -> Reading:
        """Bytes of resident memory at the period's peak, pages shared with other processes included."""
        if self._refused:
            return Unavailable(self._refused)
        words = fields(self._host.text("proc/self/status"), ":").get("VmHWM", "").split()
        if not words:
            return Unavailable("/proc/self/status has no VmHWM")
        return Measured(int(words[0]) * 1024.0, "B")
