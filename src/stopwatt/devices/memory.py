"""Peak of this process's resident memory over a period, as the kernel keeps it.

`VmHWM` in /proc/self/status is the high-water mark of the resident set; writing `5` to /proc/self/clear_refs sets it
back to what is resident now (proc_pid_clear_refs(5)). It needs no sampling, so nothing is missed and nothing runs
beside the model.
"""

from stopwatt.devices.host import Host, fields
from stopwatt.records import Measured, Reading, Unavailable


class HostMemory:
    """A period that begins when this object is made.

    A kernel that refuses to begin one makes `peak` unavailable: the peak of an older period would be no answer.

    Args:
        host: The machine; by default the one that we run on.
    """

    def __init__(self, host: Host | None = None) -> None:
        self._host = host or Host()
        self._refused = ""
        try:
            (self._host.root / "proc/self/clear_refs").write_text("5", encoding="ascii")
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
