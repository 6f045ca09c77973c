"""What a run can reach at most, by what would be in the way, and so what a change is worth at most. Pure.

A change of one station leaves the bounds of all others (`stations`), so that the smallest of them bounds what the
change can bring; that the run comes near it is not promised.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stopwatt.bulk.judging.stations import Seen
from stopwatt.bulk.records import Ceilings, Layout, Stage
from stopwatt.units import ratio

WORTH = 1.05
"""Less than that is called nothing: it is within what two runs of the same layout differ by."""
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


def at_most(times: float) -> str:
    """`1.9 x`: of a bound, no more digits than it deserves."""
    return ratio(times, half_width=_COARSE)
