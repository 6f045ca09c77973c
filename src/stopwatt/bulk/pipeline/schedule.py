"""Who works on which image next: the coordinator's decisions, without processes and without a clock.

Images go to the model in *groups* that depend on their numbers only: with batches of 8 the images 16 to 23 are one
group, whoever decoded them and in whatever order. So outputs do not depend on how many processes there are, on which
of them was quicker, or on who died; and a resumed run, which does groups again of which anything is missing, computes
what the undisturbed one would have computed.

    a group is drawn -> its images are decoded, each into a slot -> the group is complete -> a lane answers it
                              |  a decoder died: each of its images                |  a lane died: its groups
                              |  again, alone; the second time given up            |  again, alone; then one by one

A *lane* is a model that takes one group after another; a worker process has one, or one for each of its devices.

No deadlock: slots are handed out in the order of the images, so the oldest incomplete group always has all of its
slots as soon as there are as many slots as a group has images.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

NO_SLOT = -1
"""Where a lane reads and decodes for itself."""
MOST_DEATHS = 2
"""Of lanes that a group may cost before its images are tried one by one."""

Pairs = tuple[tuple[int, int], ...]
"""Numbers of images, each with the slot that it is (or will be) in."""


@dataclass(frozen=True, slots=True)
class Decode:
    """Give these images to a decoder."""

    decoder: int
    pairs: Pairs


@dataclass(frozen=True, slots=True)
class Infer:
    """Give this group to a lane, which answers with the ticket."""

    lane: int
    ticket: int
    pairs: Pairs


class Work(Protocol):
    """Where groups come from.

    Attributes:
        batch: Images of a group.
    """

    batch: int

    @property
    def closed(self) -> bool:
        """Whether a group that is not there now will never be."""
        ...

    def draw(self) -> range | None:
        """The next group; `None` where there is none now."""
        ...


class Todo:
    """Groups of which something is still missing, in order: all that a run does.

    Args:
        total: Images of the run.
        done: A byte for each image, not 0 where its outcome is known.
        batch: Images of a group; may change in mid-run, from the next group on.
    """

    closed = True

    def __init__(self, total: int, done: bytearray, batch: int) -> None:
        self.batch = batch
        self._total = total
        self._done = done
        self._next = 0

    def draw(self) -> range | None:
        """The next group, with the images that are already done: what a model computes may depend on neighbours."""
        while self._next < self._total:
            start = self._next
            self._next = min((start // self.batch + 1) * self.batch, self._total)
            if self._done.find(0, start, self._next) >= 0:
                return range(start, self._next)
            missing = self._done.find(0, self._next, self._total)
            if missing < 0:
                self._next = self._total
            else:
                self._next = max(self._next, missing // self.batch * self.batch)
        return None


class Fed:
    """Groups that somebody else hands in, until he says that there will be no more; also from another thread.

    Args:
        batch: Images of a group, which whoever hands them in has to keep to.
    """

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.closed = False
        self._groups: deque[range] = deque()

    def feed(self, groups: Sequence[range]) -> None:
        """These as well, in their order."""
        self._groups.extend(groups)

    def close(self) -> None:
        """There will be no more."""
        self.closed = True

    def draw(self) -> range | None:
        """The next group; `None` where there is none now."""
        return self._groups.popleft() if self._groups else None


@dataclass(slots=True, eq=False)
class _Group:
    """Images that share a call of the model."""

    open: int
    pairs: list[tuple[int, int]] = field(default_factory=list)
    deaths: int = 0


@dataclass(slots=True)
class _Decoder:
    has: dict[int, int] = field(default_factory=dict)  # number -> slot, oldest first
    alone: bool = False
    leaving: bool = False


@dataclass(slots=True)
class _Lane:
    has: dict[int, _Group] = field(default_factory=dict)  # ticket -> group, oldest first
    leaving: bool = False


class Schedule:
    """The state of a run. Tell it what happened; ask `steps` what to do now.

    Every image that was drawn is settled exactly once: by the answer to its group, by `undecodable`, or by being among
    the numbers that `decoder_died` and `lane_died` return.

    Args:
        todo: What to do.
        slots: Of the ring, at least as many as a group has images; 0 where lanes read and decode for themselves.
        ahead: Images that a decoder has at most; each answer may ask for more.
        depth: Groups that a lane has at most: one at work, the others next.

    Attributes:
        room: Slots that may be in use, at least as many as a group has images; may change in mid-run.
    """

    def __init__(self, todo: Work, slots: int, *, ahead: int = 2, depth: int = 2) -> None:
        self.ahead = ahead
        self.depth = depth
        self.room = slots
        self._slots = slots
        self._todo = todo
        self._direct = slots == 0
        self._free = list(range(slots - 1, -1, -1))
        self._groups: dict[int, _Group] = {}  # of every image that is not yet with a lane
        self._unissued: deque[int] = deque()  # of the group that was drawn last
        self._again: deque[tuple[int, int]] = deque()  # lost with a decoder
        self._suspects: set[int] = set()
        self._complete: deque[_Group] = deque()
        self._decoders: dict[int, _Decoder] = {}
        self._lanes: dict[int, _Lane] = {}
        self._tickets = 0
        self._stopped = False
        self._exhausted = False
        self.decoded_waiting = 0

    # --- what happened ---

    def decoder_came(self, decoder: int) -> None:
        """A decoder waits for work."""
        self._decoders[decoder] = _Decoder()

    def lane_came(self, lane: int) -> None:
        """A lane waits for work."""
        self._lanes[lane] = _Lane()

    def decoded(self, decoder: int, number: int) -> None:
        """An image is in its slot."""
        slot = self._decoders[decoder].has.pop(number)
        self._suspects.discard(number)
        group = self._groups[number]
        group.pairs.append((number, slot))
        self.decoded_waiting += 1
        self._closed_one(group)

    def undecodable(self, decoder: int, number: int) -> None:
        """An image has no pixels; that is its outcome."""
        self._suspects.discard(number)
        self._give_up(number, self._decoders[decoder].has.pop(number))

    def decoder_died(self, decoder: int) -> tuple[int, ...]:
        """A decoder ended. Its images are tried again, each alone.

        Returns:
            The image that was alone with a decoder when it died, for the second time: given up.
        """
        state = self._decoders.pop(decoder)
        lost = []
        for number, slot in state.has.items():
            if number in self._suspects:
                self._suspects.remove(number)
                self._give_up(number, slot)
                lost.append(number)
            else:
                self._suspects.add(number)
                self._again.append((number, slot))
        return tuple(lost)

    def answered(self, lane: int, ticket: int) -> None:
        """A lane has answered a group, well or badly: its images are settled."""
        self._release(self._lanes[lane].has.pop(ticket))

    def lane_died(self, lane: int) -> tuple[int, ...]:
        """A lane ended. Its groups go to others, each alone: a lane works on several at once, and one of them did it.

        Returns:
            The image that was alone with a lane when it died, for the last time: given up.
        """
        groups = list(self._lanes.pop(lane).has.values())
        for group in groups:
            self.decoded_waiting += len(group.pairs)
            group.deaths += 1
        if len(groups) != 1 or groups[0].deaths < MOST_DEATHS:
            self._complete.extendleft(reversed(groups))
            return ()
        (suspect,) = groups
        if len(suspect.pairs) > 1:
            singles = [_Group(0, [pair], deaths=MOST_DEATHS - 1) for pair in suspect.pairs]
            self._complete.extendleft(reversed(singles))
            return ()
        self.decoded_waiting -= 1
        self._release(suspect)
        return (suspect.pairs[0][0],)

    def leave(self, *, decoders: Sequence[int] = (), lanes: Sequence[int] = ()) -> None:
        """These get no more work."""
        for decoder in decoders:
            self._decoders[decoder].leaving = True
        for lane in lanes:
            self._lanes[lane].leaving = True

    def left(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Decoders and lanes that were to leave and have nothing more to do; they are forgotten."""
        decoders = tuple(name for name, one in self._decoders.items() if one.leaving and not one.has)
        lanes = tuple(name for name, one in self._lanes.items() if one.leaving and not one.has)
        for name in decoders:
            del self._decoders[name]
        for name in lanes:
            del self._lanes[name]
        return decoders, lanes

    def stop(self) -> None:
        """Begin nothing new; what lanes have is still answered."""
        self._stopped = True

    # --- what to do now ---

    def steps(self) -> Iterator[Decode | Infer]:
        """What to start now. Each must be taken and carried out before the next is asked for."""
        if self._stopped:
            return
        yield from self._for_lanes()
        if not self._direct:
            yield from self._for_decoders()

    @property
    def finished(self) -> bool:
        """Whether every image is settled and no more will come, or, after `stop`, whatever was with a lane is."""
        if any(lane.has for lane in self._lanes.values()):
            return False
        if self._stopped:
            return True
        return self._exhausted and not (self._complete or self._groups)

    def has_work(self, *, decoder: int | None = None, lane: int | None = None) -> bool:
        """Whether somebody owes an answer."""
        if decoder is not None:
            return bool(self._decoders[decoder].has)
        return lane is not None and bool(self._lanes[lane].has)

    # --- for those who watch ---

    @property
    def waiting(self) -> int:
        """Decoded images that no lane works on."""
        behind = sum(len(group.pairs) for lane in self._lanes.values() for group in list(lane.has.values())[1:])
        return 0 if self._direct else self.decoded_waiting + behind

    @property
    def idle_lanes(self) -> int:
        """Lanes without a group."""
        return sum(not lane.has for lane in self._lanes.values())

    @property
    def idle_decoders(self) -> int:
        """Decoders without an image."""
        return sum(not decoder.has for decoder in self._decoders.values())

    # --- how ---

    def _for_lanes(self) -> Iterator[Infer]:
        for held in range(self.depth):  # everybody has a first group before anybody gets a second
            for name, lane in self._lanes.items():
                if len(lane.has) != held or lane.leaving or any(group.deaths for group in lane.has.values()):
                    continue
                group = self._next_complete(alone=not held)
                if group is None:
                    return
                self._tickets += 1
                lane.has[self._tickets] = group
                group.pairs.sort()
                self.decoded_waiting -= len(group.pairs)
                yield Infer(name, self._tickets, tuple(group.pairs))

    def _next_complete(self, *, alone: bool) -> _Group | None:
        if self._complete:  # one with which a lane died is given to a lane that has nothing else
            return self._complete.popleft() if alone or not self._complete[0].deaths else None
        numbers = self._draw() if self._direct else None
        if numbers is None:
            return None
        self.decoded_waiting += len(numbers)
        return _Group(0, [(number, NO_SLOT) for number in numbers])

    def _for_decoders(self) -> Iterator[Decode]:
        for name, decoder in self._decoders.items():
            if decoder.leaving or (decoder.alone and decoder.has):
                continue
            decoder.alone = False
            if self._again:
                if not decoder.has:
                    decoder.alone = True
                    number, slot = self._again.popleft()
                    decoder.has[number] = slot
                    yield Decode(name, ((number, slot),))
                continue
            if len(decoder.has) <= self.ahead // 2:
                pairs = tuple(self._issue(self.ahead - len(decoder.has)))
                if not pairs:
                    return
                decoder.has.update(pairs)
                yield Decode(name, pairs)

    def _issue(self, most: int) -> Iterator[tuple[int, int]]:
        for _ in range(most):
            if not self._free or self._slots - len(self._free) >= self.room or self._nothing_more():
                return
            yield self._unissued.popleft(), self._free.pop()

    def _nothing_more(self) -> bool:
        if not self._unissued and (numbers := self._draw()) is not None:
            self._unissued.extend(numbers)
            self._groups.update(dict.fromkeys(numbers, _Group(len(numbers))))
        return not self._unissued

    def _draw(self) -> range | None:
        closed = self._todo.closed  # asked first: what is fed between the two questions must not be missed
        numbers = None if self._exhausted else self._todo.draw()
        self._exhausted |= closed and numbers is None
        return numbers

    def _give_up(self, number: int, slot: int) -> None:
        self._free.append(slot)
        self._closed_one(self._groups[number])
        self._groups.pop(number, None)

    def _closed_one(self, group: _Group) -> None:
        group.open -= 1
        if group.open:
            return
        for number, _ in group.pairs:
            del self._groups[number]
        if group.pairs:
            self._complete.append(group)

    def _release(self, group: _Group) -> None:
        if not self._direct:
            self._free.extend(slot for _, slot in group.pairs)
