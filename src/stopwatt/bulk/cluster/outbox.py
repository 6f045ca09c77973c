"""Lines of the journal that wait on a node until the driver takes them."""

import threading
import time
from collections import deque
from collections.abc import Iterable

from stopwatt.bulk.keeping.recorder import MOST_BYTES

GATHER_S = 0.05
"""Lines are gathered for so long: a message for each would cost more than the work on a tiny image."""
MESSAGE_BYTES = 8 * 2**20
"""About so much is taken at once."""


class Outbox:
    """Takes lines from one thread (`job.Sink`) and gives them to another, in order.

    Attributes:
        seconds: 0: the driver writes.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._over = False
        self._changed = threading.Condition()

    @property
    def unwritten(self) -> int:
        """Lines that wait."""
        return len(self._lines)

    def put(self, lines: Iterable[bytes]) -> None:
        """Have lines taken; waits only where much is waiting."""
        with self._changed:
            for line in lines:
                self._lines.append(line)
                self._bytes += len(line)
            self._changed.notify_all()
            while self._bytes > MOST_BYTES:
                self._changed.wait()

    def flush(self) -> None:
        """Return when everything was taken."""
        with self._changed:
            while self._lines:
                self._changed.wait()

    def check(self) -> None:
        """Nothing goes wrong here: a driver that is gone takes this process with it."""

    def end(self) -> None:
        """Nothing more will come; whoever waits for it waits no longer."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def take(self, wait_s: float) -> tuple[bytes, ...]:
        """Lines that wait, the oldest first.

        Args:
            wait_s: How long to wait for a first one.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._over, wait_s)
            few = 0 < self._bytes < MESSAGE_BYTES and not self._over
        if few:
            time.sleep(GATHER_S)
        taken: list[bytes] = []
        size = 0
        with self._changed:
            while self._lines and size < MESSAGE_BYTES:
                taken.append(self._lines.popleft())
                size += len(taken[-1])
            self._bytes -= size
            self._changed.notify_all()
        return tuple(taken)
