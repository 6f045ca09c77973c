"""The processes of a run: started, listened to all at once, missed when they die."""

import os
import selectors
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Any, Self

from stopwatt.bulk.pipeline.child import LEAVE_S, Child
from stopwatt.measuring.job import Answer

DECODER, WORKER = "stopwatt.bulk.pipeline.decoder", "stopwatt.bulk.pipeline.worker"


@dataclass(slots=True, eq=False)
class Member:
    """A process and what the schedule calls it.

    Attributes:
        child: The process.
        names: Of the decoder, or of the worker's lanes.
        devices: Of a worker's lanes.
        busy_since: Since when it owes an answer; `None` where it owes none.
        ready: Lanes that have said so.
        doomed: Why it was killed by us; empty where it was not.
    """

    child: Child
    names: tuple[int, ...]
    devices: tuple[str, ...] = ()
    busy_since: float | None = None
    ready: int = 0
    doomed: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether all of a worker's lanes have said so."""
        return self.ready == len(self.names)


@dataclass(frozen=True, slots=True)
class Died:
    """A process has ended.

    Attributes:
        how: As the parent knows it.
        last_words: What it printed last.
        doomed: Why we killed it; empty where we did not.
    """

    how: Answer
    last_words: str
    doomed: str = ""

    @property
    def why(self) -> str:
        """In one sentence."""
        if self.doomed:
            return self.doomed
        told = self.how.trouble.what if self.how.trouble else "ended"
        return f"{told}: {self.last_words}" if self.last_words else told


class Crew:
    """All processes of a run; a context manager that leaves none behind."""

    def __init__(self) -> None:
        self._members: dict[int, Member] = {}  # by the descriptor of its connection
        self._by_output: dict[int, Member] = {}
        self._doomed: dict[int, float] = {}  # by the descriptor of its connection, since when
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        children = [member.child for member in self._members.values()]
        for child in children:
            if error is not None:
                child.kill()
            child.close()
        _await(children)
        for child in children:
            child.kill()
        _await(children)
        for child in children:
            child.ended(wait_s=0.0)
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    @property
    def members(self) -> Sequence[Member]:
        """Those that are there."""
        return list(self._members.values())

    def hire(
        self, module: str, threads: int, names: tuple[int, ...], first: Any, devices: tuple[str, ...] = ()
    ) -> Member:
        """Start a process.

        Args:
            module: `DECODER` or `WORKER`.
            threads: Host threads of its libraries.
            names: By which the schedule knows it.
            first: The message that it waits for.
            devices: Of a worker's lanes.
        """
        member = Member(Child(module, threads), names, devices, busy_since=monotonic())
        self._members[member.child.connection.fileno()] = member
        self._by_output[member.child.output] = member
        self._selector.register(member.child.connection, selectors.EVENT_READ, member)
        self._selector.register(member.child.output, selectors.EVENT_READ, member)
        member.child.send(first)
        return member

    def dismiss(self, member: Member) -> None:
        """Let a process end that has nothing more to do."""
        self._forget(member)
        member.child.close()
        member.child.ended()

    def end(self, member: Member, why: str) -> None:
        """Kill a process. Its death is heard like any other; also where the kernel does not let it go."""
        member.busy_since = None
        member.doomed = why
        member.child.kill()
        self._doomed.setdefault(member.child.connection.fileno(), monotonic())

    def wake(self) -> None:
        """Let `news` return; safe inside a signal handler."""
        with suppress(BlockingIOError):
            os.write(self._wake_write, b"!")

    def news(self, wait_s: float) -> Iterator[tuple[Member, Any]]:
        """Messages that have come, and `Died` for each process that has ended; waits for the first one.

        Whoever hears of a death may start another process, to which the kernel gives the descriptors of the dead one:
        so what was ready is known by its member, and what was of a dead one is skipped.
        """
        for key, _ in self._selector.select(wait_s):
            printing, speaking = self._by_output.get(key.fd), self._members.get(key.fd)
            if key.fd == self._wake_read:
                os.read(self._wake_read, 1 << 10)
            elif printing is not None and printing is key.data:
                if not printing.child.listen():
                    self._selector.unregister(key.fd)
            elif speaking is not None and speaking is key.data:
                yield from self._heard(speaking)
        held = [fd for fd, since in self._doomed.items() if monotonic() - since > LEAVE_S]
        for fd in held:
            yield self._buried(self._members[fd], 0.0)

    def _heard(self, member: Member) -> Iterator[tuple[Member, Any]]:
        try:
            message = member.child.connection.recv()
        except (EOFError, OSError):
            yield self._buried(member, LEAVE_S)
        else:
            yield member, message

    def _buried(self, member: Member, wait_s: float) -> tuple[Member, Died]:
        self._forget(member)
        how = member.child.ended(wait_s=wait_s)
        return member, Died(how, member.child.last_words(), member.doomed)

    def _forget(self, member: Member) -> None:
        self._selector.unregister(member.child.connection)
        with suppress(KeyError):
            self._selector.unregister(member.child.output)
        del self._members[member.child.connection.fileno()]
        del self._by_output[member.child.output]
        self._doomed.pop(member.child.connection.fileno(), None)


def _await(children: Sequence[Child]) -> None:
    """All of them share the time that each has to leave."""
    deadline = monotonic() + LEAVE_S
    for child in children:
        child.has_left(max(0.0, deadline - monotonic()))
