"""What a bulk run is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from stopwatt.errors import UsageError
from stopwatt.extensions import unknown
from stopwatt.records import Precision, Scalar
from stopwatt.serving.contract import Task

MOST_PROCESSES = 512
MOST_BATCH = 4096


class Executor(StrEnum):
    """Where the processes of a run are."""

    LOCAL = "local"  # this machine
    RAY = "ray"  # a Ray cluster


@dataclass(frozen=True, slots=True)
class Model:
    """What shall be run.

    Attributes:
        source: Path of a pack, or a workload as `stopwatt workloads` lists them.
        params: Of a workload.
        backend, precision: Of a workload that is not packed.
        seed: Of a workload's weights.
    """

    source: str
    params: Mapping[str, Scalar] = field(default_factory=dict)
    backend: str = "eager"
    precision: Precision = Precision.FP32
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A bulk run. Where a number is 0, it is chosen.

    Attributes:
        data: A folder, a list file, a glob, an annotations file or a video.
        model: What looks at the images.
        out: Folder of the results; made if it is not there.
        images: Folder of the images of an annotations file.
        task: What the outputs mean; `None` for what the model is for.
        workers: Processes with a model.
        decoders: Processes that read and decode.
        devices: One for each worker in turn; more than there are workers: each worker has several.
        batch: Images of a call.
        queue: Decoded images that may wait; 0 for none: workers read and decode for themselves; `None`: chosen.
        threads: Host threads of a worker on a CPU.
        auto: Whether the layout may change in the first minute.
        per_image: Whether to write a file for each image as well.
        fresh: Whether results that are in the folder are deleted first.
        limit: Images at most, the first ones; 0 for all.
        executor: Where the processes are.
        ceilings: Whether to measure first what this machine does at most.
        timeout_s: A worker that takes longer for a batch is ended, as one that died.
        address: Of the cluster (`auto`, `host:6379`, `ray://host:10001`); empty for one of this machine's own.
    """

    data: str
    model: Model
    out: Path
    images: Path | None = None
    task: Task | None = None
    workers: int = 0
    decoders: int = 0
    devices: tuple[str, ...] = ("cpu",)
    batch: int = 0
    queue: int | None = None
    threads: int = 0
    auto: bool = False
    per_image: bool = False
    fresh: bool = False
    limit: int = 0
    executor: Executor = Executor.LOCAL
    ceilings: bool = True
    timeout_s: float = 600.0
    address: str = ""


def executor_of(text: str) -> tuple[Executor, str]:
    """Executor and address, from `local`, `ray` or `ray:ADDRESS`.

    Raises:
        UsageError: Something else.
    """
    kind, _, address = text.partition(":")
    if kind not in tuple(Executor) or (address and kind != Executor.RAY):
        raise unknown("executor", text, (*map(str, Executor), f"{Executor.RAY}:ADDRESS"))
    return Executor(kind), address


def check(asked: Asked) -> None:
    """Refuse what cannot be meant.

    Raises:
        UsageError: A number is out of range.
    """
    ranges = {
        "--workers": (asked.workers, MOST_PROCESSES),
        "--decoders": (asked.decoders, MOST_PROCESSES),
        "--batch": (asked.batch, MOST_BATCH),
        "--queue": (asked.queue or 0, 1_000_000),
        "--threads": (asked.threads, 4096),
        "--limit": (asked.limit, 10**12),
        "--seed": (asked.model.seed, 2**63 - 1),
    }
    for name, (value, most) in ranges.items():
        if not 0 <= value <= most:
            raise UsageError(f"{name} {value} is out of range", now=f"give a number from 0 to {most}")
    if not asked.devices:
        raise UsageError("no device is named", now="write --device cpu, cuda or cuda:0,cuda:1")
    if not asked.timeout_s > 0:
        raise UsageError(f"--timeout {asked.timeout_s:g} is out of range", now="give seconds above 0")
