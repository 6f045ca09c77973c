"""What instruments say beside the rounds of a run: when they are read, and what becomes of it in a measurement.

        |-- left alone --|------------------- the round's process -------------------|
    idle: nobody works     trials ...  settling, windows, active idle  paced ...        take: traces of all of it

A process of its own reads (`meters.sampling`), one for each device, from the first round that wants it to the end of
the run. Nothing of it is imported or started where nobody asked for energy and telemetry would take a core from the
model. It is not tied to a core: the kernel wakes a sleeper on a core that is idle, which no fixed core always is, and
tying the model to the others would change what is measured.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stopwatt.devices import cgroup
from stopwatt.devices.cpu_facts import allowed_cpus
from stopwatt.devices.host import Host
from stopwatt.devices.resolve import kind_of
from stopwatt.energy import IDLE, SCOPES, EnergyRules, Scope, Span, Telemetry
from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.energy import METRICS_OF
from stopwatt.records import Cell, Measurement, Reading, Status, Unavailable

if TYPE_CHECKING:
    from stopwatt.meters.sampling import Sampling

NOT_ASKED = "not asked for: --energy"
NO_GPU = "a CPU setup has no GPU at work"
NOT_READ = "no instrument of this scope was read"
DIVIDED = "other shares of this machine measured meanwhile: the processor package and the memory are common to all"
_COMMON = {Scope.PACKAGE: DIVIDED, Scope.DRAM: DIVIDED}
NOT_ALONE = "processes that wait for other cells held memory and devices: the machine was never alone"
_AFTER_NS = 150_000_000
"""States are read ten times a second: the next row after a span belongs to it."""
_SLICE_S = 0.1
"""Longest sleep of the parent without looking whether the user wants to stop."""


@dataclass(frozen=True, slots=True)
class Instruments:
    """Those of one device.

    Attributes:
        sampling: The process that reads them; `None` where nothing is worth reading.
        tick_s: Of the slowest counter of energy; 0 if there is none, or if nobody asked.
        why: For each scope without an instrument, the reason.
    """

    sampling: "Sampling | None" = None
    tick_s: float = 0.0
    why: Mapping[Scope, str] = field(default_factory=dict)

    @classmethod
    def open(cls, device: str, *, energy: bool, telemetry: bool) -> "Instruments":
        """Start to read; stop at once if it was for energy alone, and nothing counts energy."""
        from stopwatt.meters.sampling import Sampling

        sampling = Sampling(device, energy=energy)
        tick_s = sampling.tick_s if energy else 0.0
        if tick_s or telemetry:
            return cls(sampling, tick_s, sampling.why)
        why = dict(sampling.why)
        sampling.close()
        return cls(None, 0.0, why)


class Metering:
    """The instruments of all devices of a run, each opened when the first round wants it.

    Args:
        divided: Whether other runs measure on other cores or GPUs of this machine meanwhile.
    """

    def __init__(self, *, divided: bool = False) -> None:
        self._divided = divided
        self._opened: dict[tuple[str, bool, bool], Instruments] = {}

    def watch(self, cell: Cell) -> "Watch":
        """Begin to look at a round of a cell. What other rounds wanted ends where this one needs its core."""
        energy, telemetry = wants_energy(cell), wants_telemetry(cell)
        found = self._found(cell.setup.device, energy=energy, telemetry=telemetry) if energy or telemetry else None
        if not telemetry:
            self._close_all_but(found)
        return Watch(found, cell.protocol.energy if energy else None)

    def close(self) -> None:
        """Read no more."""
        self._close_all_but(None)
        self._opened.clear()

    def _found(self, device: str, *, energy: bool, telemetry: bool) -> Instruments:
        wanted = (device, energy, telemetry)
        if wanted not in self._opened:
            own = energy and not (self._divided and kind_of(device) == "cpu")
            found = Instruments.open(device, energy=own, telemetry=telemetry)
            found = replace(found, why={**found.why, **_COMMON}) if self._divided else found
            self._opened[wanted] = found
            if found.tick_s:  # it is read for its energy in any case
                self._opened[device, energy, not telemetry] = found
        return self._opened[wanted]

    def _close_all_but(self, kept: Instruments | None) -> None:
        for wanted, instruments in list(self._opened.items()):
            if instruments.sampling is not None and instruments is not kept:
                instruments.sampling.close()
                del self._opened[wanted]


class Watch:
    """What is read beside one round; without instruments it costs nothing.

    Args:
        instruments: Of the round's device.
        rules: How energy is measured; `None` if it is not.
    """

    def __init__(self, instruments: Instruments | None = None, rules: EnergyRules | None = None) -> None:
        self._instruments = instruments or Instruments()
        self._rules = rules
        self._began_ns = now_ns()
        self._idle: Span | None = None

    @property
    def tick_s(self) -> float:
        """Of the slowest counter of energy; 0 if there is none, or if the process that reads has died for good."""
        sampling = self._instruments.sampling
        reads = self._rules is not None and sampling is not None and sampling.pid
        return self._instruments.tick_s if reads else 0.0

    @property
    def idle_s(self) -> float:
        """How long the machine was left alone."""
        return 0.0 if self._idle is None else self._idle.seconds

    def leave_alone(self, *, alone: bool, stopping: Callable[[], bool]) -> None:
        """Sleep before the round's process starts, so that the machine's idle power can be read.

        Args:
            alone: Whether no other process of the run is there.
            stopping: Tells that the user wants to stop.
        """
        if self._rules is None or not self.tick_s or not alone:
            return
        begin = now_ns()
        end = begin + round(self._rules.idle_s * 1e9)
        while not stopping() and (left := end - now_ns()) > 0:
            time.sleep(min(left / 1e9, _SLICE_S))
        if not stopping():
            self._idle = Span(IDLE, begin, now_ns())

    def follow(self, pid: int) -> None:
        """The round's process is this one."""
        if self._instruments.sampling is not None:
            self._instruments.sampling.follow(pid)

    def complete(self, measurement: Measurement) -> Measurement:
        """The measurement with what was read beside it, and what that says about energy."""
        sampling = self._instruments.sampling
        spans = measurement.spans if self._idle is None else (self._idle, *measurement.spans)
        traces = () if sampling is None else sampling.take(self._began_ns, _end_of(spans))
        idle = {} if self._idle is None else {"idle": self.idle_s}
        whole = replace(measurement, traces=traces, spans=spans, phases={**idle, **measurement.phases})
        silent = {trace.about.scope: trace.gone for trace in traces if trace.gone and not trace.time_ns.size}
        return with_energy(whole, {**self._instruments.why, **silent})


def _end_of(spans: Sequence[Span]) -> int:
    """Soon after the last thing that a round did, so that nobody waits for rows about its end; else now."""
    after = max((span.end_ns + _AFTER_NS for span in spans), default=now_ns())
    return min(after, now_ns())


def wants_energy(cell: Cell) -> bool:
    """Whether energy was asked for, of something that has it: ways of measuring time have none."""
    return cell.protocol.energy is not None and cell.protocol.ablation is None


def wants_telemetry(cell: Cell, host: Host | None = None) -> bool:
    """Whether instruments are to be read beside a round even without energy.

    Args:
        cell: With the wish.
        host: The machine; by default the one that we run on.
    """
    rules, setup = cell.protocol, cell.setup
    if rules.telemetry is not Telemetry.AUTO:
        return rules.telemetry is Telemetry.ON
    if rules.ablation is not None:
        return False
    if kind_of(setup.device) != "cpu":
        return True
    host = host or Host()
    cpus = len(allowed_cpus(host))
    quota = cgroup.cpu_quota(host)
    return (cpus if quota is None else min(cpus, quota)) >= setup.threads + 1


def with_energy(measurement: Measurement, why: Mapping[Scope, str]) -> Measurement:
    """The measurement with readings of energy and power, each taken or with the reason why not.

    Args:
        measurement: With spans and traces. What its readings say of energy already, they keep.
        why: For each scope without an instrument, the reason; what instruments say of such a scope does not count.
    """
    rules, setup = measurement.cell.protocol, measurement.cell.setup
    if rules.ablation is not None or measurement.status not in (Status.OK, Status.INTERRUPTED):
        return measurement
    if rules.energy is None:
        absent = _absent(dict.fromkeys(SCOPES, NOT_ASKED))
        return replace(measurement, readings={**absent, **measurement.readings})
    from stopwatt.meters.window import energy_of_round

    no_gpu = {Scope.GPU: NO_GPU} if kind_of(setup.device) == "cpu" else {}
    absent = _absent({**dict.fromkeys(SCOPES, NOT_READ), **why, **no_gpu})
    traces = [trace for trace in measurement.traces if trace.about.scope not in why]
    found = energy_of_round(traces, measurement.spans, setup.batch, rules.energy)
    taken = {**found.readings, **_idle_power(measurement, found.readings)}
    return replace(
        measurement,
        readings={**absent, **taken, **measurement.readings},
        notes=(*measurement.notes, *found.notes),
        facts={**measurement.facts, **found.facts},
    )


def _absent(why: Mapping[Scope, str]) -> dict[str, Reading]:
    return {name: Unavailable(why[scope]) for scope, names in METRICS_OF.items() for name in names}


def _idle_power(measurement: Measurement, taken: Mapping[str, Reading]) -> dict[str, Reading]:
    """Why there is no power of the idle machine, where other processes of the run were there."""
    if any(span.name == IDLE for span in measurement.spans):
        return {}
    names = (f"power_idle_{scope}" for scope in SCOPES)
    return {name: Unavailable(NOT_ALONE) for name in names if name in taken}
