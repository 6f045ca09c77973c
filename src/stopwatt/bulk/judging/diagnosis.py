"""What holds a run back, with the evidence, and what a change is worth at most. Pure.

The bottleneck is the station that waits least: decoders wait where the queue is full, model workers where no image is
ready, and the one that never waits is what the others wait for. Two stations that differ by less than chance does make
a tie, and a run in which all of them waited has no bottleneck among them: there the queue is too short for how much
their times vary. `bounds` has what changes are worth, `verdicts` the sentences.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stopwatt.bulk.judging import verdicts
from stopwatt.bulk.judging.bounds import Bounds
from stopwatt.bulk.judging.stations import Seen, Station, seen
from stopwatt.bulk.records import Bottleneck, Ceilings, Layout, Tick
from stopwatt.text import counted
from stopwatt.units import exact, quantity

_SIGMAS = 2.0
IDLE = 0.75
"""A run whose busiest station had work for less of the time is held back by none of them."""
FOREIGN_SHARE = 0.1
"""Of the cores, what other programs may use before it is said."""
_LEAST_S = 2.0
_LEAST_IMAGES = 20
_SLOWEST = {"decode": verdicts.decode_bound, "model": verdicts.model_bound, "write": verdicts.write_bound}
"""What to say where a station is slower than all others."""


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
        within = f": {counted(found.images, 'image')} in {quantity(found.seconds, 's')}" if found else ""
        return Bottleneck(verdicts.NONE, f"too little to say what held the run back{within}")
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


def _named(found: Seen, layout: Layout, bounds: Bounds) -> Bottleneck:
    if not layout.queue:
        return verdicts.without_queue(found, bounds)
    first, second = sorted(found.stations, key=lambda one: one.bound)[:2]
    if first.load(found.rate) < IDLE:
        return verdicts.nobody_busy(found, layout, bounds)
    if _tied(first, second, found.rate):
        return verdicts.balanced(first, second, bounds)
    return _SLOWEST[first.name](found, layout, bounds)


def _tied(first: Station, second: Station, rate: float) -> bool:
    """Whether two loads differ by no more than the parts of the time let expect."""
    both = min(len(first.parts), len(second.parts))
    apart = np.subtract(first.parts[:both], second.parts[:both])
    error = float(apart.std(ddof=1)) / math.sqrt(both) if both > 1 else 0.0
    return first.load(rate) - second.load(rate) < max(verdicts.TIE, _SIGMAS * error)
