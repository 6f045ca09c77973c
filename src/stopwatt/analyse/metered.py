"""What any piece of code or program used, from the traces of instruments and from what the kernel counted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from stopwatt.energy import SCOPES, Scope, Trace
from stopwatt.meters.anytime import energy_between
from stopwatt.meters.laid import LEAST_TICKS, Laid
from stopwatt.records import Estimated, Measured, Reading, Suspect, Unavailable
from stopwatt.units import quantity

SECOND_NS = 1_000_000_000
_SPARSE_NS = 300_000_000
"""Rows come ten times a second; where the nearest one is farther from an end than this, the end was not seen."""
_NOT_SAMPLED = "the kernel's counters were not sampled"
_STEPS = 4
"""Of the windows of one second among which the largest power is sought, so many begin in each second."""


@dataclass(frozen=True, slots=True)
class Energy:
    """What one instrument, or all those of a scope together, said of a time.

    Attributes:
        name: `gpu-0`; for several of a scope together the scope's.
        energy: Joules.
        power: Mean watts.
        most: Largest watts, as `most_of` says.
        most_of: What the largest power is the largest of; empty where there is none.
    """

    name: str
    scope: Scope
    source: str
    energy: Reading
    power: Reading
    most: Reading
    most_of: str = ""


@dataclass(frozen=True, slots=True)
class Metered:
    """What a piece of code or a program used.

    Attributes:
        seconds: From its beginning to its end.
        scopes: Each scope with energy; where no instrument reads it, the reason.
        instruments: Each instrument by itself.
        process: Name (of `PROCESS`) -> what the kernel counted.
        quirks: Facts that limit what the numbers of an instrument mean, by its name.
        command: What was run; empty for code of this process.
        exit_code: With which it ended; `None` for code of this process.
        sources: Where a figure of `process` comes from that could have come from elsewhere, by its name.
        started_at: ISO 8601, UTC.
    """

    seconds: float
    scopes: Mapping[Scope, Energy]
    instruments: tuple[Energy, ...] = ()
    process: Mapping[str, Reading] = field(default_factory=dict)
    quirks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    exit_code: int | None = None
    started_at: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)


PROCESS: Mapping[str, tuple[str, str]] = {
    "cpu_time": ("s", "CPU time"),
    "cores": ("cores", "mean cores used"),
    "peak_memory": ("B", "peak memory"),
    "major_faults": ("1", "major page faults"),
    "switches": ("1", "times a CPU was lost to another task"),
    "throttled_count": ("1", "stops for the CPU quota"),
    "throttled": ("s", "time stopped for the CPU quota"),
    "steal": ("cores", "cores kept by the hypervisor"),
    "foreign": ("cores", "cores kept busy by others"),
}
"""Name -> unit, and how it is called."""


TELEMETRY = "process"
"""Name of the instrument that reads the kernel's counters."""


def metered_of(
    traces: Sequence[Trace], why: Mapping[Scope, str], begin_ns: int, end_ns: int, known: Mapping[str, Reading]
) -> Metered:
    """What was used in a time.

    Args:
        traces: What instruments said in it, and shortly before and after.
        why: For each scope without an instrument, the reason.
        begin_ns: On the machine's monotonic clock.
        end_ns: The same.
        known: What is known more exactly than from samples, by names of `PROCESS`.
    """
    found = energies(traces, begin_ns, end_ns)
    return Metered(
        seconds=(end_ns - begin_ns) / SECOND_NS,
        scopes=by_scope(found, why),
        instruments=found,
        process=process_readings(process_trace(traces), begin_ns, end_ns, known),
        quirks={one.about.name: one.about.quirks for one in traces if one.about.scope is not Scope.NONE},
    )


def process_trace(traces: Iterable[Trace]) -> Trace | None:
    """What was read of the kernel's counters."""
    return next((trace for trace in traces if trace.about.name == TELEMETRY), None)


def energies(traces: Iterable[Trace], begin_ns: int, end_ns: int) -> tuple[Energy, ...]:
    """What each instrument with energy said of a time."""
    return tuple(_energy(trace, begin_ns, end_ns) for trace in traces if trace.about.scope is not Scope.NONE)


def by_scope(found: Sequence[Energy], why: Mapping[Scope, str]) -> dict[Scope, Energy]:
    """Each scope, all its instruments together; without one, why there is none."""
    return {scope: _together(scope, [one for one in found if one.scope is scope], why) for scope in SCOPES}


def _energy(trace: Trace, begin_ns: int, end_ns: int) -> Energy:
    energy, power = energy_between(trace, begin_ns, end_ns)
    if trace.gone and not (trace.time_ns.size and trace.time_ns[-1] >= end_ns):
        energy = power = Unavailable(trace.gone)  # even if it is a short time that it missed
    elif isinstance(energy, Unavailable) and not trace.about.refused:
        energy = Unavailable(energy.why + _how_long(trace, begin_ns, end_ns))
    most, most_of = _most(trace, begin_ns, end_ns)
    if isinstance(energy, Unavailable) and isinstance(power, Unavailable):
        most, most_of = Unavailable(power.why), ""  # whatever refuses the energy speaks against a single reading, too
    about = trace.about
    return Energy(about.name, about.scope, about.source, energy, power, most, most_of)


def _how_long(trace: Trace, begin_ns: int, end_ns: int) -> str:
    """What a time would have to last, if it was too short for its counter."""
    laid = Laid(trace)
    ticks = laid.counter.between(laid.seconds(begin_ns), laid.seconds(end_ns)).seconds.size
    least_s = (LEAST_TICKS + 2) * laid.tick_s  # it begins and ends between two ticks, and they come a little unevenly
    too_short = 0 < ticks < LEAST_TICKS and (end_ns - begin_ns) / SECOND_NS < least_s
    return f"; a run of {quantity(least_s, 's')} would do" if too_short else ""


def _together(scope: Scope, found: Sequence[Energy], why: Mapping[Scope, str]) -> Energy:
    if not found:
        nothing = Unavailable(why.get(scope) or "no meter of this machine reads it")
        return Energy(str(scope), scope, "", nothing, nothing, nothing)
    if len(found) == 1:
        return found[0]
    most = Unavailable("several instruments, each with its largest power at another moment")
    return Energy(str(scope), scope, found[0].source, total(found, "energy"), total(found, "power"), most)


def total(found: Sequence[Energy], name: str) -> Reading:
    """The sum over instruments of one scope: as doubtful as the most doubtful of them, and missing where one is.

    Args:
        found: At least one.
        name: `energy` or `power`.
    """
    readings = [(one.name, getattr(one, name)) for one in found]
    missing = [f"{who}: {reading.why}" for who, reading in readings if isinstance(reading, Unavailable)]
    if missing:
        return Unavailable("; ".join(missing))
    doubts = [f"{who}: {reading.why}" for who, reading in readings if isinstance(reading, Suspect)]
    value, unit = sum(reading.value for _, reading in readings), readings[0][1].unit
    return Suspect(value, unit, "; ".join(doubts)) if doubts else Measured(value, unit)


def _most(trace: Trace, begin_ns: int, end_ns: int) -> tuple[Reading, str]:
    """The largest power inside: of the most instant thing that the instrument reads."""
    for channel, name in (("power_instant", "single readings"), ("power", "readings averaged over about a second")):
        values = _inside(trace, channel, begin_ns, end_ns)
        if values.size:
            return Measured(float(values.max()), "W"), name
    times, counted = _finite(trace, "energy")
    starts = np.arange(begin_ns, end_ns - SECOND_NS + 1, SECOND_NS // _STEPS)
    if not starts.size or times.size < 2:  # noqa: PLR2004  (a difference)
        return Unavailable("shorter than the second over which a counter's power is averaged"), ""
    joules = np.interp(starts + SECOND_NS, times, counted) - np.interp(starts, times, counted)
    rising = joules[joules >= 0]  # a counter that wrapped or was reset meanwhile
    if not rising.size:
        return Unavailable("the counter never rose over a second"), ""
    return Measured(float(rising.max()), "W"), "means over a second"


def _finite(trace: Trace, channel: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Times and values of the rows in which a channel was read."""
    values = np.asarray(trace.channels.get(channel, np.full(len(trace.time_ns), np.nan)), dtype=float)
    there = np.isfinite(values)
    return np.asarray(trace.time_ns)[there], values[there]


def _inside(trace: Trace, channel: str, begin_ns: int, end_ns: int) -> NDArray[np.float64]:
    times, values = _finite(trace, channel)
    return values[(times >= begin_ns) & (times <= end_ns)]


def counted(trace: Trace | None, channel: str, begin_ns: int, end_ns: int, unit: str) -> Reading:
    """By how much a channel that only grows grew."""
    if trace is None:
        return Unavailable(_NOT_SAMPLED)
    times, values = _finite(trace, channel)
    if not times.size:
        return Unavailable("the kernel does not count it here")
    if times[0] > begin_ns + _SPARSE_NS or times[-1] < end_ns - _SPARSE_NS:
        return Unavailable(trace.gone or "it was not sampled all the time")
    growth = float(np.interp(end_ns, times, values) - np.interp(begin_ns, times, values))
    return Measured(growth, unit) if growth >= 0 else Unavailable("the counter went backwards")


def process_readings(
    trace: Trace | None, begin_ns: int, end_ns: int, known: Mapping[str, Reading]
) -> dict[str, Reading]:
    """What the kernel counted, by the names of `PROCESS`.

    Args:
        trace: Of the instrument that reads the kernel's counters; `None` where it is missing.
        begin_ns: Of the time that is asked about.
        end_ns: Of the same.
        known: What is known more exactly than from samples.
    """
    seconds = (end_ns - begin_ns) / SECOND_NS

    def grown(channel: str, unit: str) -> Reading:
        return counted(trace, channel, begin_ns, end_ns, unit)

    found: dict[str, Reading] = {
        "cpu_time": grown("own", "s"),
        "peak_memory": peak_memory(trace, begin_ns, end_ns),
        "major_faults": grown("major_faults", "1"),
        "switches": grown("switches", "1"),
        "throttled_count": grown("throttled_count", "1"),
        "throttled": grown("throttled", "s"),
        "steal": _each_second(grown("steal", "s"), seconds),
    } | dict(known)
    found["cores"] = _each_second(found["cpu_time"], seconds)
    found["foreign"] = _foreign(grown("busy", "s"), found["cpu_time"], seconds)
    return {name: found[name] for name in PROCESS}


AT_ITS_END = "of its largest process, as the kernel counted it to the end"
UNTIL_LAST_SEEN = "of its largest process, the kernel's mark, read ten times a second"


def peak_of_command(usage: Mapping[str, Reading], trace: Trace | None) -> tuple[dict[str, Reading], str]:
    """What the kernel counted of a command, with its peak memory, and where that comes from.

    The figure at its end holds that of the process which started it, until its own is larger; only then it is there.
    The mark of each process by itself holds no other, but has to be read while it lives.
    """
    if "peak_memory" in usage:
        return dict(usage), AT_ITS_END
    marks = np.empty(0) if trace is None else _finite(trace, "resident_peak")[1]
    if not marks.size:
        return dict(usage), ""
    return {**usage, "peak_memory": Measured(float(marks.max()), "B")}, UNTIL_LAST_SEEN


def peak_memory(trace: Trace | None, begin_ns: int, end_ns: int) -> Reading:
    """The largest resident memory that was sampled inside."""
    if trace is None:
        return Unavailable(_NOT_SAMPLED)
    values = _inside(trace, "resident", begin_ns, end_ns)
    if not values.size:
        return Unavailable("it ended before its memory was read once")
    return Measured(float(values.max()), "B")


def _each_second(spent: Reading, seconds: float) -> Reading:
    """Seconds of CPU time as cores."""
    if not isinstance(spent, Measured):
        return spent
    return Measured(spent.value / seconds, "cores") if seconds > 0 else Unavailable("it took no time")


def _foreign(busy: Reading, own: Reading, seconds: float) -> Reading:
    for one in (busy, own):
        if not isinstance(one, Measured):
            return one
    assert isinstance(busy, Measured)  # noqa: S101  (for the type checker)
    assert isinstance(own, Measured)  # noqa: S101
    return _each_second(Measured(max(0.0, busy.value - own.value), "s"), seconds)


def document(reading: Reading) -> dict[str, object]:
    """A reading as JSON: what is not there is null, with the reason."""
    if isinstance(reading, Unavailable):
        return {"value": None, "unit": None, "verdict": "unavailable", "why": reading.why}
    verdict = {Measured: "measured", Suspect: "suspect", Estimated: "estimated"}[type(reading)]
    why = reading.why if isinstance(reading, Suspect) else None
    value = reading.value if isfinite(reading.value) else None
    return {"value": value, "unit": reading.unit, "verdict": verdict, "why": why}
