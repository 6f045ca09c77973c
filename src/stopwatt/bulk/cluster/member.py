"""An outpost as the driver knows it, and all of them."""

from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from stopwatt.bulk.cluster.gathered import Gathered
from stopwatt.bulk.cluster.places import Place, together
from stopwatt.bulk.cluster.sums import all_ceilings, all_counts, of_busiest
from stopwatt.bulk.cluster.words import Ended, News
from stopwatt.bulk.judging.ticks import Counts
from stopwatt.bulk.records import Bottleneck, Ceilings, Layout, Node

if TYPE_CHECKING:
    from stopwatt.bulk.cluster.joined import Joined

MOST_STARTS = 3
"""Outposts of a node that may be lost before it is left alone."""


@dataclass(slots=True, eq=False)
class Member:
    """An outpost.

    Attributes:
        name: Of it, and of no other that lives.
        place: Its node.
        first: Whether it was there from the beginning.
        actor: To call it.
        layout, counts, restarts: As it said last.
        pending: The answer that it owes.
        since: When it was asked for that.
        alive: Whether it has ever answered.
        ready: When it could take images; `None` before.
        images: That it was the first to answer.
        end: How it ended; a sentence where it was lost.
    """

    place: Place
    first: bool
    actor: Any
    layout: Layout
    pending: Any = None
    since: float = 0.0
    alive: bool = False
    ready: float | None = None
    counts: Counts = field(default_factory=Counts)
    images: int = 0
    restarts: int = 0
    end: Ended | str | None = None

    @property
    def name(self) -> str:
        """Of its node."""
        return self.place.name

    @property
    def rate(self) -> float:
        """Images a second since it could take some; 0 while that says nothing."""
        seconds = 0.0 if self.ready is None else monotonic() - self.ready
        return self.images / seconds if seconds > 1 else 0.0

    def ask(self, method: str, *arguments: Any) -> None:
        """Call it."""
        self.pending = getattr(self.actor, method).remote(*arguments)
        self.since = monotonic()

    def hear(self, news: News) -> None:
        """It has spoken."""
        self.layout, self.counts, self.restarts = news.layout, news.counts, news.restarts


class Members:
    """Those that take part, and those that did.

    Args:
        cluster: Where they are.
        gathered: Told of what their instruments say.

    Attributes:
        living: They owe an answer, each of them.
    """

    def __init__(self, cluster: "Joined", gathered: Gathered) -> None:
        self._cluster = cluster
        self._gathered = gathered
        self._served: list[Member] = []  # whoever could take images, in the order in which they could
        self._starts: Counter[str] = Counter()
        self.living: list[Member] = []

    def claim(self, *, first: bool) -> list[Member]:
        """Start an outpost on every node that has none; those that were started."""
        taken = {member.place.node for member in self.living}
        started = []
        for place in self._cluster.places():
            if place.node not in taken and self._starts[place.node] < MOST_STARTS:
                self._starts[place.node] += 1
                started.append(Member(place, first, self._cluster.start(place), self._cluster.layout_of(place)))
                started[-1].ask("code")
        self.living += started
        return started

    def ready(self, member: Member) -> None:
        """One can take images."""
        member.ready = monotonic()
        self._served.append(member)

    def hear(self, member: Member, news: News) -> None:
        """One has spoken."""
        member.hear(news)
        self._gathered.hear(member.name, news.now)

    def part(self, member: Member, end: Ended | str, *, for_ever: bool = False) -> None:
        """One has ended, or is lost.

        Args:
            member: That lived.
            end: How, or why it was lost.
            for_ever: Whether its node is left alone from now on.
        """
        self.living.remove(member)
        self._cluster.end(member.actor)
        member.end = end
        if for_ever:
            self._starts[member.place.node] = MOST_STARTS
        if member.ready is None:
            return
        if isinstance(end, Ended):
            self._gathered.ended(member.name, end.energy)
        else:
            self._gathered.lost(member.name)

    def dismiss(self) -> None:
        """End all that live, at once."""
        for member in self.living:
            self._cluster.end(member.actor)

    @property
    def restarts(self) -> int:
        """Processes that died and were started again, outposts among them."""
        again = len(self._served) - len({member.place.node for member in self._served})
        return again + sum(member.restarts for member in self._served)

    @property
    def layout(self) -> Layout:
        """Of all together that were not lost."""
        kept = [member.layout for member in self._served if not isinstance(member.end, str)]
        return together(kept) if kept else self._cluster.layout

    @property
    def counts(self) -> Counts:
        """Of all together."""
        return all_counts([(one.counts, one.end is None) for one in self._served])

    def nodes(self, seconds: float) -> tuple[Node, ...]:
        """What each did, in the order in which they began.

        Args:
            seconds: Of the run.
        """
        return tuple(
            Node(
                name=member.name,
                layout=member.layout,
                images=member.images,
                images_per_s=member.images / seconds if member.images and seconds > 0 else None,
                by_worker=member.counts.by_worker,
                bottleneck=member.end.bottleneck if isinstance(member.end, Ended) else None,
                lost=member.end if isinstance(member.end, str) else "",
            )
            for member in self._served
        )

    def ceilings(self) -> Ceilings:
        """Of all together."""
        found = {one.name: one.end.ceilings for one in self._served if isinstance(one.end, Ended)}
        return all_ceilings(found, [one.name for one in self._served if isinstance(one.end, str)])

    def diagnosis(self) -> Bottleneck:
        """What held the run back, where most of it was done."""
        return of_busiest(self.nodes(0.0))

    def notes(self) -> tuple[str, ...]:
        """For the record."""
        lost = tuple(f"{one.name} was lost: {one.end}" for one in self._served if isinstance(one.end, str))
        ended = ((one.name, one.end) for one in self._served)
        return lost + tuple(f"{name}: {text}" for name, end in ended if isinstance(end, Ended) for text in end.trouble)
