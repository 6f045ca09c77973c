"""Decoders, or models, that always have their next work at hand: how many images a second they do then.

What decoders put into slots here is what the models are given, so that these have as much to report as in a run.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING, Any

from stopwatt.bulk.pipeline import orders
from stopwatt.bulk.pipeline.crew import Died, Member
from stopwatt.bulk.pipeline.groups import Answer, Group
from stopwatt.bulk.pipeline.stand import Stand
from stopwatt.devices.host import Host
from stopwatt.meters.lineage import stat

if TYPE_CHECKING:
    from stopwatt.serving.contract import Placement

LONGEST_S = 10.0
"""Of a turn, where images are slow: each process answers three times at least."""
_ANSWERS = 3
_AHEAD_S = 0.06
"""Orders that a decoder has; longer than what it gathers before it answers, so that it never waits."""
_MOST_AHEAD = 32
_STUCK_S = 60.0
_LOOK_S = 0.5
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_CPU_COLUMNS = slice(11, 15)


class Lost(Exception):  # noqa: N818  (what happened)
    """A process died; the text says how."""


@dataclass(slots=True)
class Turns:
    """What the turns of one kind of work said.

    Attributes:
        rates: Images a second of each turn.
        images: In all of them.
        cpu_s: CPU seconds in all of them.
    """

    rates: list[float] = field(default_factory=list)
    images: int = 0
    cpu_s: float = 0.0

    @property
    def rate(self) -> float | None:
        """Images a second; `None` where no turn said."""
        return median(self.rates) if self.rates else None

    @property
    def cpu_each_s(self) -> float | None:
        """CPU seconds of an image; `None` where they are not known."""
        return self.cpu_s / self.images if self.images and self.cpu_s else None


class Decoding:
    """Decoders that always have a next image, each with slots of its own.

    Attributes:
        filled: Slots with an image in them: its number and its placement.
        chunk: Images that are given at once.
    """

    def __init__(self, stand: Stand, sample: Sequence[int]) -> None:
        self.servers = dict(stand.decoders)
        self.filled: dict[int, tuple[int, Placement]] = {}
        self._items, self._numbers = stand.items, cycle(sample)
        slots = range(len(stand.slots)) if stand.slots is not None else range(0)
        count = max(len(self.servers), 1)
        self._slots = {name: cycle(slots[place::count]) for place, name in enumerate(self.servers)}
        self._most = max(1, min(_MOST_AHEAD, len(slots) // count // 2))
        self.chunk = 1

    def give(self, name: int) -> int:
        """Order more; how many images."""
        slots = self._slots[name]
        some = [orders.order_of(self._items[next(self._numbers)], next(slots)) for _ in range(self.chunk)]
        self.servers[name].child.send(some)
        return len(some)

    def take(self, member: Member, message: Any) -> tuple[int, int, int]:
        """Who answers, how many orders, and how many of them are images."""
        good = [one for one in message if one.placement is not None]
        self.filled |= {one.slot: (one.number, one.placement) for one in good}
        each_s = sum(one.read_s + one.decode_s for one in message) / len(message)
        self.chunk = max(1, min(self._most, int(_AHEAD_S / max(each_s, 1e-9))))
        return member.names[0], len(message), len(good)


class Inference:
    """Lanes that always have a next group."""

    def __init__(self, stand: Stand, filled: "Mapping[int, tuple[int, Placement]]") -> None:
        self.servers = dict(stand.lanes) if filled else {}
        self.chunk = stand.layout.batch
        self._images = cycle([(number, slot, placement) for slot, (number, placement) in filled.items()])
        self._tickets = 0

    def give(self, name: int) -> int:
        """Submit a group; how many images."""
        self._tickets += 1
        member = self.servers[name]
        images = [next(self._images) for _ in range(self.chunk)]
        member.child.send(Group(member.names.index(name), self._tickets, images))
        return self.chunk

    def take(self, member: Member, message: Answer) -> tuple[int, int, int]:
        """Who answers, to how many images, and how many of them have a result."""
        return member.names[message.lane], len(message.rows), sum(not failed for _, failed, _ in message.rows)


def work_a_turn(stand: Stand, work: "Decoding | Inference", turns: Turns, turn_s: float) -> None:
    """Let them do so for a turn.

    Args:
        stand: Ready, with nothing to do; the same afterwards.
        work: Which.
        turns: Gets what came of it.
        turn_s: Seconds.

    Raises:
        Lost: A process died.
    """
    if not work.servers or stand.slots is None or stand.stopped():
        return
    pids = {member.child.pid for member in work.servers.values()}
    before = _cpu_s(pids)
    good, events = _pump(stand, work, turn_s)
    turns.cpu_s += max(0.0, _cpu_s(pids) - before)
    turns.images += good
    rate = rate_of(events, len(work.servers))
    if rate is not None:
        turns.rates.append(rate)


def _pump(stand: Stand, work: "Decoding | Inference", turn_s: float) -> tuple[int, list[tuple[float, int]]]:
    """Keep every server busy for a time; images in all, and when how many came while nobody waited for work.

    Raises:
        Lost: A process died. The others have answered first: in the run nobody would know what that is.
    """
    owed = {name: work.give(name) + work.give(name) for name in work.servers}
    begin = monotonic()
    events: list[tuple[float, int]] = []
    dead: list[tuple[Member, Died]] = []
    good = 0
    while any(owed.values()):
        for member, message in stand.crew.news(_LOOK_S):
            if isinstance(message, Died):
                dead.append((member, message))
                owed |= {name: 0 for name, one in work.servers.items() if one is member}
                continue
            name, answers, images = work.take(member, message)
            good += images
            owed[name] -= answers
            now = monotonic()
            enough = len(events) >= (_ANSWERS + 1) * len(owed) or now - begin > LONGEST_S
            if (now - begin < turn_s or not enough) and not (dead or stand.stopped()):
                events.append((now, images))
                while owed[name] <= work.chunk:  # one to work on, and the next
                    owed[name] += work.give(name)
        if monotonic() - begin > LONGEST_S + _STUCK_S:
            _end_the_stuck(stand, work.servers, owed)
    for member, died in dead:
        stand.bury(member, died)
    if dead:
        raise Lost(dead[0][1].why)
    return good, events


def _end_the_stuck(stand: Stand, servers: Mapping[int, Member], owed: Mapping[int, int]) -> None:
    """Their death is heard like any other."""
    for name, images in owed.items():
        if images:
            stand.crew.end(servers[name], f"it gave no answer for {LONGEST_S + _STUCK_S:g} s and was ended")


def rate_of(events: Sequence[tuple[float, int]], servers: int) -> float | None:
    """Images a second of servers that never wait.

    From one answer to another: until each server has answered once, on average, they had begun at the same time, and
    the work that is open at the end belongs to nobody's answer.

    Args:
        events: Seconds, rising, and how many images came then.
        servers: How many there are.
    """
    if len(events) <= servers:
        return None
    images = sum(number for _, number in events[servers:])
    seconds = events[-1][0] - events[servers - 1][0]
    return images / seconds if images and seconds > 0 else None


def _cpu_s(pids: set[int]) -> float:
    """CPU time of processes, in steps of a hundredth of a second."""
    host = Host()
    return sum(int(word) for pid in pids for word in stat(host, pid)[_CPU_COLUMNS]) * _TICK_S
