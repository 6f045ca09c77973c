"""Loads whose energy is known exactly at every moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Load(Protocol):
    """Power over time, by its integral."""

    def joules(self, seconds: Floats) -> Floats:
        """Energy used from 0 to each moment, exactly."""
        ...


@dataclass(frozen=True)
class Pieces:
    """Constant power between given moments.

    Attributes:
        edges: Rising moments, the first of them 0.
        watts: From each of them on.
    """

    edges: Sequence[float]
    watts: Sequence[float]

    def joules(self, seconds: Floats) -> Floats:
        """Energy used from 0 to each moment."""
        edges, watts = np.asarray(self.edges), np.asarray(self.watts)
        before = np.append(0.0, np.cumsum(np.diff(edges) * watts[:-1]))
        piece = np.clip(np.searchsorted(edges, seconds, side="right") - 1, 0, None)
        found: Floats = before[piece] + (seconds - edges[piece]) * watts[piece]
        return found


@dataclass(frozen=True)
class Cycle:
    """High and low power in turn, for ever.

    Attributes:
        period_s: Of one turn.
        share: Of it with high power.
        high, low: Watts.
        phase_s: Where in a turn the time begins.
    """

    period_s: float
    share: float = 0.5
    high: float = 500.0
    low: float = 100.0
    phase_s: float = 0.0

    def joules(self, seconds: Floats) -> Floats:
        """Energy used from 0 to each moment."""
        return self._since(seconds + self.phase_s) - self._since(np.array(self.phase_s))

    def _since(self, seconds: Floats) -> Floats:
        whole = np.floor(seconds / self.period_s)
        rest, on = seconds - whole * self.period_s, self.share * self.period_s
        turn = on * self.high + (self.period_s - on) * self.low
        found: Floats = whole * turn + np.minimum(rest, on) * self.high + np.maximum(rest - on, 0.0) * self.low
        return found


@dataclass(frozen=True)
class Settling:
    """Power that nears a level, as a warming chip's leakage does.

    Attributes:
        level: Watts in the end.
        extra: Watts more than that at 0 (negative for less).
        time_s: In which the difference falls to 1/e.
    """

    level: float
    extra: float
    time_s: float

    def joules(self, seconds: Floats) -> Floats:
        """Energy used from 0 to each moment."""
        return self.level * seconds + self.extra * self.time_s * (1 - np.exp(-seconds / self.time_s))


@dataclass(frozen=True)
class Run:
    """A machine alone, a ready process, a load, and the ready process again.

    Attributes:
        begin, end: When the load begins and ends.
        load: What it uses meanwhile.
        idle, ready: Watts before the process starts, and with it but without a call.
        starts: When the process starts.
    """

    begin: float
    end: float
    load: Load
    idle: float = 60.0
    ready: float = 90.0
    starts: float = 2.0

    def joules(self, seconds: Floats) -> Floats:
        """Energy used from 0 to each moment."""
        alone = np.minimum(seconds, self.starts) * self.idle
        waiting = np.clip(seconds - self.starts, 0.0, self.begin - self.starts) * self.ready
        after = np.clip(seconds - self.end, 0.0, None) * self.ready
        busy = np.clip(seconds - self.begin, 0.0, self.end - self.begin)
        found: Floats = alone + waiting + after + self.load.joules(busy)
        return found
