"""What the rounds of an ablation say about one way of measuring: one pair of times for each round."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stopwatt.analyse.estimate import Rejected, series_of
from stopwatt.records import Measurement, Unavailable
from stopwatt.stats.intervals import geometric_mean
from stopwatt.ways import Way, sample_name

_PARTS = ("", "reference", "calls")


@dataclass(frozen=True, slots=True)
class Told:
    """What a way reported in one round.

    Attributes:
        id: Of the measurement.
        reported_s: Geometric mean of the averages of its series.
        reference_s: The same of the reference beside them.
        calls: Of each series.
    """

    id: str
    reported_s: float
    reference_s: float
    calls: tuple[float, ...]

    @property
    def log_ratio(self) -> float:
        """Logarithm of reported / reference."""
        return math.log(self.reported_s / self.reference_s)


@dataclass(frozen=True, slots=True)
class Testimony:
    """What all rounds say about one way.

    Attributes:
        rounds: Those that have it, in the order given.
        rejected: Of each round whose series cannot be believed, why.
        unavailable: Why rounds could not measure it, each reason once.
    """

    way: Way
    rounds: tuple[Told, ...]
    rejected: tuple[str, ...] = ()
    unavailable: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """Why no round says anything."""
        reasons = (*self.unavailable, *(f"rejected: {one}" for one in self.rejected))
        return "" if self.rounds else "; ".join(reasons) or "no round measured it"

    @property
    def log_ratios(self) -> dict[str, float]:
        """Id of the measurement -> logarithm of reported / reference."""
        return {one.id: one.log_ratio for one in self.rounds}


def hear(way: Way, measurements: Sequence[Measurement]) -> Testimony:
    """What rounds say about a way.

    One series that cannot be a time, or that has no reference beside it, says that the clock or the code around it
    failed: the whole round is then not counted for this way.

    Args:
        way: Any; a round that did not measure it says nothing.
        measurements: OK rounds of ablations.
    """
    names = tuple(sample_name(way, part) for part in _PARTS)  # once: a factorial asks thousands of rounds
    told: list[Told] = []
    rejected: list[str] = []
    unavailable: dict[str, None] = {}
    for one in measurements:
        reading = one.readings.get(names[0])
        if isinstance(reading, Unavailable):
            unavailable[reading.why] = None
        try:
            found = _told(names, one)
        except Rejected as reason:
            rejected.append(str(reason))
            continue
        if found is not None:
            told.append(found)
    return Testimony(way, tuple(told), tuple(rejected), tuple(unavailable))


def _told(names: Sequence[str], one: Measurement) -> Told | None:
    """What one round says; `None` where it did not measure the way.

    Raises:
        Rejected: A value is no time, or has no reference beside it.
    """
    if names[0] not in one.samples or not one.samples[names[0]].values.size:
        return None
    missing = next((name for name in names if name not in one.samples), None)
    if missing is not None:
        raise Rejected(f"round {one.round}: {missing} is missing")
    sizes = [one.samples[name].values.size for name in names]
    if len(set(sizes)) > 1:
        raise Rejected(f"round {one.round}: {sizes[0]} series, but {sizes[1]} of the reference and {sizes[2]} counts")
    _, series = series_of([(one.round, one.samples[name]) for name in names])
    reported, reference, calls = (np.asarray(part.values, dtype=np.float64) for part in series)
    return Told(one.id, geometric_mean(reported), geometric_mean(reference), tuple(calls.tolist()))
