"""What a coordinator does, how its workers share devices, and who looks on."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from stopwatt.bulk.judging.ticks import Counts
from stopwatt.bulk.pipeline.schedule import Work
from stopwatt.bulk.pipeline.serve import Load
from stopwatt.bulk.pipeline.stand import Stand
from stopwatt.bulk.records import Layout
from stopwatt.images.items import Items

_DECODE_S, _DECODE_SHARE = 120.0, 0.2
"""Time limit of an image, and its share of that of a batch: a file takes longer than that on a dead mount only."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a coordinator does.

    Attributes:
        items: All images, by number.
        done: A byte for each, not 0 where the outcome is known already.
        load: The model.
        layout: How.
        any_queue: Whether its queue may be made smaller, since nobody asked for this one.
        may_grow: Whether the layout may become a larger one in mid-run.
        timeout_s: A process that takes longer for one thing is ended, as one that died.
        work: Which groups there are; `None` for all of which something is not done.
    """

    items: Items
    done: bytearray
    load: Load
    layout: Layout
    any_queue: bool
    may_grow: bool
    timeout_s: float
    work: Work | None = None

    @property
    def decode_timeout_s(self) -> float:
        """The same for a decoder: a fifth, but 2 min if that is less; a frame of a video may need all before it."""
        if self.items.stretch > 1:
            return self.timeout_s
        return min(self.timeout_s, max(_DECODE_S, _DECODE_SHARE * self.timeout_s))


def lanes_of(layout: Layout) -> list[tuple[str, ...]]:
    """Devices of each worker: one each in turn, or several where there are more devices than workers."""
    devices = layout.devices
    if len(devices) > layout.workers:
        return [devices[place :: layout.workers] for place in range(layout.workers)]
    return [(devices[place % len(devices)],) for place in range(layout.workers)]


class Overseer(Protocol):
    """Who looks on, and may have the layout changed."""

    def observe(self, counts: Counts) -> None:
        """What is so from now on. Never waits."""
        ...

    def say(self, sentence: str) -> None:
        """What a person should know."""
        ...

    def settle(self) -> None:
        """The layout has changed, and everybody is there."""
        ...

    def prepare(self, stand: Stand) -> Layout | None:
        """Everybody is ready and has nothing to do; the layout to begin with, `None` to leave it."""
        ...

    def advise(self, layout: Layout, longest: int) -> Layout | None:
        """The layout to have from now on, `None` to leave it; asked every second or so.

        Args:
            layout: As it is.
            longest: Images that its queue may hold at most.
        """
        ...


class Sink(Protocol):
    """Takes lines of the journal.

    Attributes:
        seconds: Spent on writing them.
    """

    seconds: float

    @property
    def unwritten(self) -> int:
        """Lines that wait."""
        ...

    def put(self, lines: Iterable[bytes]) -> None:
        """Have lines written; waits only where much is unwritten."""
        ...

    def flush(self) -> None:
        """Return when everything that was given is where it shall be."""
        ...

    def check(self) -> None:
        """Raise what went wrong, if anything did."""
        ...
