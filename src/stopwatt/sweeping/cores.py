"""Cores that a round has for itself: claimed for a whole machine, whoever else measures on it.

A claim is a lock on a file of its own for each core. The kernel drops it when the process that holds it ends, however
that happens, so nothing has to be tidied up after a crash.
"""

import fcntl
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from stopwatt.errors import EnvironmentUnfit


class Cores:
    """So many cores of those that this process may use, claimed until it is closed or the process ends.

    Args:
        wanted: How many.
        allowed: Which may be claimed; by default those that this process may run on.
        folder: Of the lock files; the same for all users of the machine.

    Raises:
        EnvironmentUnfit: Fewer are free.
    """

    def __init__(self, wanted: int, allowed: Sequence[int] | None = None, folder: Path | None = None) -> None:
        candidates = sorted(os.sched_getaffinity(0) if allowed is None else allowed)
        self._folder = folder or Path(tempfile.gettempdir()) / f"stopwatt-cores-{os.getuid()}"
        self._locks: dict[int, int] = {}
        _make_private(self._folder)
        for core in candidates:
            if len(self._locks) < wanted:
                self._try(core)
        if len(self._locks) < wanted:
            free = len(self._locks)
            self.close()
            raise EnvironmentUnfit(
                f"{wanted} cores of their own were asked for, but {free} of {len(candidates)} are free",
                now="wait for the other measurements on this machine to end, or ask for fewer --threads",
            )

    @property
    def numbers(self) -> tuple[int, ...]:
        """The claimed cores."""
        return tuple(self._locks)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the cores back."""
        while self._locks:
            os.close(self._locks.popitem()[1])

    def _try(self, core: int) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._folder / f"core-{core}", flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            self._locks[core] = descriptor


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        raise EnvironmentUnfit(
            f"the folder for claims on cores, {folder}, is not this user's", now="remove it, or set TMPDIR to another"
        )
