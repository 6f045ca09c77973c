"""The pipeline of one machine, on a node of a cluster: it does the images that a driver feeds it.

A Ray actor: its calls are the driver's, and a thread of its own is the coordinator. The processes of the pipeline end
with that thread, so with the actor, and the actor ends with its driver or when the driver is done with it.
"""

import os
from collections import deque
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING

from stopwatt.bulk.cluster.code import code_digest
from stopwatt.bulk.cluster.outbox import Outbox
from stopwatt.bulk.cluster.samples import differs
from stopwatt.bulk.cluster.words import Ended, News, Order, Question, Seen, Task
from stopwatt.bulk.judging.instruments import Now, device_of
from stopwatt.bulk.judging.oversight import Oversight
from stopwatt.bulk.judging.ticks import Counts, Nobody, Ticker
from stopwatt.bulk.keeping.identity import choose, threaded
from stopwatt.bulk.pipeline.coordinator import Coordinator
from stopwatt.bulk.pipeline.crew import Crew
from stopwatt.bulk.pipeline.groups import Refused
from stopwatt.bulk.pipeline.job import Job
from stopwatt.bulk.pipeline.schedule import Fed
from stopwatt.bulk.pipeline.stand import Stand
from stopwatt.bulk.records import Layout, Tick
from stopwatt.errors import ExitCode, StopwattError
from stopwatt.images.items import Items
from stopwatt.packing.opened import open_pack
from stopwatt.records import digest
from stopwatt.store.atomic import replacing
from stopwatt.sweeping import cache

if TYPE_CHECKING:
    from stopwatt.bulk.pipeline.serve import Load

WAIT_S = 0.25
"""A driver with whom there is nothing to share hears so after this."""


class Outpost:
    """Does what it is told, as `words` has it."""

    def __init__(self) -> None:
        self._outbox = Outbox()
        self._relay = _Relay()
        self._fed = Fed(1)
        self._lock = Lock()
        self._crew: Crew | None = None
        self._coordinator: Coordinator | None = None
        self._end: Ended | Refused | None = None
        self._layout = Layout(0, 0, (), 0, 0, 0)

    def code(self) -> str:
        """Which stopwatt this is."""
        return code_digest()

    def look(self, question: Question) -> Seen | Refused:
        """Whether this node sees what the driver sees."""
        with suppress(OSError):  # only a relative path of a model needs it
            os.chdir(question.folder)
        for sample in question.samples:
            refused = differs(sample)
            if refused is not None:
                return refused
        return Seen(not question.pack or _seal_of(question.pack) == question.seal)

    def begin(self, task: Task, items: Items, pack: bytes | None) -> Refused | None:
        """Start the pipeline.

        Args:
            task: What to do.
            items: All images of the run.
            pack: Content of the model's pack, where this node does not see it.
        """
        try:
            load = load_of(task, pack)
        except StopwattError as error:
            return _refused(error)
        self._layout = task.layout
        Thread(target=self._guarded, args=(task, items, load), name="coordinator", daemon=True).start()
        return None

    def exchange(self, order: Order) -> News:
        """Take what is new, and say what is."""
        self._fed.feed(order.groups)
        if order.close:
            self._fed.close()
        with self._lock:
            if self._coordinator is not None and self._crew is not None:
                self._coordinator.hopeful |= order.hopeful
                if order.stop and not self._coordinator.stops:
                    self._coordinator.stop()
                self._crew.wake()
        return self._news()

    def _news(self) -> News:
        lines = self._outbox.take(WAIT_S)
        end = None if self._outbox.unwritten else self._end
        coordinator, relay = self._coordinator, self._relay
        return News(
            lines=lines,
            said=relay.take(),
            layout=self._layout if coordinator is None else coordinator.layout,
            counts=relay.counts,
            now=relay.now,
            restarts=0 if coordinator is None else coordinator.restarts,
            contract=coordinator.contract if coordinator is not None and relay.ready else None,
            end=end,
        )

    def _guarded(self, task: Task, items: Items, load: "Load") -> None:
        try:
            self._end = self._run(task, items, load)
        except StopwattError as error:
            self._end = _refused(error)
        except Exception as error:  # noqa: BLE001  (a thread that ends silently would leave the driver waiting)
            what = f"the pipeline of a node failed: {type(error).__name__}: {error}"
            self._end = Refused(what, "", "report this: it is a fault of stopwatt", ExitCode.PARTLY_FAILED)
        finally:
            self._outbox.end()

    def _run(self, task: Task, items: Items, load: "Load") -> Ended:
        asked, relay = task.asked, self._relay
        job = Job(
            items, bytearray(len(items)), load, task.layout, asked.queue is None, asked.auto, asked.timeout_s, self._fed
        )  # fmt: skip
        with Ticker(relay, device=device_of(task.layout.devices)) as ticker, Crew() as crew:
            overseer = _Overseer(task, ticker, relay)
            coordinator = Coordinator(job, crew, self._outbox, overseer)
            with self._lock:
                self._coordinator, self._crew = coordinator, crew
            try:
                coordinator.run()
                self._outbox.flush()
            finally:
                with self._lock:  # from here on nobody may wake it
                    self._crew = None
        diagnosis = overseer.diagnosis(coordinator.layout)
        return Ended(overseer.ceilings, diagnosis, ticker.energy(coordinator.done), ticker.trouble)


class _Relay(Nobody):
    """Keeps for the driver what a person would be told.

    Attributes:
        counts: Of the pipeline, as they are.
        now: What instruments said last.
        ready: Whether images may come.
    """

    def __init__(self) -> None:
        self._said: deque[str] = deque()
        self.counts = Counts()
        self.now: Now | None = None
        self.ready = False

    def say(self, sentence: str) -> None:
        """For the driver."""
        self._said.append(sentence)

    def tick(self, tick: Tick) -> None:
        """What instruments say."""
        self.now = Now(tick.cpu_s, tick.rss_bytes, tick.readings)

    def take(self) -> tuple[str, ...]:
        """What was said since it was last taken."""
        return tuple(self._said.popleft() for _ in range(len(self._said)))


class _Overseer(Oversight):
    """Looks on as at home, and lets the driver know."""

    def __init__(self, task: Task, ticker: Ticker, relay: _Relay) -> None:
        super().__init__(task.asked, ticker, relay, task.left)
        self._relay = relay

    def observe(self, counts: Counts) -> None:
        """Into the ticks, and to the driver."""
        self._relay.counts = counts
        super().observe(counts)

    def prepare(self, stand: Stand) -> Layout | None:
        """Measure the ceilings; images may come from then on."""
        layout = super().prepare(stand)
        self._relay.ready = True
        return layout


def _seal_of(path: str) -> str:
    """Of a pack; empty where there is none that can be read."""
    try:
        return open_pack(path).identity
    except StopwattError:
        return ""


def load_of(task: Task, pack: bytes | None) -> "Load":
    """What to load here: the same model, on the same software.

    Raises:
        StopwattError: The model is not there, or it is another.
    """
    path = task.load.pack if pack is None else str(_kept(pack, task.model))
    asked = replace(task.asked, model=replace(task.asked.model, source=path)) if path else task.asked
    chosen = choose(asked, task.load.setup.batch)
    for name, here, wanted in (("model", chosen.identity, task.model), ("software", chosen.software, task.software)):
        if here != wanted:
            raise StopwattError(
                f"a node has another {name} than the driver",
                when=f"{here} there, {wanted} here",
                now="install the same versions and the same model on all nodes",
            )
    return threaded(replace(task.load, pack=path), task.layout.threads)


def _kept(pack: bytes, identity: str) -> Path:
    """A pack that came over the network, as a file; its seal is checked by whoever opens it.

    Raises:
        StopwattError: It cannot be written.
    """
    folder = cache.root() / "packs" / f"sent-{digest(identity)}"  # nodes may have one home, and one cache, together
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "model.swpack"
    with replacing(path, overwrite=True) as file:
        file.write(pack)
    return path


def _refused(error: StopwattError) -> Refused:
    return Refused(error.what, error.when, error.now, error.exit_code)
