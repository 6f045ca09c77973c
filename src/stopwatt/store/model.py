"""What the store hands out besides measurements, and how a part of it is selected."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from stopwatt.records import Scalar, Status


class Access(StrEnum):
    """What a database is opened for."""

    READ = "read"
    WRITE = "write"


class RunStatus(StrEnum):
    """How far a run came. `OPEN` and `INTERRUPTED` runs can be continued."""

    OPEN = "open"
    INTERRUPTED = "interrupted"
    COMPLETE = "complete"
    PARTLY_FAILED = "partly_failed"


@dataclass(frozen=True, slots=True)
class Run:
    """One start of a command (and its continuations): what groups measurements.

    Attributes:
        id: 32 hexadecimal digits.
        command: As the user wrote it.
        plan: Digest of the plan. A later start with the same plan may go on with an unfinished run.
        tag: The user's name for it; may be empty.
        tool_version: Of the stopwatt that began it.
        started_at, finished_at: ISO 8601, UTC.
        rounds: Measurements saved so far.
        request: What was asked for beyond the command's own words (the grid of a sweep, the source of a table), as
            JSON knows it.
    """

    id: str
    command: str
    plan: str
    tag: str
    tool_version: str
    started_at: str
    finished_at: str | None = None
    status: RunStatus = RunStatus.OPEN
    rounds: int = 0
    request: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A measurement as a list shows it: what it was and how it ended, without what it measured.

    Attributes:
        workload: The source, with its parameters beside it.
        backend: The label, `compile:max-autotune`.
        trials: Timed calls; those of the warm-up do not count.
    """

    id: str
    run: str
    tag: str
    cell: str
    workload: str
    params: Mapping[str, Scalar]
    backend: str
    precision: str
    batch: int
    device: str
    threads: int
    round: int
    status: Status
    reason: str | None
    trials: int
    started_at: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which measurements; what is not given does not restrict.

    Attributes:
        run: Run id, or its beginning.
        workload: Source of the workload (lstm, model.onnx).
        backend: Name of the backend, without its variant.
        precision: fp32, tf32, fp16, bf16 or int8.
        batch: Samples per call.
        device: cpu, cuda, cuda:1.
        status: How the round ended (ok, failed, ...).
        cell: Cell key, or its beginning.
        tag: Tag of the run.
        limit: Only the latest so many.
    """

    run: str | None = None
    workload: str | None = None
    backend: str | None = None
    precision: str | None = None
    batch: int | None = None
    device: str | None = None
    status: Status | None = None
    cell: str | None = None
    tag: str | None = None
    limit: int | None = None
