"""What follows from a record: the time of each stage, the rate of each worker, the ceiling that binds. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stopwatt.bulk.judging.stations import begun
from stopwatt.bulk.records import Ceilings, Layout, Record, Stage, Tick

CEILINGS: Mapping[str, str] = {
    "model": "the model alone",
    "decode": "decoding alone",
    "storage": "reading the files alone",
    "together": "decoding and model on shared cores",
}
"""Names of ceilings in a document, and as people read them."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One of those that run the model.

    Attributes:
        device: On which.
        images: That it did.
        images_per_s: `None` where it did nothing.
    """

    device: str
    images: int
    images_per_s: float | None


def stages(ticks: Sequence[Tick]) -> dict[Stage, float]:
    """Mean seconds of an image in each stage, of those whose time was counted.

    The time in the queue is the mean number of images in it over images a second (Little 1961).
    """
    seen = begun(ticks)
    if not seen:
        return {}
    first, last = seen[0], seen[-1]
    found = {stage: spent / (last.done + last.failed) for stage, spent in last.stage_s.items()}
    found.pop(Stage.WAIT, None)
    images = last.done + last.failed - first.done - first.failed
    if last.room and images > 0:
        seconds = (last.at_ns - first.at_ns) / 1e9
        found[Stage.WAIT] = float(np.mean([tick.queued for tick in seen])) * seconds / images
    return {stage: found[stage] for stage in Stage if stage in found}


def workers(record: Record) -> tuple[Worker, ...]:
    """Each lane of the model, over all of this part of the run."""
    if not record.ticks:
        return ()
    counts, seconds = record.ticks[-1].by_worker, record.seconds
    devices = record.layout.devices
    return tuple(
        Worker(devices[place % len(devices)], images, images / seconds if images and seconds > 0 else None)
        for place, images in enumerate(counts)
    )


def readings(ticks: Sequence[Tick]) -> dict[str, float]:
    """Mean of what meters said while images went through, by instrument and channel."""
    found: dict[str, list[float]] = {}
    for tick in begun(ticks):
        for name, value in tick.readings.items():
            found.setdefault(name, []).append(value)
    return {name: float(np.mean(values)) for name, values in sorted(found.items())}


def mean_cores(ticks: Sequence[Tick]) -> float | None:
    """CPU seconds a second of all processes of the run; `None` where they were not read."""
    counted = [(tick.at_ns, tick.cpu_s) for tick in begun(ticks) if tick.cpu_s is not None]
    if len(counted) < 2 or counted[-1][0] == counted[0][0]:  # noqa: PLR2004  (a difference)
        return None
    return (counted[-1][1] - counted[0][1]) / ((counted[-1][0] - counted[0][0]) / 1e9)


def peak_memory(ticks: Sequence[Tick]) -> int | None:
    """Most resident memory of all processes of the run, in bytes."""
    return max((tick.rss_bytes for tick in ticks if tick.rss_bytes is not None), default=None)


def rates(ceilings: Ceilings) -> dict[str, float]:
    """Ceilings that were measured, by name of `CEILINGS`."""
    found = {name: getattr(ceilings, name) for name in CEILINGS}
    return {name: rate for name, rate in found.items() if rate is not None}


def binding(ceilings: Ceilings, layout: Layout) -> str | None:
    """The smallest of those that hold for a layout; `None` where there is none."""
    measured = {name: rate for name, rate in rates(ceilings).items() if ceilings.holds(name, layout)}
    return min(measured, key=lambda name: measured[name]) if measured else None


def thinned(ticks: Sequence[Tick], most: int) -> tuple[Tick, ...]:
    """At most so many, the first and the last among them."""
    if len(ticks) <= most:
        return tuple(ticks)
    places = np.linspace(0, len(ticks) - 1, most).round().astype(int)
    return tuple(ticks[place] for place in places.tolist())
