"""A run once a second: what its coordinator counts, what its processes use, what meters say, who waits for whom.

The coordinator says what changed (`Ticker.observe`), which costs it microseconds and never waits. A thread beside it
makes a `Tick` of it once a second, appends the tick to `ticks.jsonl`, and shows it to whoever watches: neither a slow
terminal nor a slow disk nor an instrument that hangs keeps an image waiting.

    observe ... observe .... observe .. observe    (coordinator: at every change)
          |--- queue empty ---|                    (summed from change to change, not read off once a second)
    tick                tick                tick   (thread: once a second)
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from stopwatt import wire
from stopwatt.bulk.judging.instruments import Instruments, Now
from stopwatt.bulk.records import Idle, Layout, Stage, Tick
from stopwatt.records import Scalar

EVERY_S = 1.0
MOST = 4096
"""Ticks that are kept in memory; from then on every second one is dropped, as often as it needs. The file has all."""
_NS = 1_000_000_000


class Watching(Protocol):
    """Who is told how a run goes: a terminal, or a test. Ticks come from a thread of their own."""

    def begin(self, images: int, done: int, layout: Layout) -> None:
        """The images are known, and how many of them an earlier part of the run has done."""
        ...

    def say(self, sentence: str) -> None:
        """Something that is worth a line: a step of the tuning, a process that was started again, a ceiling."""
        ...

    def tick(self, tick: Tick) -> None:
        """A second later."""
        ...

    def end(self) -> None:
        """Nothing more will come."""
        ...


class Instrumental(Protocol):
    """What says how much a run uses: `instruments.Instruments`, or those of many machines."""

    def begin(self) -> None:
        """Energy and CPU time count from now."""
        ...

    def read(self) -> Now:
        """What they say now."""
        ...

    def energy(self, images: int) -> dict[str, Scalar | None]:
        """From the beginning to the end, as `Record.energy` has it; after `close`."""
        ...

    def close(self) -> None:
        """End."""
        ...


class Nobody:
    """Watches nothing."""

    def begin(self, images: int, done: int, layout: Layout) -> None:
        """Nothing."""

    def say(self, sentence: str) -> None:
        """Nothing."""

    def tick(self, tick: Tick) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a coordinator knows of its run at a moment; all as in `Tick`."""

    done: int = 0
    failed: int = 0
    by_worker: tuple[int, ...] = ()
    queued: int = 0
    room: int = 0
    idle_workers: int = 0
    idle_decoders: int = 0
    unwritten: int = 0
    stage_s: Mapping[Stage, float] = field(default_factory=dict)


class Waiting:
    """Sums how long who waited for whom, from every change of state to the next.

    Args:
        now_ns: On the monotonic clock.
    """

    def __init__(self, now_ns: int) -> None:
        self._since_ns = now_ns
        self._state = Counts()
        self._idle_s = dict.fromkeys(Idle, 0.0)

    @property
    def state(self) -> Counts:
        """What was said last."""
        return self._state

    def change(self, state: Counts, now_ns: int) -> None:
        """The state from now on."""
        self.until(now_ns)
        self._state = state

    def until(self, now_ns: int) -> Mapping[Idle, float]:
        """Seconds up to now, since the beginning."""
        seconds = max(0, now_ns - self._since_ns) / _NS
        self._since_ns = max(self._since_ns, now_ns)
        if self._state.room and not self._state.queued:
            self._idle_s[Idle.QUEUE_EMPTY] += seconds
        self._idle_s[Idle.WORKERS] += seconds * self._state.idle_workers
        self._idle_s[Idle.DECODERS] += seconds * self._state.idle_decoders
        return dict(self._idle_s)


class Ticker:
    """Makes ticks of a run from now until `close`.

    Args:
        watching: Told of each tick, from a thread.
        file: Where ticks are appended, one JSON object a line; `None` for nowhere.
        device: Whose meters are read: `cpu`, `cuda:1`; empty for all of the machine (`device_of`).
        every_s: Seconds between two ticks.
        instruments: In place of those of the device.
    """

    def __init__(
        self,
        watching: Watching,
        *,
        file: Path | None = None,
        device: str = "",
        every_s: float = EVERY_S,
        instruments: Instrumental | None = None,
    ) -> None:
        self._watching, self._file, self._every_s = watching, file, every_s
        self._instruments = Instruments(device) if instruments is None else instruments
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._waiting = Waiting(time.monotonic_ns())
        self._ticks: list[Tick] = []
        self._settled_ns = 0
        self._every, self._made = 1, 0
        self._trouble: list[str] = []
        self._thread = threading.Thread(target=self._loop, name="ticks", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """It runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def begin(self) -> None:
        """The first image is handed out now: waiting, CPU time and energy count from here.

        What was before it (models that are loaded, ceilings that are measured) belongs to no image.
        """
        self._instruments.begin()
        with self._lock:
            self._waiting = Waiting(time.monotonic_ns())
            self._ticks, self._every, self._made = [], 1, 0
        self.settle()

    def observe(self, counts: Counts) -> None:
        """The state of the run from now on. To be called at every change; never waits."""
        with self._lock:
            self._waiting.change(counts, time.monotonic_ns())

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """All ticks so far, thinned evenly where there are more than `MOST`."""
        return tuple(self._ticks)

    @property
    def settled(self) -> tuple[Tick, ...]:
        """Those since the layout changed last: what a diagnosis is made of."""
        return tuple(tick for tick in self.ticks if tick.at_ns >= self._settled_ns)

    @property
    def trouble(self) -> tuple[str, ...]:
        """What kept ticks from being written or shown; the run went on."""
        return tuple(self._trouble)

    def settle(self) -> None:
        """The layout has changed: what was seen before says nothing about it."""
        self._settled_ns = time.monotonic_ns()

    def energy(self, images: int) -> dict[str, Scalar | None]:
        """Energy from the beginning until it was closed, as `Record.energy` has it.

        Args:
            images: With a result in this part of the run.
        """
        return self._instruments.energy(images)

    def close(self) -> None:
        """Make a last tick and end."""
        if self._thread.is_alive():
            self._stop.set()
            self._thread.join()
            self._tick()
            self._instruments.close()

    def _loop(self) -> None:
        due = time.monotonic() + self._every_s
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self._tick()
            due = max(due + self._every_s, time.monotonic())

    def _tick(self) -> None:
        now = self._instruments.read()
        with self._lock:
            at_ns = time.monotonic_ns()
            idle_s, counts = self._waiting.until(at_ns), self._waiting.state
            said = {one.name: getattr(counts, one.name) for one in fields(counts)}
            tick = Tick(at_ns, **said, cpu_s=now.cpu_s, rss_bytes=now.rss_bytes, readings=now.readings, idle_s=idle_s)
            self._keep(tick)
        self._attempt("ticks.jsonl cannot be written", lambda: self._append(tick))
        self._attempt("the run cannot be shown", lambda: self._watching.tick(tick))

    def _attempt(self, what: str, step: Callable[[], None]) -> None:
        """Whatever fails in a thread that only watches is said once and does not end the run."""
        try:
            step()
        except Exception as error:  # noqa: BLE001  (as its docstring says)
            sentence = f"{what}: {error}"
            if sentence not in self._trouble:
                self._trouble.append(sentence)

    def _keep(self, tick: Tick) -> None:
        self._made += 1
        if self._made % self._every == 0:
            self._ticks.append(tick)
        if len(self._ticks) > MOST:
            self._ticks = self._ticks[::2]
            self._every *= 2

    def _append(self, tick: Tick) -> None:
        if self._file is not None:
            with self._file.open("ab") as file:
                file.write(wire.to_json(tick) + b"\n")
