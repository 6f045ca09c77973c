"""What instruments said along the trials of a cell: series for the eye, on the axis of the run sequence."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.labels import Flags, Label, Numbers, Watched, rows_of
from stopwatt.energy import SCOPES, Scope, Trace
from stopwatt.stats.energy import count

_OF: dict[Scope, str] = {Scope.GPU: "GPU ", Scope.NONE: "CPU "}
POWER_EVERY_S = 0.1
"""Of an instrument that only counts energy."""
_NEAR = 600
"""Stretches of a label with less than this part of all trials between them are drawn as one."""


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """One quantity along the trials.

    Attributes:
        name: `GPU clock`.
        unit: Of the values.
        pieces: One for each round in which it was read: places on the axis of the run sequence, where trial 1 is at 1
            and the rounds follow each other, and from there on the values; the last value stands twice, at both ends.
        least: The least range worth a strip's height: noise must not look like change.
    """

    name: str
    unit: str
    pieces: tuple[tuple[Numbers, Numbers], ...]
    least: float = 0.0

    @property
    def low(self) -> float:
        """The least value."""
        return min(float(values.min()) for _, values in self.pieces)

    @property
    def high(self) -> float:
        """The largest value."""
        return max(float(values.max()) for _, values in self.pieces)

    def share(self, values: Numbers) -> Numbers:
        """Where values are between the least and the largest: 0 to 1."""
        wide = max(self.high - self.low, self.least)
        return np.divide(values - (self.low + self.high - wide) / 2, wide)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Trials in a row that have a label: places of the first and the last on the axis of the run sequence."""

    label: Label
    begin: float
    end: float


Reader = Callable[[Trace], tuple[NDArray[np.int64], Numbers]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A quantity: what it is called (without whose it is), its unit, its least range, and how it is read."""

    name: str
    unit: str
    least: float
    read: Reader
    whose: bool = True


def strips_of(watched: Sequence[Watched | None], sizes: Sequence[int]) -> tuple[Strip, ...]:
    """Clock, power, temperature and foreign load, as far as they were read.

    Args:
        watched: Of each round.
        sizes: Trials of each round.
    """
    pieces: dict[tuple[int, str], list[tuple[Numbers, Numbers]]] = {}
    before = 0
    for one, size in zip(watched, sizes, strict=True):
        if one is not None and size:
            for kind, name, time_ns, values in _read(one):
                found = _places(one, time_ns, values, before)
                if found is not None:
                    pieces.setdefault((kind, name), []).append(found)
        before += size
    return tuple(
        Strip(name, _KINDS[kind].unit, tuple(pieces[kind, name]), _KINDS[kind].least) for kind, name in sorted(pieces)
    )


def stretches_of(watched: Sequence[Watched | None], sizes: Sequence[int]) -> tuple[Stretch, ...]:
    """Where the labels are; stretches so near that the eye cannot part them are one."""
    found: list[Stretch] = []
    near = sum(sizes) / _NEAR
    for label in Label:
        before = 0
        for one, size in zip(watched, sizes, strict=True):
            if one is not None and label in one.seen:
                found += _joined([Stretch(label, *ends) for ends in _runs(one.seen[label].flags, before)], near)
            before += size
    return tuple(found)


def shares_of(watched: Sequence[Watched | None]) -> dict[Label, float]:
    """Share of the trials that have each label, of those of which it is known; the largest first, without the zeros."""
    shares: dict[Label, float] = {}
    for label in Label:
        seen = [one.seen[label] for one in watched if one is not None and label in one.seen]
        flagged = sum(int(np.count_nonzero(one.flags)) for one in seen)
        if flagged:
            shares[label] = flagged / sum(int(np.count_nonzero(one.known)) for one in seen)
    return dict(sorted(shares.items(), key=lambda pair: -pair[1]))


def _read(one: Watched) -> Iterator[tuple[int, str, NDArray[np.int64], Numbers]]:
    """Every quantity of a round, by the place of its kind; where two instruments read the same, with their names.

    Where a GPU is read, the clock, power and temperature are its own: the model ran there.
    """
    found = []
    boards = [trace for trace in one.traces if trace.about.scope is Scope.GPU]
    for place, kind in enumerate(_KINDS):
        for trace in boards if boards and kind.whose else one.traces:
            time_ns, values = kind.read(trace)
            if values.size:
                whose = _OF.get(trace.about.scope, f"{SCOPES.get(trace.about.scope)} ") if kind.whose else ""
                found.append((place, f"{whose}{kind.name}", trace.about.name, time_ns, values))
    several = Counter(name for _, name, *_ in found)
    for place, name, instrument, time_ns, values in found:
        yield place, (f"{name} ({instrument})" if several[name] > 1 else name), time_ns, values


def _places(one: Watched, time_ns: NDArray[np.int64], values: Numbers, before: int) -> tuple[Numbers, Numbers] | None:
    """Readings on the axis of the trials: from the one that holds as they begin to the last before their end."""
    begin, end = one.begin_ns[0], one.end_ns[-1]
    first = max(0, int(np.searchsorted(time_ns, begin, side="right")) - 1)
    last = int(np.searchsorted(time_ns, end, side="left"))
    if last <= first:
        return None
    edges = np.append(one.begin_ns, end)
    places = np.interp(np.append(time_ns[first:last], end), edges, before + 0.5 + np.arange(edges.size))
    return places, np.append(values[first:last], values[last - 1])


def _runs(flags: Flags, before: int) -> Iterator[tuple[float, float]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    for begin, end in edges.reshape(-1, 2).tolist():
        yield before + begin + 0.5, before + end + 0.5


def _joined(stretches: Sequence[Stretch], near: float) -> list[Stretch]:
    found: list[Stretch] = []
    for one in stretches:
        if found and one.begin - found[-1].end < near:
            found[-1] = replace(found[-1], end=one.end)
        else:
            found.append(one)
    return found


def _first_of(*channels: str) -> Reader:
    def read(trace: Trace) -> tuple[NDArray[np.int64], Numbers]:
        for channel in channels:
            time_ns, (values,) = rows_of(trace, (channel,))
            if values.size:
                return time_ns, values
        return np.zeros(0, dtype=np.int64), np.zeros(0)

    return read


def _power(trace: Trace) -> tuple[NDArray[np.int64], Numbers]:
    """As the instrument says it; of one that only counts energy, from its counter, ten times a second."""
    time_ns, values = _first_of("power_instant", "power")(trace)
    if values.size:
        return time_ns, values
    time_ns, (joules,) = rows_of(trace, ("energy",))
    if not time_ns.size:
        return time_ns, joules
    counter = count(time_ns / 1e9, joules, trace.about.wraps_j)
    if counter.seconds.size < 2 or counter.resets.size:  # noqa: PLR2004  (power is between two ticks)
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    seconds = np.arange(counter.seconds[0], counter.seconds[-1], POWER_EVERY_S)
    risen = np.diff(np.interp(seconds, counter.seconds, counter.joules))
    return np.rint(seconds[:-1] * 1e9).astype(np.int64), risen / POWER_EVERY_S


def _foreign(trace: Trace) -> tuple[NDArray[np.int64], Numbers]:
    """Cores that other processes kept busy, from each reading to the next."""
    time_ns, (busy, own) = rows_of(trace, ("busy", "own"))
    cores = np.maximum(0.0, np.diff(busy) - np.diff(own)) / (np.diff(time_ns) / 1e9)
    return time_ns[:-1], np.round(cores, 3)  # beyond that there is only the rounding of sums


_KINDS: tuple[_Kind, ...] = (
    _Kind("clock", "MHz", 50.0, _first_of("sm_clock", "cpu_clock")),
    _Kind("power", "W", 5.0, _power),
    _Kind("temperature", "\N{DEGREE SIGN}C", 4.0, _first_of("temperature")),
    _Kind("foreign load", "cores", 0.2, _foreign, whose=False),
)
