"""Energy and telemetry as frozen values: what instruments said while a round ran, and when the round did what.

A *meter* finds *instruments* (one GPU's board, one processor package, the kernel's counters). They are read in a
process of its own; what one said is a *trace*. The process that measures a model says in *spans* when it did what. Both
use the machine's monotonic clock, so that traces and spans can be laid beside each other afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from stopwatt.arrays import Array


class Scope(StrEnum):
    """Whose energy an instrument reads. Different scopes are different metrics and never add up."""

    GPU = "gpu"
    PACKAGE = "package"
    DRAM = "dram"
    NONE = "none"  # an instrument without energy: the kernel's counters of processes


SCOPES: Mapping[Scope, str] = {Scope.GPU: "GPU board", Scope.PACKAGE: "CPU package", Scope.DRAM: "DRAM"}
"""Scopes with energy, as people read them."""


class Grade(StrEnum):
    """How carefully energy is measured."""

    SCREENING = "screening"  # windows of 2 s: to rank setups
    REPORTED = "reported"  # windows of 5 s or more: to publish


@dataclass(frozen=True, slots=True)
class EnergyRules:
    """How energy is measured in a round.

    Attributes:
        grade: Name of the rules.
        settle_s: The device is busy for so long before anything counts; power fields that average over a second, and
            clocks that adapt, have settled then.
        window_s, ticks: A window lasts at least so long, and at least so many ticks of the slowest counter.
        windows: Windows of a round, each after a random pause of at most one tick in which the device stays busy.
        idle_s: How long the ready process waits without a call, for the active-idle power; and how long the machine is
            left alone before the process starts, for the idle power.
        replay: Replay the calls from one recording of the device's work (a CUDA graph), for calls that are shorter than
            what it takes to launch them.
        sentinel_s: Every round ends its windows with the same fixed work for so long, whatever its model is, so that
            rounds can be told apart in which the device was not as in the others; 0 leaves it out.
    """

    grade: Grade = Grade.SCREENING
    settle_s: float = 1.2
    window_s: float = 2.0
    ticks: int = 20
    windows: int = 3
    idle_s: float = 1.5
    replay: bool = False
    sentinel_s: float = 1.0


SCREENING = EnergyRules()
# Of 45 rounds on an H200 38 stayed within 1 degC of their last window's temperature from 1.2 s on, and no more of them
# from 3 s on: the longer settling is a margin for boards that warm up more slowly, at a tenth of what the windows take.
REPORTED = EnergyRules(Grade.REPORTED, settle_s=3.0, window_s=5.0, ticks=50, idle_s=3.0, sentinel_s=2.0)
RULES: Mapping[Grade, EnergyRules] = {Grade.SCREENING: SCREENING, Grade.REPORTED: REPORTED}


class Telemetry(StrEnum):
    """Whether a process beside the measured one reads clocks, temperatures and counters ten times a second."""

    AUTO = "auto"  # where it takes nothing from the model: on a GPU, or where a core is left over
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class About:
    """What is known of an instrument.

    Attributes:
        name: Unique on a machine: `gpu-0`, `package-0`, `dram-0`, `process`.
        scope: Whose energy it reads.
        source: The interface: `NVML`, `RAPL (powercap)`, `RAPL (perf)`, `Linux`, `replay`.
        identity: What stays when numbers change (a GPU's uuid); may be empty.
        wraps_j: What its energy counter holds at most before it begins at 0 again; `None` if it does not.
        poll_s: Time between two readings of the counter.
        quirks: Facts about the instrument that limit what its numbers mean, each a sentence without a full stop.
        refused: Why its energy is not to be believed at all (a GPU in MIG mode); empty if nothing speaks against it.
    """

    name: str
    scope: Scope
    source: str
    identity: str = ""
    wraps_j: float | None = None
    poll_s: float = 0.005
    quirks: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """One thing that instruments read.

    Attributes:
        unit: In base units (MHz for clocks, °C for temperatures, as everywhere in these interfaces).
        counts: Whether the value only grows, so that differences mean something and values do not.
    """

    unit: str
    meaning: str
    counts: bool = False


CHANNELS: Mapping[str, Channel] = {
    "energy": Channel("J", "energy counter", counts=True),
    "power": Channel("W", "power, averaged by the instrument over about a second"),
    "power_instant": Channel("W", "power, as near to now as the instrument has it"),
    "power_limit": Channel("W", "power that the instrument's device is held under"),
    "sm_clock": Channel("MHz", "clock of the GPU's multiprocessors"),
    "memory_clock": Channel("MHz", "clock of the GPU's memory"),
    "temperature": Channel("degC", "temperature of the GPU or the processor package"),
    "utilisation": Channel("%", "share of time in which any kernel ran"),
    "memory_used": Channel("B", "memory in use on the GPU"),
    "slowdown": Channel("bits", "reasons for a lower clock, as bits (`devices.nvml.SLOWDOWNS`)"),
    "others": Channel("1", "compute processes on the GPU that are not ours"),
    "cpu_clock": Channel("MHz", "mean clock of the CPUs that may be used"),
    "busy": Channel("s", "time that the allowed CPUs worked for anybody", counts=True),
    "own": Channel("s", "CPU time of the measured processes", counts=True),
    "steal": Channel("s", "time that the hypervisor kept the allowed CPUs from us", counts=True),
    "throttled_count": Channel("1", "stops for the CPU quota of a control group", counts=True),
    "throttled": Channel("s", "time stopped for the CPU quota of a control group", counts=True),
    "switches": Channel("1", "times the measured processes lost a CPU to another task", counts=True),
    "major_faults": Channel("1", "pages of the measured processes that came from a disk", counts=True),
    "resident": Channel("B", "resident memory of the measured processes"),
    "resident_peak": Channel("B", "most that any one of the measured processes has had resident since it began"),
    "heat_throttles": Channel("1", "times the CPU throttled itself for heat", counts=True),
}
"""All that a trace may hold. An instrument reads some of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What one instrument said over a time.

    Attributes:
        time_ns: When each row was read, on the machine's monotonic clock (`measuring.clock`); rising int64, shape (n,).
            A row is written when the counter has changed, and about ten times a second for everything else.
        channels: Name (of `CHANNELS`) -> float64, shape (n,); NaN where it was not read in that row.
        gone: Why the instrument fell silent before the end; empty if it did not.
    """

    about: About
    time_ns: Array
    channels: Mapping[str, Array] = field(default_factory=dict)
    gone: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Something that the measuring process did, and when.

    Attributes:
        name: One of `TRIALS`, `ACTIVE_IDLE`, `SETTLING`, `WINDOW`, `SENTINEL`, `IDLE`, `PACED`.
        begin_ns, end_ns: On the machine's monotonic clock.
        calls: Calls of the model that began and ended inside; of a `SENTINEL`, calls of the fixed work.
    """

    name: str
    begin_ns: int
    end_ns: int
    calls: int = 0

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end_ns - self.begin_ns) / 1e9


TRIALS, PACED = "trials", "paced"
SETTLING, WINDOW, SENTINEL, ACTIVE_IDLE, IDLE = "settling", "energy window", "sentinel", "active idle", "idle"
"""Names of spans. `IDLE` is the machine alone, before the process starts; the caller of the process adds it."""
