"""Option groups that several verbs share. Each is written once."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from stopwatt.energy import RULES as ENERGY_RULES
from stopwatt.energy import SCREENING, EnergyRules, Grade, Telemetry
from stopwatt.errors import UsageError
from stopwatt.records import QUICK, THOROUGH, Boundary, Paced, Protocol, Scalar
from stopwatt.sweeping import energycost, pacing
from stopwatt.sweeping.coordinates import MOST_BATCH
from stopwatt.sweeping.plan import Request, check_protocol
from stopwatt.sweeping.ranges import doubled
from stopwatt.ways import Load

if TYPE_CHECKING:
    from stopwatt.datasets.labelled import Data

TARGET = Group("What to run", sort_key=1)
RULES = Group("How to measure", sort_key=2)
ARRIVALS = Group("Deadlines and paced arrivals", sort_key=3)
ENERGY = Group("Energy and telemetry", sort_key=3)
DATA = Group("Data of yours", sort_key=3)
RESULTS = Group("Results", sort_key=4)


Params = Annotated[
    tuple[str, ...],
    Parameter(
        name=["--param", "-p"],
        group=TARGET,
        negative="",
        show_default=False,
        help="NAME=VALUE, or WORKLOAD.NAME=VALUE for one.",
    ),
]
Batches = Annotated[str, Parameter(group=TARGET, help="Sizes by comma; 1..64 doubles from 1 to 64.")]
OnDevice = Annotated[str, Parameter(group=TARGET, help="cpu, cuda or cuda:1.")]
HostThreads = Annotated[int, Parameter(group=TARGET, help="Host threads; 0 for all cores that may be used.")]
InStore = Annotated[
    str | None, Parameter(group=RESULTS, help="Results database: a file or a URL ($STOPWATT_STORE, ./stopwatt.db).")
]
AsJson = Annotated[bool, Parameter(group=RESULTS, negative="", help="Print the result as JSON on standard output.")]
"""Single options that verbs have alike, whatever else they take."""


@Parameter(name="*")
@dataclass(frozen=True)
class TargetOptions:
    """What to run."""

    param: Params = ()
    backends: Annotated[
        str,
        Parameter(
            group=TARGET, help="Names by comma, NAME:VARIANT, `auto` (quick to start) or `all` (also compilers)."
        ),
    ] = "auto"
    precision: Annotated[str, Parameter(group=TARGET, help="fp32, tf32, fp16, bf16, int8; by comma.")] = "fp32"
    batch: Batches = "1"
    device: OnDevice = "cpu"
    threads: HostThreads = 0
    baseline: Annotated[bool, Parameter(group=TARGET, help="Also measure fp32 eager, what speed-ups refer to.")] = True


@Parameter(name="*")
@dataclass(frozen=True)
class ProtocolOptions:
    """How to measure."""

    quick: Annotated[
        bool, Parameter(group=RULES, negative="", help="3 rounds x 300 trials, at most 3 s each (default of bench).")
    ] = False
    thorough: Annotated[bool, Parameter(group=RULES, negative="", help="10 rounds x 1000 trials.")] = False
    rounds: Annotated[int | None, Parameter(group=RULES, help="Fresh processes per cell.")] = None
    trials: Annotated[int | None, Parameter(group=RULES, help="Timed calls per round, however long they take.")] = None
    boundary: Annotated[
        Boundary | None,
        Parameter(
            group=RULES,
            show_choices=False,
            help="`device`, or `host`, which puts the copies to and from the device inside the timing (device).",
        ),
    ] = None
    timeout: Annotated[str | None, Parameter(group=RULES, help="Longest time for one round (600s, 20min).")] = None
    warmup_cap: Annotated[str | None, Parameter(group=RULES, help="Longest warm-up (60s).")] = None
    tolerance: Annotated[
        float | None,
        Parameter(group=RULES, help="Largest deviation from fp32 eager that passes; by precision if absent."),
    ] = None
    seed: Annotated[int | None, Parameter(group=RULES, help="Seeds weights, inputs and the order of rounds (0).")] = (
        None
    )
    occupancy: Annotated[
        bool,
        Parameter(group=RULES, negative="", help="Estimate a GPU's occupancy from some traced calls."),
    ] = False
    allow: Annotated[
        bool, Parameter(group=RULES, negative="", help="Measure even if the machine is not fit; results are marked.")
    ] = False

    def protocol(self, base: Protocol = QUICK) -> Protocol:
        """The protocol that the options describe; what they do not say is as in `base`.

        Raises:
            UsageError: Contradictory options or values out of range.
        """
        from stopwatt.units import parse

        if self.quick and self.thorough:
            raise UsageError("--quick and --thorough exclude each other", now="give one of them")
        rules = THOROUGH if self.thorough else QUICK if self.quick else base
        given: dict[str, Any] = {
            "boundary": self.boundary,
            "seed": self.seed,
            "tolerance": self.tolerance,
            "process": base.process,
            "occupancy": self.occupancy or None,
        }
        rules = replace(rules, **{name: value for name, value in given.items() if value is not None})
        if self.rounds is not None:
            rules = replace(rules, rounds=_in_range("--rounds", self.rounds, 1000))
        if self.trials is not None:
            rules = replace(rules, trials=_in_range("--trials", self.trials, 10**8), trial_seconds=None)
        if self.timeout is not None:
            rules = replace(rules, timeout_s=_positive("--timeout", parse(self.timeout, "s")))
        if self.warmup_cap is not None:
            cap = _positive("--warmup-cap", parse(self.warmup_cap, "s"))
            rules = replace(rules, warmup=replace(rules.warmup, cap_seconds=cap))
        if self.tolerance is not None:
            _positive("--tolerance", self.tolerance)
        check_protocol(rules)
        return rules


@Parameter(name="*")
@dataclass(frozen=True)
class TimingOptions:
    """Deadlines, and requests that arrive on a schedule."""

    deadline: Annotated[
        str, Parameter(group=ARRIVALS, help="Times to meet, by comma (500us,1ms): misses and their upper bound.")
    ] = ""
    period: Annotated[
        str | None,
        Parameter(group=ARRIVALS, help="Adds requests that come every so often (1ms), the last done or not."),
    ] = None
    cycles: Annotated[
        int | None, Parameter(group=ARRIVALS, help="How many of them in a round (1000; with --realtime 1000000).")
    ] = None
    load: Annotated[
        Load | None, Parameter(group=ARRIVALS, help="Load in their second half (none; with --realtime cpu).")
    ] = None
    realtime: Annotated[
        bool,
        Parameter(
            group=ARRIVALS,
            negative="",
            help="One round, at most an hour of requests; memory locked, real-time priority where allowed.",
        ),
    ] = False

    @property
    def deadlines(self) -> tuple[float, ...]:
        """Seconds, rising, each once.

        Raises:
            UsageError: One is empty, no time, not positive or not finite.
        """
        return tuple(sorted({_time("--deadline", text) for text in parts(self.deadline)}))

    def protocol(self, rules: ProtocolOptions, base: Protocol = QUICK) -> Protocol:
        """The protocol of the other options with the paced series of these, and time for it.

        Raises:
            UsageError: Contradictory options or values out of range, here or there.
        """
        paced = self._paced()
        plain = rules.protocol(base)
        if paced is None:
            return plain
        if self.realtime and rules.rounds is None:
            plain = replace(plain, rounds=1)
        whole = replace(plain, paced=paced)
        whole = whole if rules.timeout is not None else pacing.with_room(whole)
        check_protocol(whole)
        return whole

    def _paced(self) -> Paced | None:
        if self.period is None:
            given = {"--cycles": self.cycles, "--load": self.load, "--realtime": self.realtime or None}
            for name in (name for name, value in given.items() if value is not None):
                raise UsageError(f"{name} needs --period", when="paced arrivals", now="add one, such as --period 1ms")
            return None
        period_s = _time("--period", self.period)
        cycles = None if self.cycles is None else _in_range("--cycles", self.cycles, pacing.MOST_CYCLES)
        if self.realtime:
            return pacing.realtime(period_s, cycles, self.load)
        plain = Paced(period_s, load=self.load or Load.NONE)
        return plain if cycles is None else replace(plain, cycles=cycles)


@Parameter(name="*")
@dataclass(frozen=True)
class EnergyOptions:
    """Joules, and what instruments say while rounds run."""

    energy: Annotated[
        Grade | bool | None,
        Parameter(
            group=ENERGY,
            negative="",
            show_choices=False,
            metavar="screening|reported",
            help="Measure energy too: `screening`, to rank (2 s windows; --energy alone), or `reported`, to publish.",
        ),
    ] = None
    telemetry: Annotated[
        Telemetry | None,
        Parameter(
            group=ENERGY,
            show_choices=False,
            metavar="auto|on|off",
            help="Read clocks, temperatures and counters meanwhile: where that takes no core from the model (auto).",
        ),
    ] = None
    estimate_cpu_energy: Annotated[
        float | None,
        Parameter(group=ENERGY, metavar="WATTS", help="Add a rough estimate from CPU time x WATTS of one busy core."),
    ] = None

    def protocol(self, timing: TimingOptions, rules: ProtocolOptions, base: Protocol = QUICK) -> Protocol:
        """The protocol of the other options with what these add, and time for it.

        Raises:
            UsageError: Contradictory options or values out of range, here or there.
        """
        given: dict[str, Any] = {
            "energy": self._rules(),
            "telemetry": self.telemetry,
            "cpu_watts": self.estimate_cpu_energy,
        }
        plain = timing.protocol(rules, base)
        whole = replace(plain, **{name: value for name, value in given.items() if value is not None})
        if given["energy"] is not None and rules.timeout is None:
            whole = energycost.with_room(whole)
        check_protocol(whole)
        return whole

    def _rules(self) -> EnergyRules | None:
        if isinstance(self.energy, Grade):
            return ENERGY_RULES[self.energy]
        return SCREENING if self.energy else None


@Parameter(name="*")
@dataclass(frozen=True)
class DataOptions:
    """What int8 is calibrated on, and what accuracy is measured on."""

    data: Annotated[
        str,
        Parameter(group=DATA, help="Images as `run` takes them, or arrays by input name (.npz, .parquet, .csv)."),
    ] = ""
    labels: Annotated[
        str,
        Parameter(
            group=DATA,
            help="Right answers: `file,label` (.csv), COCO (.json), `folders`, a table; `none`. In the data if absent.",
        ),
    ] = ""
    samples: Annotated[int, Parameter(group=DATA, help="Labelled samples that are judged; 0: 500, or all.")] = 0
    calibrate: Annotated[int, Parameter(group=DATA, help="Others, to calibrate int8 on; 0: 128, or half.")] = 0
    images: Annotated[
        Path | None, Parameter(group=DATA, help="Folder that names in a list or in annotations are relative to.")
    ] = None

    def protocol(self, rules: Protocol) -> Protocol:
        """The rules with these data.

        Raises:
            UsageError: No such data, labels that are not theirs, or options that say something of none.
        """
        asked = self.asked()
        if asked is None:
            return rules
        from stopwatt.datasets.labelled import with_data

        return with_data(rules, asked)

    def asked(self) -> "Data | None":
        """The data that the options name; `None` where they name none.

        Raises:
            UsageError: They say something of data that nobody named.
        """
        if self.data:
            from stopwatt.datasets.labelled import Data

            return Data(self.data, self.labels, self.samples, self.calibrate, self.images)
        for name in ("labels", "samples", "calibrate", "images"):
            if getattr(self, name):
                raise UsageError(f"--{name} needs --data", when="data of yours", now="name the data: --data DATA")
        return None


@Parameter(name="*")
@dataclass(frozen=True)
class StoreOptions:
    """Where results go."""

    store: Annotated[
        str | None, Parameter(group=RESULTS, help="Results database: a file or a URL ($STOPWATT_STORE, ./stopwatt.db).")
    ] = None
    tag: Annotated[str, Parameter(group=RESULTS, help="A name for this run.")] = ""
    json: Annotated[
        bool, Parameter(group=RESULTS, negative="", help="Print the result as JSON on standard output.")
    ] = False


Kept = Annotated[
    bool,
    Parameter(
        group=RESULTS, negative="", help="Show the latest finished run of this request again; nothing is measured."
    ),
]


def request(workloads: tuple[str, ...], target: TargetOptions, protocol: Protocol, tag: str = "") -> Request:
    """The request that the options describe.

    Raises:
        UsageError: A list that cannot be read.
    """
    return Request(
        workloads=workloads,
        params=parameters(target.param),
        backends=words(target.backends),
        precisions=words(target.precision),
        batches=batches(target.batch),
        device=target.device,
        threads=target.threads,
        protocol=protocol,
        baseline=target.baseline,
        tag=tag,
    )


def words(text: str) -> list[str]:
    """`a,b` as a list; spaces around the commas do not matter."""
    return [part for part in parts(text) if part]


def parts(text: str) -> list[str]:
    """The same with what is empty between commas: it may be a value, or must be refused. Of no text there are none."""
    return [part.strip() for part in text.split(",")] if text.strip() else []


def parameters(pairs: tuple[str, ...]) -> dict[str, Scalar]:
    """`("hidden=200",)` as a dictionary of texts."""
    result: dict[str, Scalar] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"cannot read the parameter {pair!r}", now="write -p NAME=VALUE")
        if name in result:
            raise UsageError(f"the parameter {name!r} is given twice", now="give it once")
        result[name] = value
    return result


def batches(text: str) -> list[int]:
    """`1,8,32` or `1..64` (1, 2, 4, ... 64) as numbers."""
    result: list[int] = []
    for word in words(text):
        first, dots, last = word.partition("..")
        try:
            low, high = int(first), int(last) if dots else int(first)
        except ValueError:
            raise UsageError(f"cannot read {word!r} as a batch size", now="write 1,8,32 or 1..64") from None
        if not 1 <= low <= high <= MOST_BATCH:
            raise UsageError(f"batch {word} is out of range", now=f"use batch sizes from 1 to {MOST_BATCH}")
        result += doubled(low, high)
    return list(dict.fromkeys(result))


def _in_range(name: str, value: int, most: int) -> int:
    if not 1 <= value <= most:
        raise UsageError(f"{name} {value} is out of range", now=f"use a number from 1 to {most}")
    return value


def _positive(name: str, value: float) -> float:
    if not value > 0:
        raise UsageError(f"{name} {value:g} is out of range", now="use a positive number")
    return value


def _time(name: str, text: str) -> float:
    """A positive, finite time in seconds."""
    from stopwatt.units import parse

    try:
        seconds = parse(text, "s")
    except UsageError as error:
        raise UsageError(error.what, when=f"{name} {text}".rstrip(), now=error.now) from None
    if not seconds > 0:
        raise UsageError(f"{name} {text} is not above 0", when=f"reading {name}", now="give one above 0, such as 500us")
    return seconds
