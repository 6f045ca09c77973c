"""Whether the machine was the same in all jobs, by the sentinel at the head and the end of each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stopwatt.devices.resolve import kind_of
from stopwatt.operators.replay import Replay
from stopwatt.operators.statistics import time_of
from stopwatt.records import Measured, Reading, Status, Suspect
from stopwatt.units import percent

MOST_MOVED = {"cpu": 0.05, "cuda": 0.02}
"""By how much the sentinel of a job may differ from the median of all jobs."""
_LEAST = 3
"""Jobs before a median says what is usual."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Seconds that the sentinel took at the head and at the end of a job; one of them where the job ended early."""

    seconds: tuple[float, ...]


class Steadiness:
    """Learns what the sentinel usually takes.

    Args:
        device: As the place has it.
    """

    def __init__(self, device: str) -> None:
        self.most = MOST_MOVED[kind_of(device)]
        self.pairs: list[Pair] = []

    def hear(self, replays: Sequence[Replay]) -> Pair:
        """A job ended; these are its sentinels."""
        pair = Pair(tuple(time_of(one) for one in replays if one.status is Status.OK))
        self.pairs.append(pair)
        return pair

    @property
    def usual_s(self) -> float:
        """Median of all; NaN without any."""
        found = [seconds for pair in self.pairs for seconds in pair.seconds]
        return float(np.median(found)) if found else float("nan")

    @property
    def spread(self) -> float:
        """Largest less smallest, over the median; NaN without any."""
        found = [seconds for pair in self.pairs for seconds in pair.seconds]
        return (max(found) - min(found)) / self.usual_s if found else float("nan")

    def moved(self, pair: Pair) -> float:
        """How far the sentinel of a job is from the median of all, as a share; 0 while too few are known."""
        if len(self.pairs) < _LEAST or not pair.seconds:
            return 0.0
        return max(abs(seconds / self.usual_s - 1) for seconds in pair.seconds)

    def is_suspect(self, pair: Pair) -> bool:
        """Whether a job has to be repeated."""
        return self.moved(pair) > self.most

    def reading(self, pair: Pair) -> Reading | None:
        """What the replays of a job say about it: seconds of its sentinel, suspect where that moved."""
        if not pair.seconds:
            return None
        seconds = float(np.mean(pair.seconds))
        if not self.is_suspect(pair):
            return Measured(seconds, "s")
        return Suspect(
            seconds, "s", f"the sentinel of its job was {percent(self.moved(pair))} away from its median over all jobs"
        )
