"""Ways of measuring: what people choose, on purpose or by default, when they time a model.

A *way* is one combination of levels, one per factor. The *reference* is how stopwatt times latency; every other way
differs from it in at least one factor. An *ablation* measures ways beside the reference, in the same process, so that
their ratio says what the choice does to the number that would be reported: the average over the calls, since that is
the only number that all ways have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from stopwatt.units import exact


class Load(StrEnum):
    """What else the machine does, on purpose."""

    NONE = "none"
    CPU = "cpu"  # a process per core that computes
    MEMORY = "memory"  # a process per core that copies memory


class Warming(StrEnum):
    """What happens before calls count."""

    NONE = "none"  # the first call of the process counts
    FIXED = "fixed"  # ten calls do not count, whatever they show
    STEADY = "steady"  # until two windows agree (`records.Warmup`)


class Waiting(StrEnum):
    """When the device is waited for."""

    NONE = "none"  # never: a call counts as done when it returns
    END = "end"  # once, after all calls
    EACH = "each"  # after each call


class Timer(StrEnum):
    """What tells the time. The last three bring their own loop, and decide themselves when the device is waited for."""

    PERF_COUNTER = "perf_counter"  # the host's monotonic clock
    TIME = "time"  # the host's wall clock, `time.time`
    EVENTS = "events"  # a pair of events on the device's stream around each call
    GRAPH = "graph"  # events around one replay of a CUDA graph that holds many calls
    BENCHMARK = "benchmark"  # `torch.utils.benchmark.Timer(...).timeit()` as it comes
    DO_BENCH = "do_bench"  # `triton.testing.do_bench` as it comes


class Inputs(StrEnum):
    """What the model is given."""

    ROTATING = "rotating"  # several sets of random values in turn
    ONE = "one"  # one set of random values
    ZEROS = "zeros"


class Cache(StrEnum):
    """What the caches hold when a call begins."""

    HOT = "hot"  # what the call before left there
    FLUSHED = "flushed"  # something else: a buffer larger than the largest cache was written in between


class Collector(StrEnum):
    """What Python's garbage collector may do during the calls."""

    FROZEN = "frozen"  # nothing
    RUNNING = "running"  # what it does by default


class Copies(StrEnum):
    """Where the copies between host and device are."""

    OUTSIDE = "outside"  # not timed: inputs and outputs stay where the runtime wants them
    INSIDE = "inside"  # timed with each call


FIXED_CALLS = 10
OWN_LOOP = frozenset({Timer.GRAPH, Timer.BENCHMARK, Timer.DO_BENCH})
ON_DEVICE = frozenset({Timer.EVENTS, Timer.GRAPH, Timer.DO_BENCH})


@dataclass(frozen=True, slots=True)
class Way:
    """One way of measuring; without arguments the reference.

    Attributes:
        threads: Intra-operator threads; 0 for those of the setup.
        idle_s: Pause before each call, outside its timing.
        load: Running beside the calls.
    """

    warmup: Warming = Warming.STEADY
    sync: Waiting = Waiting.EACH
    timer: Timer = Timer.PERF_COUNTER
    inputs: Inputs = Inputs.ROTATING
    cache: Cache = Cache.HOT
    gc: Collector = Collector.FROZEN
    threads: int = 0
    copies: Copies = Copies.OUTSIDE
    idle_s: float = 0.0
    load: Load = Load.NONE

    @property
    def changes(self) -> Mapping[str, Any]:
        """Levels that are not the reference's, by factor, in the order of the factors."""
        return {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}

    @property
    def cold(self) -> bool:
        """Whether its calls come before anything is warm: only the first way of a process can do that."""
        return self.warmup is not Warming.STEADY

    @property
    def label(self) -> str:
        """`sync=none`, `timer=events sync=end`, `idle=10 ms`; `reference`."""
        return " ".join(f"{FACTOR_NAMES[name]}={level_text(level)}" for name, level in self.changes.items()) or (
            "reference"
        )

    def merged(self, other: "Way") -> "Way":
        """This way with the other's changes too."""
        return replace(self, **other.changes)


REFERENCE = Way()
FACTOR_NAMES: Mapping[str, str] = {one.name: one.name.removesuffix("_s") for one in fields(Way)}
"""Field -> the factor's name as the user writes it."""


def level_text(level: Any) -> str:
    """A level as the user writes it: `none`, `4`, `10 ms`."""
    return exact(level, "s") if isinstance(level, float) else str(level)


def contradiction(way: Way, device: str) -> str:
    """Why nobody can measure that way on this kind of device (`cpu`, `cuda`); empty where somebody could."""
    if way.timer in ON_DEVICE and device == "cpu":
        return f"timer={way.timer} reads the clock of a GPU, and a CPU has none of its own"
    if way.timer in OWN_LOOP:
        return _own_loop(way)
    if way.timer is Timer.EVENTS and way.sync is Waiting.NONE:
        return "events without synchronisation: their distance cannot be read before the device has reached them"
    if way.sync is Waiting.NONE and way.copies is Copies.INSIDE:
        return "copies inside without synchronisation: fetching the results waits for them"
    if way.sync is Waiting.END and way.timer is not Timer.EVENTS:
        between = {"idle": way.idle_s > 0, "cache": way.cache is Cache.FLUSHED}
        told = next((name for name, there in between.items() if there), "")
        if told:
            return f"{told} with sync=end: one reading around all calls would time what is done between them"
    return ""


def _own_loop(way: Way) -> str:
    """What does not go together with a timer that runs the calls itself."""
    name = f"timer={way.timer}"
    if way.sync is not Waiting.EACH:
        return f"{name} with sync={way.sync}: it decides itself when to wait for the device"
    if way.idle_s or way.cache is Cache.FLUSHED:
        return f"{name} with {'idle' if way.idle_s else 'cache'}: nothing can be done between the calls of its own loop"
    if way.timer is Timer.BENCHMARK and way.threads:
        return f"{name} with threads: it sets the number of threads itself (to 1)"
    if way.timer is Timer.GRAPH and way.cold:
        return f"{name} with warmup={way.warmup}: capturing a graph needs calls before the first replay"
    if way.timer is Timer.GRAPH and way.copies is Copies.INSIDE:
        return f"{name} with copies=inside: copies to memory of the host that is not pinned cannot be captured"
    return ""


@dataclass(frozen=True, slots=True)
class Ablation:
    """Ways to measure beside the reference, over the rounds of a cell.

    A round opens, while the process is cold, with one of the cold ways, each in turn; then the reference is warmed up;
    then come the warm ways in random order, each series between two of the reference. The warm ways are dealt out over
    as many rounds as there are cold ones, so that each way has the same number of rounds.

    Attributes:
        ways: Without the reference; each once.
        calls: Of a series, at most.
        seconds: Of a series, unless it has fewer than `least_calls` by then; twenty times as long for a cold one.
        least_calls: Of a series, however slow they are.
        series: Of each warm way in a round.
    """

    ways: tuple[Way, ...]
    calls: int = 100
    seconds: float = 0.1
    least_calls: int = 10
    series: int = 5

    @property
    def cycle(self) -> int:
        """Rounds in which each way is measured once."""
        return max(1, sum(way.cold for way in self.ways))

    def of_round(self, number: int) -> "tuple[Way | None, tuple[Way, ...]]":
        """The cold way that opens a round (from 0), if there are any, and the round's warm ways."""
        cold = [way for way in self.ways if way.cold]
        warm = [way for way in self.ways if not way.cold]
        place = number % self.cycle
        return (cold[place] if cold else None), tuple(warm[place :: self.cycle])


PREFIX = "way:"


def sample_name(way: Way, part: str = "") -> str:
    """Name under which a round keeps what one way said: one value for each series of that way in the round.

    Parts: `` average of a series as that way reports it, in ns; `reference` the geometric mean of the two series of the
    reference around it (of all of the round for a cold way), in ns; `calls` number of calls of each series; `trials`
    every single reading, in ns, where the way takes any.
    """
    return f"{PREFIX}{way.label}" + (f":{part}" if part else "")
