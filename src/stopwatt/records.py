"""What stopwatt knows, as frozen values.

A *workload* (a model and its inputs) run by a *setup* (backend, precision, batch, device, threads) under a *protocol*
(the rules of measuring) is a *cell*. Measuring a cell once, in one fresh process, is a *round*; what a round returns
is a `Measurement`. Nothing here computes a statistic: raw trials are kept, statistics are derived in `analyse`.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Self

import numpy as np

from stopwatt.arrays import Array
from stopwatt.energy import EnergyRules, Span, Telemetry, Trace
from stopwatt.ways import Ablation, Load

Scalar = str | int | float | bool


def digest(document: Any) -> str:
    """Hash of a JSON-serialisable document, equal for equal content: 20 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(_CANONICAL.encode(document).encode()).hexdigest()[:20]


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)


class Precision(StrEnum):
    """The number format in which a setup computes its matrix products."""

    FP32 = "fp32"
    TF32 = "tf32"
    FP16 = "fp16"
    BF16 = "bf16"
    INT8 = "int8"
    UNKNOWN = "unknown"  # a table from elsewhere that does not say; nothing is measured in it


PRECISIONS = tuple(precision for precision in Precision if precision is not Precision.UNKNOWN)
"""Those that can be asked for."""


class Boundary(StrEnum):
    """Whether copies between host and device are inside the timed region."""

    DEVICE = "device"
    HOST = "host"
    UNKNOWN = "unknown"  # a table from elsewhere that does not say; nothing is measured in it


class Status(StrEnum):
    """How a round ended. Only an `OK` round's timings count."""

    OK = "ok"
    INVALID = "invalid"  # ran, but its answers failed the correctness gate: timing withheld
    UNSUPPORTED = "unsupported"
    FAILED = "failed"  # an exception in the model or the runtime
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"  # died of a signal
    KILLED = "killed"  # died of SIGKILL that was not ours
    TIMEOUT = "timeout"
    NO_RESULT = "no_result"  # the process ended without an answer
    INTERRUPTED = "interrupted"  # closed early by the user: the trials done are kept


class Severity(StrEnum):
    """How much a note weighs: `WARNING` changes how a number may be read, `INFO` does not."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Workload:
    """What is run: a source as the user names it, and the complete set of its parameters."""

    source: str
    params: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """`lstm(hidden=200, layers=3)`."""
        inside = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.source}({inside})" if inside else self.source


@dataclass(frozen=True, slots=True)
class Setup:
    """How it is run.

    Attributes:
        backend: Name of the runtime.
        variant: The backend's own mode (a compile mode, an execution provider); empty for its default.
        batch: Samples per call.
        device: `cpu`, `cuda` or `cuda:1`.
        threads: Intra-operator threads on the host; 0 where a table from elsewhere does not say.
        techniques: What is done to the module before the backend gets it, in this order (`fold-batchnorm`,
            `prune:0.5`).
    """

    backend: str = "eager"
    variant: str = ""
    precision: Precision = Precision.FP32
    batch: int = 1
    device: str = "cpu"
    threads: int = 1
    techniques: tuple[str, ...] = ()

    @property
    def backend_label(self) -> str:
        """`compile`, `compile:max-autotune`, or `eager+fold-batchnorm+channels-last`: as a user writes it."""
        runtime = f"{self.backend}:{self.variant}" if self.variant else self.backend
        return "+".join((runtime, *self.techniques))

    def identity(self) -> dict[str, Any]:
        """Its fields, as keys are made of them: without techniques those of before there were any."""
        fields = _fields(self)
        if not self.techniques:
            del fields["techniques"]
        return fields

    @classmethod
    def of_label(cls, label: str) -> Self:
        """The setup of a `backend_label`, with defaults for the rest; nothing is checked."""
        runtime, *techniques = label.split("+")
        name, _, variant = runtime.partition(":")
        return cls(name, variant, techniques=tuple(techniques))

    @property
    def label(self) -> str:
        """`onnxruntime fp32 batch 8 cpu`."""
        return f"{self.backend_label} {self.precision} batch {self.batch} {self.device}"


@dataclass(frozen=True, slots=True)
class Warmup:
    """When a round may start to count (Barrett et al. 2017: a fixed number of calls is not a method).

    At least `min_calls` calls and `min_seconds` (`None`: what the device needs, 1 s for a CPU, 3 s for a GPU); then
    until two successive windows agree within `tolerance` in the median and show no trend (`stats.steady`); after
    `cap_seconds` the round goes on and says "no steady state".
    A window holds `window_calls` calls and lasts at least `window_seconds`, but no longer than `window_cap_seconds`.
    """

    min_calls: int = 10
    min_seconds: float | None = None
    window_calls: int = 100
    window_seconds: float = 0.5
    window_cap_seconds: float = 2.0
    tolerance: float = 0.01
    trend_p: float = 0.01
    cap_seconds: float = 60.0


class Process(StrEnum):
    """Which process measures a round."""

    FRESH = "fresh"  # one of its own: cold start and memory are the cell's
    SHARED = "shared"  # one for all cells of a backend, precision, device and thread count, another in each round


@dataclass(frozen=True, slots=True)
class Paced:
    """Requests that arrive on an absolute schedule, t0 + k * period, whether or not the one before is done.

    Attributes:
        period_s: Time between two intended starts.
        cycles: Requests of a series.
        seconds: End after this long, even if fewer are done; `None` never.
        load: Declared background load in the second half of the cycles.
        realtime: Lock memory and ask for a real-time priority where the system allows it.
    """

    period_s: float
    cycles: int = 1000
    seconds: float | None = None
    load: Load = Load.NONE
    realtime: bool = False


@dataclass(frozen=True, slots=True)
class Calibration:
    """Samples of somebody's data from which int8 takes its ranges.

    Attributes:
        data: Where they are, as the user names it.
        digest: Of what the samples hold, in order; not of how files are called or where they lie.
        samples: How many.
        seed: Of the draw.
        images: Folder that the names in a list or in annotations are relative to; empty for where these are.
    """

    data: str
    digest: str
    samples: int
    seed: int = 0
    images: str = ""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Samples of somebody's data whose right answers are known: what accuracy is measured on.

    Attributes:
        data: Where they are, as the user names it.
        labels: Where the right answers are, as the user names it; empty where the data hold them.
        digest: Of what samples and labels hold, in order; not of how files are called or where they lie.
        samples: How many.
        seed: Of the draw.
        images: Folder that the names in a list or in annotations are relative to; empty for where these are.
        kept_out: Samples that come first in the same draw and are left to calibration.
        shared: Samples that are calibrated on all the same, since there are too few others.
    """

    data: str
    labels: str
    digest: str
    samples: int
    seed: int = 0
    images: str = ""
    kept_out: int = 0
    shared: int = 0


@dataclass(frozen=True, slots=True)
class Protocol:
    """The rules of measuring one round.

    Attributes:
        rounds: Fresh processes per cell. Not part of a cell's key: it does not change what a round measures.
        trials: Timed calls of a round.
        trial_seconds: Stop the trials after this long, even if fewer are done (the reason is recorded); `None` never.
        min_trials: Trials done whatever `trial_seconds` says.
        boundary: Whether host-device copies are inside the timed region.
        input_sets: Number of different inputs that take turns.
        seed: Seeds weights, inputs and the order of rounds.
        tolerance: Largest deviation that passes the gate; `None` for the precision's own (`measuring.parity`).
        throughput_windows, throughput_seconds: Number and length of the windows with a saturated queue.
        timeout_s: A round that takes longer is stopped. Not part of the key.
        paced: A further series with paced arrivals; `None` for none.
        idle_s: Pause before each timed call, in which the machine may fall asleep: the latency of rare requests.
        process: Whether a round has a process of its own. Either way the rounds of a cell are measured by different
            processes.
        occupancy: Trace some more calls on a GPU at the end of the round, to estimate its occupancy.
        ablation: Measure other ways of measuring beside this one, and nothing else; `None` for an ordinary round.
        energy: Measure energy after the trials; `None` does not.
        telemetry: Whether a process beside reads clocks, temperatures and counters meanwhile.
        cpu_watts: Watts of one busy core, as a data sheet has them: asks for an estimate of the processor's energy;
            `None` does not.
        calibration: What int8 is calibrated on; `None` for the workload's own inputs. Changes int8 cells only.
        accuracy: What accuracy is measured on, once for all rounds of a cell; `None` does not.
    """

    rounds: int = 3
    trials: int = 300
    trial_seconds: float | None = 10.0
    min_trials: int = 30
    warmup: Warmup = field(default_factory=Warmup)
    boundary: Boundary = Boundary.DEVICE
    input_sets: int = 8
    seed: int = 0
    tolerance: float | None = None
    throughput_windows: int = 5
    throughput_seconds: float = 0.2
    timeout_s: float = 600.0
    paced: Paced | None = None
    process: Process = Process.FRESH
    idle_s: float = 0.0
    occupancy: bool = False
    ablation: Ablation | None = None
    energy: EnergyRules | None = None
    telemetry: Telemetry = Telemetry.AUTO
    cpu_watts: float | None = None
    calibration: Calibration | None = None
    accuracy: Labelled | None = None


QUICK = Protocol(
    rounds=3,
    trials=300,
    trial_seconds=3.0,
    warmup=Warmup(window_cap_seconds=1.0, cap_seconds=8.0),
    throughput_seconds=0.1,
)
CLASSIC = replace(
    QUICK,
    trials=1000,
    trial_seconds=10.0,
    process=Process.SHARED,
    warmup=Warmup(window_calls=50, window_seconds=0.1, window_cap_seconds=0.5, cap_seconds=4.0),
    throughput_windows=3,
    throughput_seconds=0.05,
)
THOROUGH = Protocol(rounds=10, trials=1000, trial_seconds=None, timeout_s=3600.0)
"""The protocols behind `--quick` (what `bench` does by itself), behind a plain `sweep`, and behind `--thorough`."""


_NOT_IN_KEY = ("rounds", "timeout_s")
_LATER = (
    ("paced", None),
    ("process", Process.FRESH),
    ("idle_s", 0.0),
    ("occupancy", False),
    ("ablation", None),
    ("energy", None),
    ("telemetry", Telemetry.AUTO),
    ("cpu_watts", None),
    ("calibration", None),
    ("accuracy", None),
)
"""Rules that came after the first stores were written, with what held before: keys of cells where that still holds are
those of before."""


@dataclass(frozen=True)  # without slots: the key is hashed once, though a large plan asks for it often
class Cell:
    """One thing to measure: workload x setup x protocol, on known code, software and machine.

    Attributes:
        code: Digest of the workload's source code.
        software: Versions of the packages that the cell runs on.
        machine: Digest of the machine's identity (`devices.facts`).
    """

    workload: Workload
    setup: Setup
    protocol: Protocol
    code: str = ""
    software: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""

    @cached_property
    def key(self) -> str:
        """Content key: equal keys measure the same thing under the same rules. Makes a plan resumable."""
        workload = {"source": self.workload.source, "params": dict(self.workload.params)}
        document = _fields(self) | {"workload": workload, "setup": self.setup.identity(), "protocol": self._rules()}
        return digest(document)

    @property
    def calibration(self) -> Calibration | None:
        """What the cell is calibrated on, where it is int8."""
        return self.protocol.calibration if self.setup.precision is Precision.INT8 else None

    def _rules(self) -> dict[str, Any]:
        """The protocol without what changes nothing in a round."""
        rules = _fields(self.protocol) | {"warmup": _fields(self.protocol.warmup)}
        if self.protocol.paced is not None:
            rules["paced"] = _fields(self.protocol.paced)
        if self.protocol.ablation is not None:
            ways = [_fields(way) for way in self.protocol.ablation.ways]
            rules["ablation"] = _fields(self.protocol.ablation) | {"ways": ways}
        if self.protocol.energy is not None:
            rules["energy"] = _fields(self.protocol.energy)
        rules["calibration"] = self.calibration.digest if self.calibration is not None else None
        rules["accuracy"] = self.protocol.accuracy.digest if self.protocol.accuracy is not None else None
        for name in (*_NOT_IN_KEY, *(name for name, default in _LATER if rules[name] == default)):
            del rules[name]
        return rules

    @property
    def label(self) -> str:
        """`bert(size=mini, seq=128) · onnxruntime fp32 batch 8 cpu`."""
        return f"{self.workload.label} · {self.setup.label}"


def _fields(record: Any) -> dict[str, Any]:
    """The fields of a dataclass as they are: `dataclasses.asdict` copies them deeply, which takes most of a key."""
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Measured:
    """A reading that was taken."""

    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A reading that could not be taken, and why. Never 0, never a guess."""

    why: str


@dataclass(frozen=True, slots=True)
class Suspect:
    """A reading that was taken and may be wrong, and why."""

    value: float
    unit: str
    why: str


@dataclass(frozen=True, slots=True)
class Estimated:
    """Not a reading: what a rule makes of other readings, between `low` and `high`."""

    value: float
    unit: str
    low: float
    high: float
    how: str


Reading = Measured | Suspect | Estimated | Unavailable
"""They never add up to one total."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Raw trials of one metric, in the order in which they happened.

    Attributes:
        values: One-dimensional array, int64 or float64.
        unit: Unit of the values as stored (`ns` for times).
    """

    values: Array
    unit: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Samples) and self.unit == other.unit and np.array_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]  # arrays are not hashable


@dataclass(frozen=True, slots=True)
class Note:
    """Something a reader of the number must know.

    Attributes:
        kind: Stable identifier (`no-steady-state`, `cached-results`, ...).
        text: The fact, and what it does to the number.
        now: The next command or step.
    """

    kind: str
    text: str
    severity: Severity = Severity.WARNING
    now: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a round is not OK: what happened, when, what to do now."""

    what: str
    when: str = ""
    now: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one round of one cell returned.

    Attributes:
        samples: Raw trials by metric name.
        readings: Single values by metric name.
        spans: When the round did what.
        traces: What instruments said meanwhile.
        phases: Seconds that each phase of the round took (`import`, `build`, `load`, `warmup`, `trials`, ...).
        facts: The environment as the round saw it.
        log: The last lines that the worker printed.
    """

    cell: Cell
    round: int
    status: Status
    trouble: Trouble | None = None
    samples: Mapping[str, Samples] = field(default_factory=dict)
    readings: Mapping[str, Reading] = field(default_factory=dict)
    phases: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    spans: tuple[Span, ...] = ()
    traces: tuple[Trace, ...] = ()
    log: str = ""
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def with_facts(self, facts: Mapping[str, Scalar]) -> Self:
        """A copy with further facts; those that the round itself saw win."""
        return replace(self, facts={**facts, **self.facts})


class Strength(StrEnum):
    """How far a finding is supported by what was measured."""

    SHOWN = "shown"  # its interval excludes the opposite, also among all that were looked at together
    SUGGESTED = "suggested"  # the values say so; their intervals, or the lack of any, leave it open


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the measurements say about several trials, rounds or cells.

    Attributes:
        kind: Stable identifier (`inversion`, `outlier-clusters`, ...).
        text: One plain sentence without a full stop at the end, complete in itself.
        cells: Keys of the cells that show it, the clearest first.
        numbers: The figures of the sentence by name, in base units.
        low, high: 95 % interval of the first of `numbers`; `None` where there is none.
        weight: How much it matters to a reader: findings are shown by falling weight. 1 is a factor of 2 in latency,
            0 nothing at all.
        count: Places of the grid that show the same pattern.
        of: Places that could have shown it.
        exceptions: Labels of the places that could have shown it and do not, where those are the few.
    """

    kind: str
    text: str
    cells: tuple[str, ...]
    numbers: Mapping[str, float] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    strength: Strength = Strength.SHOWN
    weight: float = 0.0
    count: int = 1
    of: int = 1
    exceptions: tuple[str, ...] = ()
