"""A run as stations with servers: how busy each was, and what it could do at most if it never had to wait.

Operational analysis (Denning and Buzen 1978, "The operational analysis of queueing network models"): in a time T in
which N images went through, a station with m servers that were busy for B server-seconds needs B / N of them for an
image, so nothing makes it do more than `m N / B` images a second without changing the station. The smallest such bound
of all stations bounds the run, whatever the times of single images look like and however long the queue is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stopwatt.bulk.judging.instruments import FOREIGN
from stopwatt.bulk.records import Idle, Layout, Stage, Tick

_NS = 1e9
_BLOCKS = 20
"""At most so many parts of a time are compared with each other; neighbouring ticks are alike."""


@dataclass(frozen=True, slots=True)
class Station:
    """Processes that do the same.

    Attributes:
        name: `decode`, `model` or `write`.
        servers: How many.
        busy: Share of the time in which they had something to do, on average.
        parts: The same in successive parts of the time.
        rate: Images a second that they did: while a queue fills, decoders do more than come out at the end.
    """

    name: str
    servers: int
    busy: float
    parts: tuple[float, ...]
    rate: float

    @property
    def bound(self) -> float:
        """Images a second that they can do at most; without a limit where none came out: nothing was seen of one."""
        return self.rate / self.busy if self.busy and self.rate else float("inf")

    def load(self, rate: float) -> float:
        """Share of the time in which it would be busy if the run went on at this rate; above 1 if it could not.

        Other than `busy`, it does not count what fills the queue, or what a queue that becomes empty lends.
        """
        return rate / self.bound


@dataclass(frozen=True, slots=True)
class Seen:
    """What ticks come to.

    Attributes:
        seconds: From the first to the last.
        images: That went through, failed ones included.
        stations: Those that the layout has.
        queue_empty: Share of the time without a waiting image; `None` without a queue.
        stage_s: Seconds of work in the time.
        cores: CPU seconds a second; `None` where they were not read.
        gpu: Mean share of time in which a kernel ran on the GPUs; `None` without a reading.
        unwritten: Results that waited for the writer, on average.
        foreign: Cores that other programs used; `None` where nobody says.
    """

    seconds: float
    images: int
    stations: tuple[Station, ...]
    queue_empty: float | None
    stage_s: Mapping[Stage, float]
    cores: float | None
    gpu: float | None
    unwritten: float
    foreign: float | None = None

    @property
    def rate(self) -> float:
        """Images a second."""
        return self.images / self.seconds

    def spent(self, *stages: Stage) -> float:
        """Seconds of work."""
        return sum(self.stage_s.get(stage, 0.0) for stage in stages)

    def busy(self, name: str) -> float:
        """Of a station; 0 for one that the layout does not have."""
        return next((one.busy for one in self.stations if one.name == name), 0.0)


def seen(ticks: Sequence[Tick], layout: Layout) -> Seen | None:
    """What ticks come to, all of one layout; `None` where nothing happened in them.

    What was before the first image and in the last second, in which decoders have nothing left to do, does not count.

    Args:
        ticks: In order.
        layout: Of all of them.
    """
    kept = _steady(ticks)
    if len(kept) < 2 or _through(kept[-1]) <= _through(kept[0]):  # noqa: PLR2004  (a difference)
        return None
    first, last = kept[0], kept[-1]
    seconds = (last.at_ns - first.at_ns) / _NS
    stage_s = {stage: last.stage_s.get(stage, 0.0) - first.stage_s.get(stage, 0.0) for stage in Stage}
    gpus = [value for tick in kept for name, value in tick.readings.items() if name.endswith(".utilisation")]
    counted = first.cpu_s is not None and last.cpu_s is not None
    return Seen(
        seconds=seconds,
        images=_through(last) - _through(first),
        stations=tuple(_stations(kept, layout)),
        queue_empty=_grown(first, last, Idle.QUEUE_EMPTY) / seconds if layout.queue else None,
        stage_s=stage_s,
        cores=((last.cpu_s or 0.0) - (first.cpu_s or 0.0)) / seconds if counted else None,
        gpu=_mean([value / 100 for value in gpus]),
        unwritten=float(np.mean([tick.unwritten for tick in kept])),
        foreign=_mean([tick.readings[FOREIGN] for tick in kept if FOREIGN in tick.readings]),
    )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def begun(ticks: Sequence[Tick]) -> Sequence[Tick]:
    """Those behind the first image."""
    return [tick for tick in ticks if _through(tick)]


def _steady(ticks: Sequence[Tick]) -> Sequence[Tick]:
    kept = begun(ticks)
    return kept[:-2] if len(kept) > 4 else kept  # noqa: PLR2004  (half of them is too much to leave out)


def _through(tick: Tick) -> int:
    return tick.done + tick.failed


def _grown(first: Tick, last: Tick, who: Idle) -> float:
    return last.idle_s.get(who, 0.0) - first.idle_s.get(who, 0.0)


def _stations(ticks: Sequence[Tick], layout: Layout) -> list[Station]:
    lanes = max(len(ticks[-1].by_worker), 1)
    found = [_station("model", lanes, ticks, Idle.WORKERS)]
    if layout.queue:
        found.insert(0, _station("decode", max(layout.decoders, 1), ticks, Idle.DECODERS))
    return [*found, _writer(ticks)]


def _station(name: str, servers: int, ticks: Sequence[Tick], who: Idle) -> Station:
    """One whose waiting was counted."""

    def busy(first: Tick, last: Tick) -> float:
        server_s = servers * (last.at_ns - first.at_ns) / _NS
        return min(1.0, max(0.0, 1 - _grown(first, last, who) / server_s))

    ends = (ticks[0], ticks[-1])
    images = _through(ends[1]) - _through(ends[0])
    if who is Idle.DECODERS:
        images += ends[1].queued - ends[0].queued
    return Station(name, servers, busy(*ends), tuple(busy(*ends) for ends in _blocks(ticks)), _rate(images, ends))


def _writer(ticks: Sequence[Tick]) -> Station:
    """A thread of which only the work is counted."""

    def busy(first: Tick, last: Tick) -> float:
        worked = last.stage_s.get(Stage.WRITE, 0.0) - first.stage_s.get(Stage.WRITE, 0.0)
        return min(1.0, worked / ((last.at_ns - first.at_ns) / _NS))

    ends = (ticks[0], ticks[-1])
    images = _through(ends[1]) - _through(ends[0]) - (ends[1].unwritten - ends[0].unwritten)
    return Station("write", 1, busy(*ends), tuple(busy(*ends) for ends in _blocks(ticks)), _rate(images, ends))


def _rate(images: int, ends: tuple[Tick, Tick]) -> float:
    return max(images, 0) / ((ends[1].at_ns - ends[0].at_ns) / _NS)


def _blocks(ticks: Sequence[Tick]) -> list[tuple[Tick, Tick]]:
    places = np.unique(np.linspace(0, len(ticks) - 1, min(len(ticks), _BLOCKS + 1)).round().astype(int))
    return [(ticks[first], ticks[last]) for first, last in pairwise(places.tolist())]
