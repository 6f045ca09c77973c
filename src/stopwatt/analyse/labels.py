"""Under which conditions each trial ran: trials joined with what instruments said, by the clock that both use.

A label is derived each time it is asked for and never stored, and a labelled trial counts like any other: whoever
leaves throttled trials out hides the worst case.

What an instrument reads as a state (a clock, a reason for a lower one) holds from one reading to the next. What it
counts (stolen time, throttling) happened somewhere between two readings, so its label is that of all trials that ran
between them at least in part; and it is given only where the difference is more than the kernel's ticks can tell.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from stopwatt.devices.fitness import FOREIGN_SHARE
from stopwatt.devices.nvml import SLOWDOWNS
from stopwatt.devices.usage import TICK_S
from stopwatt.energy import CHANNELS, PACED, TRIALS, Trace
from stopwatt.records import Measurement

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

LONGEST_GAP_S = 1.0
"""Readings further apart than this say nothing of the time between them."""
_ROUNDING = 1e-6
"""Of a second, in differences of counters that are sums of ticks."""
_POWER_CAP = next(bit for bit, word in SLOWDOWNS.items() if word == "power cap")
_SLOWED = sum(bit for bit in SLOWDOWNS if bit != _POWER_CAP)


class Label(StrEnum):
    """A condition under which a trial ran."""

    POWER_CAPPED = "power-capped"
    THROTTLED = "throttled"
    CPU_THROTTLED = "cpu-throttled"
    FOREIGN_GPU = "foreign-gpu"
    FOREIGN_LOAD = "foreign-load"
    STOLEN = "stolen"


MEANINGS: Mapping[Label, str] = {
    Label.POWER_CAPPED: "the GPU held its clock down to stay under its power limit",
    Label.THROTTLED: "the GPU or the CPU lowered its clock for heat, or for what the power supply bears",
    Label.CPU_THROTTLED: "a control group stopped the process for its CPU quota",
    Label.FOREIGN_GPU: "a process that is not ours was on the GPU",
    Label.FOREIGN_LOAD: "other processes kept CPUs busy that this one may use",
    Label.STOLEN: "the hypervisor kept CPUs from this machine",
}
"""Every label in words."""
RAN: Mapping[Label, str] = {
    Label.POWER_CAPPED: "ran power-capped",
    Label.THROTTLED: "ran throttled (for heat or the power supply)",
    Label.CPU_THROTTLED: "ran while a control group stopped the process for its CPU quota",
    Label.FOREIGN_GPU: "ran beside another process on the GPU",
    Label.FOREIGN_LOAD: "ran beside the load of other programs",
    Label.STOLEN: "ran while the hypervisor kept CPUs for others",
}
"""What trials with a label did."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One label of the trials of a round.

    Attributes:
        flags: Whether a trial has it, [n].
        known: Whether the readings around a trial can tell, [n]; true where `flags` is.
    """

    flags: Flags
    known: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """The trials of one round beside what instruments said meanwhile.

    Attributes:
        round: Its number.
        begin_ns, end_ns: Of each trial on the machine's monotonic clock, int64 [n], in the order of the trials.
        seen: The labels that some instrument could tell at all, also where no trial has them.
        traces: What the instruments said.
        cpus: CPUs that the process may use; 0 where that is not known.
    """

    round: int
    begin_ns: NDArray[np.int64]
    end_ns: NDArray[np.int64]
    seen: Mapping[Label, Seen]
    traces: tuple[Trace, ...]
    cpus: int = 0

    def held(self, channel: str) -> Numbers | None:
        """What a state was when each trial began, [n]; NaN where it is not known, `None` where nothing reads it."""
        for trace in self.traces:
            time_ns, (values,) = rows_of(trace, (channel,))
            if values.size:
                place = np.searchsorted(time_ns, self.begin_ns, side="right") - 1
                stale = self.begin_ns - time_ns[np.maximum(place, 0)] > LONGEST_GAP_S * 1e9
                found: Numbers = np.where((place < 0) | stale, np.nan, values[np.maximum(place, 0)])
                return found
        return None


def watch(measurement: Measurement) -> Watched | None:
    """The closed-loop trials of a round with their labels; `None` where no instrument ran or its time is not known."""
    times = _closed_loop(measurement)
    return None if times is None else _watched(measurement, *times)


def watch_paced(measurement: Measurement) -> Watched | None:
    """The same of its paced requests; a request's trial is the time in which it was served."""
    times = _paced(measurement)
    return None if times is None else _watched(measurement, *times)


def counts_of(watched: Watched | None, begin: int = 0, end: int | None = None) -> dict[Label, int]:
    """How many of some trials have each label; labels that none of them has are left out."""
    seen = {} if watched is None else watched.seen
    counted = {label: int(np.count_nonzero(one.flags[begin:end])) for label, one in seen.items()}
    return {label: count for label, count in counted.items() if count}


def rows_of(trace: Trace, channels: Sequence[str]) -> tuple[NDArray[np.int64], list[Numbers]]:
    """The rows of a trace in which all of these channels were read: their times, and the values of each channel."""
    if any(channel not in trace.channels for channel in channels):
        return np.zeros(0, dtype=np.int64), [np.zeros(0) for _ in channels]
    read = np.all([np.isfinite(trace.channels[channel]) for channel in channels], axis=0)
    return trace.time_ns[read], [trace.channels[channel][read] for channel in channels]


def _closed_loop(measurement: Measurement) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    started, latency = (measurement.samples.get(name) for name in ("started", "latency"))
    first = _began(measurement, TRIALS)
    if first is None or started is None or latency is None or started.values.size != latency.values.size:
        return None
    begin = first + started.values.astype(np.int64)
    return begin, begin + latency.values.astype(np.int64)


def _paced(measurement: Measurement) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Request k was due at the beginning of the span + k periods, and served for the last part of its response."""
    response, service = (measurement.samples.get(name) for name in ("response", "service"))
    first, paced = _began(measurement, PACED), measurement.cell.protocol.paced
    if first is None or paced is None or response is None or service is None:
        return None
    if response.values.size != service.values.size:
        return None
    due = first + np.arange(response.values.size, dtype=np.int64) * round(paced.period_s * 1e9)
    end = due + response.values.astype(np.int64)
    return end - service.values.astype(np.int64), end


def _began(measurement: Measurement, name: str) -> int | None:
    return next((span.begin_ns for span in measurement.spans if span.name == name), None)


def _watched(measurement: Measurement, begin: NDArray[np.int64], end: NDArray[np.int64]) -> Watched | None:
    if not measurement.traces:
        return None
    cpus = measurement.facts.get("cpu.allowed", 0)
    counted = int(cpus) if isinstance(cpus, int | float) else 0
    seen: dict[Label, Seen] = {}
    for rule in _RULES:
        for trace in measurement.traces:
            found = _apply(rule, trace, counted, begin, end)
            if found is not None:
                seen[rule.label] = _either(seen.get(rule.label), found)
    return Watched(measurement.round, begin, end, seen, measurement.traces, counted)


def _either(one: Seen | None, other: Seen) -> Seen:
    return other if one is None else Seen(one.flags | other.flags, one.known | other.known)


@dataclass(frozen=True, slots=True, eq=False)
class _Between:
    """What is known of the times between neighbouring readings.

    Attributes:
        seconds: Length of each, [m].
        held: Of each state: what was read at the beginning, [m].
        risen: Of each counting channel: by how much it grew, [m].
    """

    seconds: Numbers
    held: Mapping[str, Numbers]
    risen: Mapping[str, Numbers]
    cpus: int


@dataclass(frozen=True, slots=True)
class _Rule:
    """When the time between two readings has a label.

    Attributes:
        channels: That it takes; none of its labels without all of them.
        per_cpu: Whether it must know how many CPUs the counters are sums over.
    """

    label: Label
    channels: tuple[str, ...]
    holds: Callable[[_Between], Flags]
    per_cpu: bool = False


def _apply(rule: _Rule, trace: Trace, cpus: int, begin: NDArray[np.int64], end: NDArray[np.int64]) -> Seen | None:
    """A rule at the trials; `None` where the instrument cannot tell."""
    time_ns, columns = rows_of(trace, rule.channels)
    if time_ns.size < 2 or (rule.per_cpu and not cpus):  # noqa: PLR2004  (a time has two ends)
        return None
    named = dict(zip(rule.channels, columns, strict=True))
    between = _Between(
        np.diff(time_ns) / 1e9,
        {name: values[:-1] for name, values in named.items() if not CHANNELS[name].counts},
        {name: np.diff(values) for name, values in named.items() if CHANNELS[name].counts},
        cpus,
    )
    # A counter that falls is another counter: a process came or went.
    told = np.all([between.seconds <= LONGEST_GAP_S, *(rise >= 0 for rise in between.risen.values())], axis=0)
    return _at_trials(time_ns, rule.holds(between) & told, told, begin, end)


def _at_trials(
    time_ns: NDArray[np.int64], holds: Flags, told: Flags, begin: NDArray[np.int64], end: NDArray[np.int64]
) -> Seen:
    """From the times between readings, [m] of [m + 1] readings, to the trials that overlap them, [n]."""
    last = holds.size - 1
    first_met = np.searchsorted(time_ns, begin, side="right") - 1
    last_met = np.searchsorted(time_ns, end, side="left") - 1
    low, high = np.clip(first_met, 0, last), np.clip(last_met, 0, last)
    overlaps = (last_met >= 0) & (first_met <= last)
    flags = overlaps & (_within(holds, low, high) > 0)
    inside = (first_met >= 0) & (last_met <= last)
    return Seen(flags, flags | (inside & (_within(~told, low, high) == 0)))


def _within(flags: Flags, low: NDArray[np.intp], high: NDArray[np.intp]) -> NDArray[np.int64]:
    """How many flags are up from `low` to `high`, both included."""
    before = np.concatenate([[0], np.cumsum(flags)])
    counted: NDArray[np.int64] = before[high + 1] - before[low]
    return counted


def _for_any_of(bits: int) -> Callable[[_Between], Flags]:
    """Whether the GPU names one of these reasons for a lower clock."""

    def holds(between: _Between) -> Flags:
        named: Flags = (between.held["slowdown"].astype(np.int64) & bits).astype(np.bool_)
        return named

    return holds


def _foreign(between: _Between) -> Flags:
    """More than a share of all CPUs, beyond a tick on each of them and one in our own time."""
    foreign = between.risen["busy"] - between.risen["own"]
    unsure = (between.cpus + 1) * TICK_S + _ROUNDING
    return np.greater(foreign, unsure + FOREIGN_SHARE * between.cpus * between.seconds)


def _stolen(between: _Between) -> Flags:
    """More than a tick on each CPU: a tick that is counted now may have been stolen long before."""
    return np.greater(between.risen["steal"], between.cpus * TICK_S + _ROUNDING)


_RULES: tuple[_Rule, ...] = (
    _Rule(Label.POWER_CAPPED, ("slowdown",), _for_any_of(_POWER_CAP)),
    _Rule(Label.THROTTLED, ("slowdown",), _for_any_of(_SLOWED)),
    _Rule(Label.THROTTLED, ("heat_throttles",), lambda between: between.risen["heat_throttles"] > 0),
    _Rule(Label.CPU_THROTTLED, ("throttled_count",), lambda between: between.risen["throttled_count"] > 0),
    _Rule(Label.CPU_THROTTLED, ("throttled",), lambda between: between.risen["throttled"] > 0),
    _Rule(Label.FOREIGN_GPU, ("others",), lambda between: between.held["others"] > 0),
    _Rule(Label.FOREIGN_LOAD, ("busy", "own"), _foreign, per_cpu=True),
    _Rule(Label.STOLEN, ("steal",), _stolen, per_cpu=True),
)
