"""What instruments say while a run goes on: of this moment, and energy from its beginning to its end.

A run may last for hours, and a counter is read up to 200 times a second; so energy is taken in segments of a minute,
and what lies before the open segment is forgotten. Of each segment `analyse.metered` says the joules, with a verdict.
"""

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from stopwatt.analyse.metered import Energy, document, energies, process_trace, total
from stopwatt.energy import CHANNELS, Scope, Trace
from stopwatt.meters import catalogue
from stopwatt.meters.pieces import cut, joined
from stopwatt.meters.sampling import Sampling
from stopwatt.records import Measured, Reading, Scalar, Suspect, Unavailable

SEGMENT_NS = 60_000_000_000
"""Long enough that the parts of a tick at its ends hide nothing, short enough to be held in memory."""
_EDGE_NS = 150_000_000
"""So much is wanted before and after a time; everything but counters is read ten times a second."""
_LATELY_NS = 3_000_000_000
"""Power of now, where an instrument has a counter only, is the mean over so long."""
_OWN = frozenset({"own", "resident", "resident_peak"})
"""Channels that have a field of their own in a tick."""
FOREIGN = "others.cores"
"""Reading: cores that programs which are not of the run used since the reading before."""


@dataclass(frozen=True, slots=True)
class Now:
    """What was read last; as in `Tick`."""

    cpu_s: float | None
    rss_bytes: int | None
    readings: Mapping[str, float] = field(default_factory=dict)


def device_of(devices: Sequence[str]) -> str:
    """Whose meters tell of a run on these devices: the one that there is, or empty text for all of the machine."""
    different = set(devices)
    return different.pop() if len(different) == 1 else ""


class Instruments:
    """The instruments of a device, and the processes that come from this one, from now until `close`.

    Args:
        device: `cpu`, `cuda`, `cuda:1`; empty for all of the machine.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._sampling = Sampling(device, energy=True)
        self._sampling.follow(os.getpid())
        self._begin_ns = self._until_ns = time.monotonic_ns()
        self._pieces: list[tuple[Trace, ...]] = []
        self._segments: dict[str, list[Energy]] = {}
        self._own_before: float | None = None
        self._foreign = _Foreign()
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Energy and CPU time count from now."""
        with self._lock:
            self._take(time.monotonic_ns())
            self._begin_ns, self._segments, self._own_before = self._until_ns, {}, None

    def read(self) -> Now:
        """What they say now; waits, within bounds, until it is there."""
        with self._lock:
            return self._read()

    def _read(self) -> Now:
        self._take(time.monotonic_ns())
        if self._until_ns - self._begin_ns > 2 * SEGMENT_NS:  # the last segment is never shorter than one
            self._close_segment(self._begin_ns + SEGMENT_NS)
        latest = self._pieces[-1]
        process = process_trace(latest)
        own, resident = _last(process, "own"), _last(process, "resident")
        if self._own_before is None:
            self._own_before = own
        cpu_s = None if own is None or self._own_before is None else own - self._own_before
        readings = dict(self._readings(latest))
        foreign = self._foreign.cores(process)
        if foreign is not None:
            readings[FOREIGN] = foreign
        return Now(cpu_s, None if resident is None else round(resident), readings)

    def close(self) -> None:
        """End; what was read up to now is the energy of the run."""
        end_ns = self._until_ns
        time.sleep(_EDGE_NS / 1e9)
        self._take(end_ns + _EDGE_NS)
        self._close_segment(end_ns)
        self._sampling.close()

    def energy(self, images: int) -> dict[str, Scalar | None]:
        """Energy from the beginning to the end, as `Record.energy` has it. After `close`.

        Args:
            images: With a result.
        """
        found: dict[str, Scalar | None] = {}
        for scope in catalogue.scopes_of(self._device):
            said = document(self._joules(scope))
            joules = said["value"]
            each = joules / images if isinstance(joules, float) and images else None
            verdict, why = str(said["verdict"]), said["why"]
            found |= {f"{scope}.joules": joules if isinstance(joules, float) else None}
            found |= {f"{scope}.joules_per_image": each, f"{scope}.verdict": verdict}
            found |= {f"{scope}.why": None if why is None else str(why)}
        return found

    def _take(self, end_ns: int) -> None:
        begin_ns = self._until_ns + 1
        self._pieces.append(tuple(cut(one, begin_ns, end_ns) for one in self._sampling.take(begin_ns, end_ns)))
        self._until_ns = end_ns

    def _close_segment(self, end_ns: int) -> None:
        traces = [joined(pieces) for pieces in zip(*self._pieces, strict=True)]
        for one in energies(traces, self._begin_ns, end_ns):
            self._segments.setdefault(one.name, []).append(one)
        self._begin_ns = end_ns
        self._pieces = [tuple(cut(one, end_ns - _EDGE_NS, self._until_ns) for one in traces)]

    def _joules(self, scope: Scope) -> Reading:
        instruments = [_whole(parts) for parts in self._segments.values() if parts[0].scope is scope]
        if not instruments:
            return Unavailable(self._sampling.why.get(scope) or "no meter of the run's devices reads it")
        return instruments[0].energy if len(instruments) == 1 else total(instruments, "energy")

    def _readings(self, latest: Sequence[Trace]) -> Iterator[tuple[str, float]]:
        for trace in latest:
            name = trace.about.name
            for channel in trace.channels:
                value = _last(trace, channel)
                if value is not None and channel not in _OWN and not CHANNELS[channel].counts:
                    yield f"{name}.{channel}", value
            if trace.about.scope is not Scope.NONE and "power" not in trace.channels:
                power = self._power_lately(name)
                if isinstance(power, Measured):
                    yield f"{name}.power", power.value

    def _power_lately(self, name: str) -> Reading:
        begin_ns = max(self._begin_ns, self._until_ns - _LATELY_NS)
        pieces = [trace for piece in self._pieces[-5:] for trace in piece if trace.about.name == name]
        return energies([joined(pieces)], begin_ns, self._until_ns)[0].power


@dataclass(slots=True)
class _Foreign:
    """What the cores that we may use did for others, between two readings."""

    _before: tuple[int, float] | None = None

    def cores(self, process: Trace | None) -> float | None:
        """Cores, on average since the reading before; `None` where the kernel does not say, or did not before."""
        busy, own = _last(process, "busy"), _last(process, "own")
        if process is None or busy is None or own is None:
            return None
        now, before = (int(process.time_ns[-1]), busy - own), self._before
        self._before = now
        if before is None or now[0] <= before[0]:
            return None
        return max(0.0, (now[1] - before[1]) / ((now[0] - before[0]) / 1e9))


def _last(trace: Trace | None, channel: str) -> float | None:
    """The newest value of a channel; `None` where there is none."""
    values = None if trace is None else trace.channels.get(channel)
    there = None if values is None else values[np.isfinite(values)]
    return None if there is None or not there.size else float(there[-1])


def _whole(segments: Sequence[Energy]) -> Energy:
    """Segments of one instrument together; a reason that several of them have is said once."""
    if len(segments) == 1:
        return segments[0]
    numbered = [replace(one, name=f"minute {number}") for number, one in enumerate(segments, 1)]
    energy = total(numbered, "energy")
    if isinstance(energy, Measured):
        return replace(segments[0], energy=energy)
    distinct = {_why(one.energy): one for one in reversed(numbered)}.values()
    shorter = _why(total(list(distinct), "energy"))
    told = Unavailable(shorter) if isinstance(energy, Unavailable) else Suspect(energy.value, energy.unit, shorter)
    return replace(segments[0], energy=told)


def _why(reading: Reading) -> str:
    return reading.why if isinstance(reading, Suspect | Unavailable) else ""
