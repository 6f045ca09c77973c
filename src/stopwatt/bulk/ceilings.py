"""What this machine does at most: the files alone, decoding alone, the model alone, by the processes of the run itself.

Measured when all processes are ready and before the first image is theirs, in turns, so that a machine that becomes
slower becomes so for all three; each ceiling is the median of its turns. In a turn every process always has its next
work at hand. Images decoded here are what the model is given, so that it has as much to report as in the run.

    | read | decode | model | read | decode | model | read | decode | model |  -> the run
"""

import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING, Any

from stopwatt.bulk import orders
from stopwatt.bulk.crew import Crew, Died, Member
from stopwatt.bulk.groups import Answer, Group
from stopwatt.bulk.reading import cached_share, files_a_second
from stopwatt.bulk.records import Ceilings, Layout
from stopwatt.devices.host import Host
from stopwatt.meters.lineage import stat
from stopwatt.text import counted
from stopwatt.units import exact, percent

if TYPE_CHECKING:
    from stopwatt.bulk.items import Items
    from stopwatt.bulk.slots import Slots
    from stopwatt.serving.contract import Placement

TURNS = 3
TURN_S = 1.2
LONGEST_S = 10.0
"""Of a turn, where images are slow: each process answers three times at least."""
_ANSWERS = 3
_AHEAD_S = 0.02
_MOST_AHEAD = 32
_SAMPLE = 512
"""Different images that are decoded."""
_FILES, _FILES_SHARE = 32, 0.01
"""Files of a turn of reading: so few that the run finds its files where they were, on the disk or in the cache."""
_STUCK_S = 60.0
_LOOK_S = 0.5
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_CPU_COLUMNS = slice(11, 15)


@dataclass(frozen=True, slots=True)
class Stand:
    """Processes that are ready and have nothing to do.

    Attributes:
        crew: Listens to them.
        decoders: By name.
        lanes: The same; a worker with several lanes stands for each.
        slots: None of which is in use; `None` where lanes read and decode for themselves.
        items: The images of the run.
        layout: Of the run.
        cores: CPU time a second that it may use.
        bury: Told of a process that died.
        stopped: Whether somebody wants to leave.
    """

    crew: Crew
    decoders: Mapping[int, Member]
    lanes: Mapping[int, Member]
    slots: "Slots | None"
    items: "Items"
    layout: Layout
    cores: float
    bury: Callable[[Member, Died], None]
    stopped: Callable[[], bool]


class Lost(Exception):  # noqa: N818  (what happened)
    """A process died; the text says how."""


@dataclass(slots=True)
class _Turns:
    """What the turns of one kind of work said."""

    rates: list[float] = field(default_factory=list)
    images: int = 0
    cpu_s: float = 0.0

    @property
    def rate(self) -> float | None:
        return median(self.rates) if self.rates else None

    @property
    def cpu_each_s(self) -> float | None:
        return self.cpu_s / self.images if self.images and self.cpu_s else None


def measure_ceilings(stand: Stand, turns: int = TURNS, turn_s: float = TURN_S) -> Ceilings:
    """Measure all three; a process that dies meanwhile ends the measuring, and what was measured by then counts.

    Args:
        stand: Ready, with nothing to do; the same afterwards.
        turns: Of each kind of work.
        turn_s: Seconds of each turn.
    """
    sample = random.Random(0).sample(range(len(stand.items)), min(len(stand.items), _SAMPLE))  # noqa: S311  (no secret)
    storage, decode, model = _Turns(), _Turns(), _Turns()
    why: dict[str, str] = {}
    shares: list[float] = []
    try:
        decoding = _Decoding(stand, sample)
        for _ in range(turns):
            _read(stand, storage, shares, why)
            _work(stand, decoding, decode, turn_s)
            _work(stand, _Inference(stand, decoding.filled), model, turn_s)
    except Lost as lost:
        why |= dict.fromkeys(("decode", "model"), f"a process died while it was measured: {lost}")
    missing = "workers read and decode for themselves" if stand.slots is None else "no image could be decoded"
    found = {"storage": storage.rate, "decode": decode.rate, "model": model.rate}
    return Ceilings(
        model=model.rate,
        decode=decode.rate,
        storage=storage.rate,
        shared=_shared(stand.layout, stand.cores),
        why={name: why.get(name, missing) for name, rate in found.items() if rate is None},
        together=_together(decode, model, stand.cores),
        cached=_cached(shares),
        layout=stand.layout,
    )


def _read(stand: Stand, turns: _Turns, shares: list[float], why: dict[str, str]) -> None:
    """Files that were not read before, and how many of them were in the page cache."""
    total = len(stand.items)
    number = min(total, max(_FILES, round(_FILES_SHARE * total)))
    numbers = random.Random(len(turns.rates) + 1).sample(range(total), number)  # noqa: S311  (no secret)
    items = [stand.items[one] for one in numbers]
    if any(item.frame is not None for item in items):
        why["storage"] = "the frames of a video are read while they are decoded"
        return
    paths = [item.path for item in items]
    share = cached_share(paths)
    rate, read = files_a_second(paths, max(stand.layout.decoders, 1))
    if not read:
        why["storage"] = "no file could be read"
        return
    turns.rates.append(rate)
    turns.images += read
    shares += [] if share is None else [share]


class _Decoding:
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


class _Inference:
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


def _work(stand: Stand, work: "_Decoding | _Inference", turns: _Turns, turn_s: float) -> None:
    """One turn."""
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


def _pump(stand: Stand, work: "_Decoding | _Inference", turn_s: float) -> tuple[int, list[tuple[float, int]]]:
    """Keep every server busy for a time; images in all, and when how many came while nobody waited for work."""
    owed = {name: work.give(name) + work.give(name) for name in work.servers}
    begin = monotonic()
    events: list[tuple[float, int]] = []
    good = 0
    while any(owed.values()):
        for member, message in stand.crew.news(_LOOK_S):
            if isinstance(message, Died):
                stand.bury(member, message)
                raise Lost(message.why)
            name, answers, images = work.take(member, message)
            good += images
            owed[name] -= answers
            now = monotonic()
            enough = len(events) >= (_ANSWERS + 1) * len(owed) or now - begin > LONGEST_S
            if (now - begin < turn_s or not enough) and not stand.stopped():
                events.append((now, images))
                while owed[name] <= work.chunk:  # one to work on, and the next
                    owed[name] += work.give(name)
        if monotonic() - begin > LONGEST_S + _STUCK_S:
            _end_the_stuck(work.servers, owed)
    return good, events


def _end_the_stuck(servers: Mapping[int, Member], owed: Mapping[int, int]) -> None:
    """Their death is heard like any other."""
    for name, images in owed.items():
        if images:
            servers[name].child.kill()


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


def _together(decode: _Turns, model: _Turns, cores: float) -> float | None:
    if decode.cpu_each_s is None or model.cpu_each_s is None:
        return None
    return cores / (decode.cpu_each_s + model.cpu_each_s)


def _shared(layout: Layout, cores: float) -> str:
    on_cpu = any(device == "cpu" for device in layout.devices)
    wanted = layout.decoders + layout.workers * (layout.threads if on_cpu else 1)
    workers = counted(layout.workers, "worker")
    threads = f" of {counted(layout.threads, 'thread')}" if on_cpu else ""
    said = f"{counted(layout.decoders, 'decoder')} and {workers}{threads} on {exact(cores, '1')} cores"
    if wanted <= cores:
        return f"{said}: a core for each"
    return f"{said}: in its ceiling each of the two had them for itself, in the run they share them"


def _cached(shares: Sequence[float]) -> str:
    if not shares:
        return "whether the files came from the disk or from the page cache is not known"
    share = sum(shares) / len(shares)
    if share == 1:
        return "all files came from the page cache: the disk itself may be slower"
    if share == 0:
        return "no file was in the page cache"
    return f"{percent(round(share, 3))} of the files were in the page cache: the disk itself may be slower"
