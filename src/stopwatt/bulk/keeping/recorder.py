"""The thread that writes the journal, so that a slow disk keeps nobody waiting until much is unwritten."""

import threading
from collections import deque
from collections.abc import Iterable
from time import monotonic, perf_counter
from types import TracebackType
from typing import Self

from stopwatt.bulk.keeping.journal import Journal

WRITE_EVERY_S = 0.1
SYNC_EVERY_S = 1.0
MOST_BYTES = 64 * 2**20
"""Lines that may wait to be written; more of them wait where they come from."""


class Recorder:
    """Takes lines from one thread and writes them in another, in order; a context manager that writes all at its end.

    A process that is killed loses the lines of the last tenth of a second, a machine that fails those of the last
    second: those images are done again.
    """

    def __init__(self, journal: Journal, *, write_every_s: float = WRITE_EVERY_S) -> None:
        self._journal = journal
        self._write_every_s = write_every_s
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._taken = 0
        self._written = 0
        self._lock = threading.Condition()
        self._closing, self._hurry = threading.Event(), threading.Event()
        self._trouble: Exception | None = None
        self.seconds = 0.0
        self._thread = threading.Thread(target=self._guarded, name="journal", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._hurry.set()
        self._thread.join()
        if error is None:
            self.check()

    @property
    def unwritten(self) -> int:
        """Lines that wait."""
        return self._taken - self._written

    def put(self, lines: Iterable[bytes]) -> None:
        """Have lines written; waits only where much is unwritten.

        Raises:
            StoreError: What was given before could not be written.
        """
        with self._lock:
            for line in lines:
                self._lines.append(line)
                self._bytes += len(line)
                self._taken += 1
            while self._bytes > MOST_BYTES and self._trouble is None:
                self._lock.wait()
        self.check()

    def flush(self) -> None:
        """Return when everything that was given is in the file.

        Raises:
            StoreError: It could not be written.
        """
        with self._lock:
            self._hurry.set()
            while self._bytes and self._trouble is None:
                self._lock.wait()
        self.check()

    def check(self) -> None:
        """Raise what went wrong, if anything did.

        Raises:
            StoreError: Lines could not be written.
        """
        if self._trouble is not None:
            raise self._trouble

    def _guarded(self) -> None:
        try:
            self._run()
        except Exception as error:  # noqa: BLE001  (raised where lines come from)
            with self._lock:
                self._trouble = error
                self._lock.notify_all()

    def _run(self) -> None:
        synced = monotonic()
        dirty = False
        while True:
            self._hurry.wait(self._write_every_s)
            self._hurry.clear()
            last = self._closing.is_set()
            start = perf_counter()
            dirty |= self._write()
            if dirty and (last or monotonic() - synced >= SYNC_EVERY_S):
                self._journal.sync()
                synced, dirty = monotonic(), False
            self.seconds += perf_counter() - start
            if last:
                return

    def _write(self) -> bool:
        with self._lock:
            lines, size = list(self._lines), self._bytes
            self._lines.clear()
        if lines:
            self._journal.append(b"".join(lines))
            with self._lock:
                self._bytes -= size
                self._written += len(lines)
                self._lock.notify_all()
        return bool(lines)
