"""What the parts of a bulk run say to each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from stopwatt.images.item import Failed, Item
from stopwatt.records import Scalar
from stopwatt.serving.contract import Found, Placement


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one image; exactly one of `found` and `failed` is there.

    Attributes:
        item: The image.
        placement: Where it lay in the input, with its true size; `None` where it failed before.
        found: What the model said.
        failed: Why there is nothing.
    """

    item: Item
    placement: Placement | None
    found: Found | None = None
    failed: Failed | None = None


class Stage(StrEnum):
    """Where images spend their time."""

    READ = "read"
    DECODE = "decode"
    WAIT = "wait"  # in the queue before the model
    PREPARE = "prepare"  # of a batch: gathered and normalised, by the worker
    MODEL = "model"
    POSTPROCESS = "postprocess"
    WRITE = "write"


class Idle(StrEnum):
    """Who waits for whom."""

    QUEUE_EMPTY = "queue-empty"  # seconds in which no decoded image waited
    WORKERS = "workers"  # model workers without images: worker-seconds
    DECODERS = "decoders"  # decoders without room: decoder-seconds


@dataclass(frozen=True, slots=True)
class Tick:
    """One reading of a run, once a second or more often; counters since the run's start.

    Attributes:
        at_ns: Monotonic clock.
        done: Images with a result.
        failed: Images without.
        by_worker: Images of each model worker.
        queued: Decoded images that wait for a model.
        room: Places of that queue.
        idle_workers: Model workers that wait for images.
        idle_decoders: Decoders that wait for room.
        unwritten: Results that wait for the writer.
        stage_s: Seconds of work by stage, summed over all that do it.
        cpu_s: CPU seconds of all processes of the run; `None` where the kernel's counters could not be read.
        rss_bytes: Resident memory of all processes of the run; shared pages count once for each. `None` as above.
        readings: What meters say at this moment, by instrument and channel (`gpu-0.utilisation`, `gpu-0.power`), in the
            units of `energy.CHANNELS`. What could not be read is absent.
        idle_s: Time spent waiting, from every change of state and not from the readings alone.
    """

    at_ns: int
    done: int
    failed: int
    by_worker: tuple[int, ...]
    queued: int
    room: int
    idle_workers: int
    idle_decoders: int
    unwritten: int
    stage_s: Mapping[Stage, float]
    cpu_s: float | None
    rss_bytes: int | None
    readings: Mapping[str, float] = field(default_factory=dict)
    idle_s: Mapping[Idle, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a run is laid out.

    Attributes:
        decoders: Processes that read and decode.
        workers: Processes with a model each.
        devices: Of each worker; one for each, or one for all.
        batch: Images of a call.
        queue: Decoded images that may wait; 0 for none: a worker decodes what it needs itself.
        threads: Intra-operator threads of a worker on a CPU.
    """

    decoders: int
    workers: int
    devices: tuple[str, ...]
    batch: int
    queue: int
    threads: int


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What this machine does at most, in images a second; `None` where it was not measured, and then why.

    Attributes:
        model: The model alone, inputs ready, on the same cores as in the run.
        decode: Decoding alone, on the same cores as in the run.
        storage: Reading the files alone.
        shared: How the three share cores, in one sentence.
        why: Of what is missing, by name.
        together: What the cores allow when decoding and the model share them: all cores, divided by the CPU seconds
            that one image takes in both.
        cached: How the files that were read for `storage` came, in one sentence: from the disk or from the page cache.
        layout: With which they were measured; a run whose layout changes later has others.
    """

    model: float | None
    decode: float | None
    storage: float | None
    shared: str = ""
    why: Mapping[str, str] = field(default_factory=dict)
    together: float | None = None
    cached: str = ""
    layout: Layout | None = None

    def holds(self, name: str, layout: Layout) -> bool:
        """Whether a ceiling is one for this layout: `decode` for as many decoders, `model` for the same workers."""
        if self.layout is None:
            return True
        if name == "decode":
            return self.layout.decoders == layout.decoders
        if name == "model":
            return replace(self.layout, decoders=layout.decoders, queue=layout.queue) == layout
        return True


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """What holds a run back.

    Attributes:
        name: `model`, `decode`, `storage`, `write` or `none`.
        sentence: The evidence: `decode-bound: the queue was empty 71 % of the time`.
        remedy: What to change, and what it is worth at most.
    """

    name: str
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """What a node of a cluster did in a run.

    Attributes:
        name: Of the node.
        layout: As it was at the end.
        images: That it did, failed ones included.
        images_per_s: Over the whole run; `None` where it did nothing.
        by_worker: Images of each of its model workers, those included that were done again elsewhere.
        bottleneck: What held it back; `None` where it was lost.
        lost: Why it was, in a sentence; empty where it was not.
    """

    name: str
    layout: Layout
    images: int
    images_per_s: float | None
    by_worker: tuple[int, ...] = ()
    bottleneck: Bottleneck | None = None
    lost: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """A run, as `summary.json` has it.

    Attributes:
        images: Asked for.
        done: With a result, earlier parts of a resumed run included.
        failed: Reason -> number of images.
        seconds: Of this part of the run, from the first image to the last result written.
        images_per_s: Of this part; `None` where it did nothing.
        layout: As it was at the end.
        bottleneck: By name.
        ceilings: Against which it is judged.
        ticks: One a second or more.
        resumed: Images that an earlier part had done.
        restarts: Workers and decoders that died and were started again.
        energy: For each scope (`gpu`, `package`, `dram`): `<scope>.joules`, `<scope>.joules_per_image`,
            `<scope>.verdict` (`measured`, `suspect`, `unavailable`) and `<scope>.why`. Scopes never add up.
        facts: Machine, software, pack, data: what says which run this is.
        notes: What a reader must know.
        nodes: Of a cluster, those that took part, in the order in which they began; empty for this machine alone.
    """

    images: int
    done: int
    failed: Mapping[str, int]
    seconds: float
    images_per_s: float | None
    layout: Layout
    bottleneck: Bottleneck
    ceilings: Ceilings
    ticks: tuple[Tick, ...] = ()
    resumed: int = 0
    restarts: int = 0
    energy: Mapping[str, Scalar | None] = field(default_factory=dict)
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()
