"""Which node has which images: the driver's decisions, without a cluster and without a clock.

Groups go out in small stretches, to whoever has few left, so that a fast node does more. Near the end the stretches
become shorter: a node holds no more than its part of half of what is left (guided self-scheduling: Polychronopoulos
and Kuck 1987), so that all of them end at about the same time. What a lost node had not answered goes to others, group
by group: a group of which an image is missing is done again as a whole, and what was answered before counts once.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from stopwatt.bulk.pipeline.schedule import Todo


@dataclass(slots=True)
class _Held:
    """A group that a node has.

    Attributes:
        missing: Numbers without an answer.
    """

    group: range
    missing: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.missing = set(self.group)


class Shares:
    """Who has what.

    Args:
        done: A byte for each image, not 0 where its outcome is known; this keeps it up to date.
        batch: Images of a group.
        stretch: Successive images that one node should have, from a multiple of this on.
    """

    def __init__(self, done: bytearray, batch: int, stretch: int = 1) -> None:
        self._done = done
        self._batch = batch
        self._stretch = stretch
        self._todo = Todo(len(done), bytearray(done), batch)
        self._returned: deque[range] = deque()
        self._held: dict[str, dict[int, _Held]] = {}
        self.unsettled = done.count(0)

    @property
    def finished(self) -> bool:
        """Whether every image has an outcome."""
        return not self.unsettled

    def came(self, node: str) -> None:
        """A node can take images."""
        self._held[node] = {}

    def has(self, node: str) -> int:
        """Images that a node owes."""
        return sum(len(one.missing) for one in self._held.get(node, {}).values())

    def give(self, node: str, most: int, least: int) -> tuple[range, ...]:
        """Groups for a node to do next.

        Args:
            node: That came.
            most: Images that it can hold.
            least: Images that it needs to be busy.
        """
        left = self.unsettled - sum(map(self.has, self._held))
        fair = max(least, min(most, left // (2 * max(len(self._held), 1))))
        held, room = self._held[node], fair - self.has(node)
        given: list[range] = []
        while room > 0 and (groups := self._next()):
            for group in groups:
                held[group.start // self._batch] = _Held(group)
                room -= len(group)
            given += groups
        return tuple(given)

    def settle(self, node: str, number: int) -> bool:
        """A node has answered an image; whether nobody had before."""
        held = self._held[node]
        group = held.get(number // self._batch)
        if group is not None:
            group.missing.discard(number)
            if not group.missing:
                del held[number // self._batch]
        if self._done[number]:
            return False
        self._done[number] = 1
        self.unsettled -= 1
        return True

    def lost(self, node: str) -> int:
        """A node is gone; images that others do in its place."""
        held = self._held.pop(node, {})
        groups = [held[place].group for place in sorted(held)]
        groups = [group for group in groups if self._done.find(0, group.start, group.stop) >= 0]
        self._returned.extendleft(reversed(groups))
        return sum(map(len, groups))

    def _next(self) -> list[range]:
        """What should stay together."""
        if self._returned:
            return [self._returned.popleft()]
        return list(self._drawn())

    def _drawn(self) -> Iterator[range]:
        group = self._todo.draw()
        if group is None:
            return
        end = (group.start // self._stretch + 1) * self._stretch
        yield group
        while group.stop < end and (group := self._todo.draw()) is not None:
            yield group
