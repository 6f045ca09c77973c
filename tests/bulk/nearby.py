"""A cluster in this process, whose outposts are objects: what a driver does is tested without Ray."""

from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial

from stopwatt.bulk.cluster.joined import Lost
from stopwatt.bulk.cluster.outpost import Outpost
from stopwatt.bulk.cluster.places import Place, layout_of, together
from stopwatt.bulk.cluster.shares import Shares
from stopwatt.bulk.cluster.words import News, Order


class Together(Shares):
    """Gives nothing to anybody before so many nodes are there, so that none of them comes too late."""

    def __init__(self, *arguments, nodes=2):
        super().__init__(*arguments)
        self.nodes, self.here = nodes, set()

    def came(self, node):
        super().came(node)
        self.here.add(node)

    def give(self, node, most, least):
        return super().give(node, most, least) if len(self.here) >= self.nodes else ()


@dataclass
class Actor:
    """An outpost that is lost when it has brought lines so often."""

    outpost: Outpost
    lives: float
    pool: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, 1))

    def __getattr__(self, method):
        return Call(self, method)


@dataclass
class Call:
    actor: Actor
    method: str

    def remote(self, *arguments):
        future = self.actor.pool.submit(getattr(self.actor.outpost, self.method), *arguments)
        future.actor = self.actor
        return future


class Nearby:
    """Stands in for `Joined`.

    Args:
        names: Of the nodes, one of which appears later if its name begins with "late".
        lives: How often an outpost of a node brings lines before it is lost, a number for each of them in turn.
        outposts: Kinds of outposts that are not the usual one.
    """

    def __init__(self, names, lives=(), outposts=()):
        self._names = names
        self._lives = {name: list(counts) for name, counts in dict(lives).items()}
        self._outposts = dict(outposts)
        self._lost_any = False
        self.started = Counter()
        self.actors = []

    def __call__(self, asked, batch):
        self._asked, self._batch = asked, batch
        self.layout = together([self.layout_of(place) for place in self.places()])
        return self

    def places(self):
        here = [name for name in self._names if self._lost_any or not name.startswith("late")]
        return [Place(name, name, 2, 0) for name in here]

    def layout_of(self, place):
        return layout_of(self._asked, self._batch, place, 1)

    def start(self, place):
        self.started[place.name] += 1
        lives = self._lives.get(place.name, [])
        kind = self._outposts.get(place.name, Outpost)
        self.actors.append(Actor(kind(), lives.pop(0) if lives else float("inf")))
        return self.actors[-1]

    def end(self, actor):
        actor.lives = 0

    def share(self, thing):
        return thing

    def wait(self, pending, wait_s):
        return list(wait(pending, wait_s, FIRST_COMPLETED).done)

    def answer(self, pending):
        answer = pending.result()
        if isinstance(answer, News) and answer.lines:
            pending.actor.lives -= 1
            if pending.actor.lives < 0:
                self._lost_any = True
                raise Lost("somebody pulled the plug")
        return answer

    def close(self):
        """Let the pipelines of the outposts end, which nobody hears any more."""
        for actor in self.actors:
            actor.pool.shutdown()
            while actor.outpost._end is None and actor.outpost._coordinator is not None:
                actor.outpost.exchange(Order(stop=True, close=True))
