"""Who measures on this machine: processes one at a time, instruments beside them, and how both are stopped."""

from collections.abc import Callable

from stopwatt.sweeping.executors.process import ProcessExecutor
from stopwatt.sweeping.metering import Metering


class Local:
    """What whoever measures here has in common: `execute` and `ops.measuring` interrupt, end and close it alike.

    Args:
        listen: Called with the name of each phase of the running process.
        divided: Whether others measure on other cores or GPUs of this machine meanwhile.
    """

    def __init__(self, listen: Callable[[str], None] = lambda _: None, *, divided: bool = False) -> None:
        self._executor = ProcessExecutor(listen)
        self._metering = Metering(divided=divided)
        self._stopping = False

    def interrupt(self) -> None:
        """Close what is running; safe inside a signal handler."""
        self._stopping = True
        self._executor.interrupt()

    def kill(self) -> None:
        """End what is running at once."""
        self._stopping = True
        self._executor.kill()

    def close(self) -> None:
        """End the processes that wait, and the one that reads instruments."""
        self._executor.renew()
        self._metering.close()
