"""What holds a run back, with the evidence, and what a change is worth at most. Pure.

The bottleneck is the station that waits least: decoders wait where the queue is full, model workers where no image is
ready, and the one that never waits is what the others wait for. A change of one station leaves the bounds of all others
(`stations`), so that the smallest of them bounds what the change can bring; that the run comes near it is not promised.
Two stations that differ by less than chance does make a tie, and a run in which all of them waited has no bottleneck
among them: there the queue is too short for how much their times vary.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stopwatt.bulk.records import Bottleneck, Ceilings, Layout, Stage, Tick
from stopwatt.bulk.stations import Seen, Station, seen
from stopwatt.text import counted
from stopwatt.units import exact, percent, quantity, ratio

NONE = "none"
TIE = 0.03
"""Shares of time that differ by less are alike, however many seconds were seen."""
_SIGMAS = 2.0
IDLE = 0.75
"""A run whose busiest station had work for less of the time is held back by none of them."""
WORTH = 1.05
"""Less than that is called nothing: it is within what two runs of the same layout differ by."""
FOREIGN_SHARE = 0.1
"""Of the cores, what other programs may use before it is said."""
_LEAST_S = 2.0
_LEAST_IMAGES = 20
_ROUNDING = 0.02
"""Of a server, what is not worth another one."""
_MOST_TIMES = 4
"""More of what there is are not proposed at once: that far from what was seen, bounds are loose."""
_COARSE = 0.2


@dataclass(frozen=True, slots=True)
class Worth:
    """What a change is worth at most.

    Attributes:
        times: New images a second over the old ones, at most; 1 or more.
        limit: What is in the way then: a name of `LIMITS`.
    """

    times: float
    limit: str


LIMITS: Mapping[str, str] = {
    "decode": "decoding",
    "model": "the model",
    "write": "the writer",
    "storage": "reading the files",
    "cores": "the cores",
    "gpu": "the GPU",
}
"""What can bound a run, as people read it."""


def diagnose(ticks: Sequence[Tick], layout: Layout, ceilings: Ceilings, cores: float) -> Bottleneck:
    """Name what holds a run back.

    Args:
        ticks: In order, all of this layout.
        layout: Of the run.
        ceilings: Of this machine, as far as they were measured.
        cores: CPU time a second that the run may use.
    """
    found = seen(ticks, layout)
    if found is None or not _is_enough(found):
        images = counted(found.images if found else 0, "image")
        within = f" in {quantity(found.seconds, 's')}" if found else ""
        return Bottleneck(NONE, f"too little to say what held the run back: {images}{within}")
    verdict = _named(found, layout, Bounds(found, layout, ceilings, cores))
    others = _others(found, cores)
    return replace(verdict, sentence=verdict.sentence + others)


def enough(ticks: Sequence[Tick], layout: Layout) -> bool:
    """Whether ticks, all of one layout, are enough for a diagnosis."""
    found = seen(ticks, layout)
    return found is not None and _is_enough(found)


def _is_enough(found: Seen) -> bool:
    return found.seconds >= _LEAST_S and found.images >= _LEAST_IMAGES


def _others(found: Seen, cores: float) -> str:
    if found.foreign is None or found.foreign < FOREIGN_SHARE * cores:
        return ""
    return f"; other programs used {found.foreign:.1f} of the {exact(cores, '1')} cores"


def _named(found: Seen, layout: Layout, bounds: "Bounds") -> Bottleneck:
    if not layout.queue:
        return _without_queue(found, bounds)
    first, second = sorted(found.stations, key=lambda one: one.bound)[:2]
    if first.load(found.rate) < IDLE:
        return _nobody(found, layout, bounds)
    if _tied(first, second, found.rate):
        return _both(first, second, bounds)
    return {"decode": _decode, "model": _model, "write": _write}[first.name](found, layout, bounds)


class Bounds:
    """What a run can reach at most, by what would be in the way.

    Args:
        found: What was seen.
        layout: Of the run.
        ceilings: Of this machine.
        cores: CPU time a second that the run may use.
    """

    def __init__(self, found: Seen, layout: Layout, ceilings: Ceilings, cores: float) -> None:
        self.found, self.layout, self.ceilings = found, layout, ceilings
        self.cores = cores
        self.cores_busy = None if found.cores is None else min(1.0, found.cores / cores)

    def worth(self, **more: float) -> Worth:
        """What it is worth to let stations do so many times as much.

        Args:
            more: Name of the station -> factor of what it can do; `inf` where it is no limit any more. What is not
                named stays as it is.
        """
        bounds = dict(self._all(more))
        limit = min(bounds, key=lambda name: bounds[name])
        return Worth(max(1.0, bounds[limit] / self.found.rate), limit)

    def needed(self, name: str, servers: int) -> int:
        """Servers that a station needs beside those that it has before something else is in the way; at least 1."""
        target = self.found.rate * self.worth(**{name: math.inf}).times
        bound = next(one.bound for one in self.found.stations if one.name == name)
        enough = math.ceil(servers * target / bound - _ROUNDING)
        return max(1, min(enough - servers, _MOST_TIMES * servers, self._free_cores(name)))

    def _free_cores(self, name: str) -> int:
        """Servers for which there is a core that nobody of the run wants, whatever other programs take of it."""
        layout, found = self.layout, self.found
        threads = layout.threads if "cpu" in layout.devices else 0
        reading = found.spent(Stage.READ) / max(found.spent(Stage.READ, Stage.DECODE), 1e-9)
        wanted = layout.decoders * found.busy("decode") * (1 - reading)
        wanted += layout.workers * threads * found.busy("model")
        each = max(threads, _ROUNDING) if name == "model" else max(1 - reading, _ROUNDING)
        return math.ceil((self.cores - wanted) / each - _ROUNDING)

    def _all(self, more: Mapping[str, float]) -> Iterator[tuple[str, float]]:
        rate, ceilings = self.found.rate, self.ceilings
        for station in self.found.stations:
            yield station.name, max(rate, station.bound * more.get(station.name, 1.0))
        if ceilings.storage is not None:
            yield "storage", max(rate, ceilings.storage)
        if ceilings.together is not None:  # of processes that do not wait, some of which spin while they do
            yield "cores", max(rate, ceilings.together)
        elif self.cores_busy:
            yield "cores", rate / self.cores_busy
        if self.found.gpu and "model" in more:
            yield "gpu", rate / min(1.0, self.found.gpu)


def _tied(first: Station, second: Station, rate: float) -> bool:
    """Whether two loads differ by no more than the parts of the time let expect."""
    both = min(len(first.parts), len(second.parts))
    apart = np.subtract(first.parts[:both], second.parts[:both])
    error = float(apart.std(ddof=1)) / math.sqrt(both) if both > 1 else 0.0
    return first.load(rate) - second.load(rate) < max(TIE, _SIGMAS * error)


def _decode(found: Seen, layout: Layout, bounds: Bounds) -> Bottleneck:
    reading, decoding = found.spent(Stage.READ), found.spent(Stage.DECODE)
    share = reading / (reading + decoding) if reading + decoding else 0.0
    empty = percent(round(found.queue_empty or 0.0, 3))
    waited = percent(round(1 - found.busy("model"), 3))
    evidence = f"the model waited {waited} of the time for images, the queue was empty {empty} of it"
    more = bounds.needed("decode", layout.decoders)
    worth = bounds.worth(decode=1 + more / layout.decoders)
    remedy = _advice(more, "more decoder", worth, found, bounds)
    if share <= 0.5:  # noqa: PLR2004  (the larger part)
        return Bottleneck("decode", f"decode-bound: {evidence}{_against(found, bounds, 'decode')}", remedy)
    spent = f"decoders spent {percent(round(share, 3))} of their work on reading files"
    faster = bounds.worth(decode=math.inf if share == 1 else 1 / (1 - share), storage=math.inf)
    return Bottleneck(
        "storage",
        f"storage-bound: {evidence}, and {spent}{_against(found, bounds, 'storage')}",
        f"{remedy}; files that are read in no time are worth up to {at_most(faster.times)}",
    )


def _model(found: Seen, layout: Layout, bounds: Bounds) -> Bottleneck:
    busy, waited = percent(round(found.busy("model"), 3)), percent(round(1 - found.busy("decode"), 3))
    gpu = f", the GPU had a kernel {percent(round(found.gpu, 3))} of it" if found.gpu is not None else ""
    evidence = f"model-bound: the model was busy {busy} of the time, decoders waited {waited} of it{gpu}"
    workers = max(layout.workers, 1)
    more = bounds.needed("model", workers)
    worth = bounds.worth(model=1 + more / workers)
    remedy = _advice(more, "more worker", worth, found, bounds)
    faster = bounds.worth(model=math.inf)
    if worth.times < WORTH <= faster.times and worth.limit != "cores":
        remedy += f"; a faster model (backend, precision) up to {at_most(faster.times)}"
    return Bottleneck("model", evidence + _against(found, bounds, "model"), remedy)


def _write(found: Seen, _: Layout, bounds: Bounds) -> Bottleneck:
    busy, waiting = percent(round(found.busy("write"), 3)), counted(round(found.unwritten), "result")
    worth = bounds.worth(write=math.inf)
    return Bottleneck(
        "write",
        f"write-bound: the writer was busy {busy} of the time, {waiting} waited for it on average",
        f"a faster disk, or fewer and smaller results, are worth up to {at_most(worth.times)}",
    )


def _both(first: Station, second: Station, bounds: Bounds) -> Bottleneck:
    names = f"{LIMITS[first.name]} was busy {percent(round(first.busy, 3))} of the time"
    names += (
        f" and {LIMITS[second.name]} {percent(round(second.busy, 3))}: no difference that could be told from chance"
    )
    worth = bounds.worth(**{first.name: math.inf, second.name: math.inf})
    if worth.limit == "cores" and worth.times < WORTH:
        remedy = _full(bounds)
    else:
        remedy = f"only more of both is worth anything, up to {at_most(worth.times)}"
    return Bottleneck(NONE, f"balanced: {names}", remedy)


def _nobody(found: Seen, layout: Layout, bounds: Bounds) -> Bottleneck:
    parts = ", ".join(f"{LIMITS[one.name]} {percent(round(one.busy, 3))}" for one in found.stations)
    worth = bounds.worth()
    return Bottleneck(
        NONE,
        f"nobody was busy all the time: {parts}",
        f"a longer queue (it has {counted(layout.queue, 'place')}) is worth up to {at_most(worth.times)}",
    )


def _without_queue(found: Seen, bounds: Bounds) -> Bottleneck:
    """Each worker reads and decodes for itself: what it spends most of its time on."""
    spent = {
        "storage": found.spent(Stage.READ),
        "decode": found.spent(Stage.DECODE),
        "model": found.spent(Stage.MODEL, Stage.POSTPROCESS),
    }
    whole = sum(spent.values())
    if not whole:
        return Bottleneck(NONE, "the times of the stages were not counted")
    name, next_one = sorted(spent, key=lambda one: -spent[one])[:2]
    shares = {one: percent(round(seconds / whole, 3)) for one, seconds in spent.items()}
    said = f"without a queue, workers spent {shares[name]} of their work on {LIMITS[name]}"
    alone = bounds.worth(model=whole / spent["model"] if spent["model"] else math.inf)
    remedy = f"decoders with a queue (--queue) are worth up to {at_most(alone.times)}"
    if alone.times < WORTH:
        remedy = f"decoders with a queue are worth nothing here{_because(alone, bounds)}"
    if (spent[name] - spent[next_one]) / whole < TIE:
        return Bottleneck(NONE, f"balanced: {said} and {shares[next_one]} on {LIMITS[next_one]}", remedy)
    return Bottleneck(name, f"{name}-bound: {said}", remedy)


def _advice(number: int, what: str, worth: Worth, found: Seen, bounds: Bounds) -> str:
    """`4 more decoders are worth up to 1.9 x, then the model is in the way`."""
    if worth.times < WORTH:
        queue = 1 / max(one.busy for one in found.stations)
        longer = f"; a longer queue up to {at_most(queue)}" if queue >= WORTH else ""
        return f"{what}s are worth nothing{_because(worth, bounds)}{longer}"
    verb = "is" if number == 1 else "are"
    then = f"then {LIMITS[worth.limit]} would be in the way"
    return f"{counted(number, what)} {verb} worth up to {at_most(worth.times)}, {then}"


def _because(worth: Worth, bounds: Bounds) -> str:
    if worth.limit == "cores":
        return f": {_full(bounds)}"
    return f": {LIMITS[worth.limit]} would be in the way"


def _full(bounds: Bounds) -> str:
    if bounds.ceilings.together is None and bounds.cores_busy is not None:
        return f"the cores were busy {percent(round(bounds.cores_busy, 3))} of the time"
    return "the cores are shared by decoding and the model, and do no more"


def at_most(times: float) -> str:
    """`1.9 x`: of a bound, no more digits than it deserves."""
    return ratio(times, half_width=_COARSE)


def _against(found: Seen, bounds: Bounds, name: str) -> str:
    """How near the run came to the ceiling of what holds it back."""
    ceiling: float | None = getattr(bounds.ceilings, name)
    if not ceiling or not bounds.ceilings.holds(name, bounds.layout):
        return ""
    return f"; {percent(round(found.rate / ceiling, 2))} of the {name} ceiling"
