"""What calling an operator again, by itself, gave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from stopwatt.records import Precision, Reading, Samples, Status, Trouble

BESIDE = " · "
"""Between hardware and what else tells places apart."""


class Mode(StrEnum):
    """Where an operator finds what it reads when it is called again and again.

    On a CPU what it writes takes turns as well in `resident` and `stream`: what a call returned stays until its buffers
    have their turn again, so that an allocator cannot hand out memory which is still in the nearest cache.
    """

    REUSE = "reuse"  # the same buffers each time: in the nearest cache that holds them
    RESIDENT = "resident"  # buffers that take turns, together larger than the caches of a core: in the last-level cache
    STREAM = "stream"  # inputs and weights that take turns, at least four times the last-level cache: in memory
    CHAINED = "chained"  # each output is the next input, where shapes allow; weights take turns as in `stream`


@dataclass(frozen=True, slots=True)
class ReplayRules:
    """How an operator is measured.

    Attributes:
        modes: Memory modes, each measured by itself.
        samples: Timed samples of a mode, at most.
        seconds: Time for the samples of a mode; ends them early, but not before `least` of them.
        least: Samples that are taken in any case.
        sample_s: A sample is one call, or as many as take so long: what is far above the clock's tick.
        settle_s: Calls before the first sample that do not count.
        footprint: Largest number of bytes for buffers that take turns.
        seed: Of the values and of the order.
        energy: Whether energy windows follow, where a meter is there.
    """

    modes: tuple[Mode, ...] = (Mode.REUSE, Mode.RESIDENT, Mode.STREAM, Mode.CHAINED)
    samples: int = 200
    seconds: float = 0.05
    least: int = 11
    sample_s: float = 2e-5
    settle_s: float = 0.01
    footprint: int = 2**31
    seed: int = 0
    energy: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where operators were measured: what else decides how long they take.

    Attributes:
        device: `cpu`, `cuda` or `cuda:1`, as asked for.
        hardware: What it is: `AMD EPYC 9V74`, `NVIDIA H200`.
        machine: Digest of the machine's identity (`devices.facts`).
        threads: Intra-operator threads on the host.
        precision: `tf32` where float32 products are computed in it; `fp32` otherwise, whatever the operators' types.
        software: Versions of what runs them.
    """

    device: str
    hardware: str
    machine: str
    threads: int
    precision: Precision = Precision.FP32
    software: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What tells its rows from those of other places of the same hardware: `AMD EPYC · 2 threads`, `H200 · tf32`.

        Threads of the host do not decide what a GPU takes.
        """
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}" if self.device == "cpu" else ""
        products = "" if self.precision is Precision.FP32 else str(self.precision)
        return BESIDE.join(filter(None, (self.hardware, threads, products)))


@dataclass(frozen=True, slots=True)
class Replay:
    """One operator in one memory mode, in one process.

    Attributes:
        operator: Its key.
        mode: Where it found what it reads.
        status: `OK`, or why there is no time.
        trouble: What happened, where the status is not `OK`.
        samples: `call` (ns a call, host to host; on a GPU with the wait for the device), and on a GPU `device` (ns a
            call on the device alone, launch gaps hidden) and `submit` (ns a call until it returned).
        readings: `energy_gpu`, `power_gpu`, ... a call, where they were measured.
        calls: Calls in a sample.
        sets: Buffers that took turns.
        footprint: Bytes of them together.
    """

    operator: str
    mode: Mode
    status: Status
    trouble: Trouble | None = None
    samples: Mapping[str, Samples] = field(default_factory=dict)
    readings: Mapping[str, Reading] = field(default_factory=dict)
    calls: int = 1
    sets: int = 1
    footprint: int = 0
