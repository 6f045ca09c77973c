"""One sampler process as its parent sees it, from its start until it is ended, dies or falls silent."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from stopwatt.meters.tracefile import TraceReader
from stopwatt.text import one_line

_POLL_S = 0.02
_END_S = 1.0


class Life:
    """A sampler that was just started.

    Args:
        device: As in `catalogue.find`.
        energy: Whether energy counters are read.
        meters: Which to use; `None` for `catalogue.wanted()`.
        without: Meters to leave out, with the reason.

    Attributes:
        reader: What it has written.
        began_ns: When it was started, on the monotonic clock.
        trouble: Why it will say nothing more; empty as far as is known.

    Raises:
        OSError: No file or no process can be made.
    """

    def __init__(
        self, device: str, *, energy: bool, meters: Sequence[str] | None = None, without: Mapping[str, str]
    ) -> None:
        self.began_ns = time.monotonic_ns()
        self.trouble = ""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  (has no name, so that nobody can be there before us)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (the same)
        self.reader = TraceReader(self._file.fileno())
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "stopwatt.meters.sampler", "--device", device),
                *("--file", str(self._file.fileno()), "--parent", str(_parent())),
                *(["--energy"] if energy else []),
                *(f"--meter={name}" for name in meters or ()),
                *(word for name, why in without.items() for word in ("--without", name, why)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            pass_fds=(self._file.fileno(),),
            start_new_session=True,
        )
        assert self._process.stdin is not None  # noqa: S101  (for the type checker)
        self._orders = self._process.stdin
        os.set_blocking(self._orders.fileno(), False)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def wait(self, done: Callable[[], object], silent_s: float) -> bool:
        """Read what it writes until that is enough.

        Args:
            done: Asked after each reading.
            silent_s: It hangs if it writes nothing for so long while we wait.

        Returns:
            Whether it is enough; else `trouble` says why.
        """
        heard, heard_at = self.reader.offset, time.monotonic()
        while not self.trouble:
            ended = self._process.poll() is not None  # before reading: what it wrote last is read
            self.reader.update()
            if done():
                return True
            if self.reader.offset != heard:
                heard, heard_at = self.reader.offset, time.monotonic()
            elif ended:
                self.trouble = self._ending()
            elif time.monotonic() - heard_at > silent_s:
                self.trouble = f"the process that reads it did not answer for {silent_s:g} s"
            else:
                time.sleep(_POLL_S)
        return False

    def has_ended(self) -> bool:
        """Whether it is gone; `trouble` says why."""
        if self._process.poll() is not None and not self.trouble:
            self.trouble = self._ending()
        return bool(self.trouble)

    def follow(self, pid: int) -> None:
        """Tell it whose processes are measured; a sampler that does not listen is noticed when it is read."""
        with contextlib.suppress(OSError):
            os.write(self._orders.fileno(), f"follow {pid}\n".encode())

    def close(self) -> None:
        """End it, and give back what it had. A process that is stuck inside a driver is not waited for."""
        with contextlib.suppress(OSError):
            self._orders.close()
        if self.trouble:
            self._process.kill()
        for end in (self._process.kill, lambda: None):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_S)
                break
            end()
        self._file.close()
        self._errors.close()

    def _ending(self) -> str:
        code = self._process.returncode
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        self._errors.seek(0)
        said = one_line((self._errors.read().decode(errors="replace").strip().splitlines() or [""])[-1])[:300]
        return f"the process that reads it {how}" + (f": {said}" if said else "")


def _parent() -> int:
    """Who the sampler ends with. The kernel means the thread that started it, so only that which lives longest counts;
    for others, the end of standard input ends it.
    """  # noqa: D205  (one sentence that does not fit on one line)
    return os.getpid() if threading.current_thread() is threading.main_thread() else 0
