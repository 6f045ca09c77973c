"""Where memory ends for a setup: the largest batch that ran, the first that did not fit, and where a line would end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from stopwatt.analyse.row import Row
from stopwatt.records import Scalar, Status
from stopwatt.stats.reach import Reach, reach
from stopwatt.sweeping.toolarge import left_out, ran_out

_RAN = (Status.OK, Status.INVALID)


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """Batch sizes that fit into memory, and that do not.

    Attributes:
        metric: The memory that `reach` is about: `device_memory`, or `host_memory` on a CPU.
        ran: The largest batch that ran, whatever its answers; `None` where none did.
        failed: The smallest batch above it that was tried and did not fit; `None` where there is none.
        probable: Whether that was killed, and the kernel had killed something for lack of memory meanwhile.
        not_tried: Batches that were left out because of it.
        reach: The batch at which memory would be full, by the memory of those that ran; or why that is not told.
    """

    metric: str
    ran: int | None = None
    failed: int | None = None
    probable: bool = False
    not_tried: tuple[int, ...] = ()
    reach: Reach = field(default_factory=Reach)


def memory_limit(rows: Sequence[Row], facts: Mapping[str, Scalar]) -> MemoryLimit:
    """Where memory ends for one setup.

    Args:
        rows: Of one workload and setup, by rising batch.
        facts: Of the machine that measured.
    """
    device = rows[0].cell.setup.device
    metric = "device_memory" if device.startswith("cuda") else "host_memory"
    ran = max((row.cell.setup.batch for row in rows if row.status in _RAN), default=None)
    beyond = [row for row in rows if ran is None or row.cell.setup.batch > ran]
    tried = [row for row in beyond if ran_out(row.status, row.trouble) and not left_out(row.trouble)]
    failed = tried[0] if tried else None
    return MemoryLimit(
        metric,
        ran,
        None if failed is None else failed.cell.setup.batch,
        failed is not None and failed.status is Status.KILLED,
        tuple(row.cell.setup.batch for row in beyond if left_out(row.trouble)),
        _checked(_reach(rows, metric, capacity(facts, device)), ran, failed),
    )


def capacity(facts: Mapping[str, Scalar], device: str) -> float | None:
    """Bytes of memory that a device has; of a CPU those that its control groups allow. `None` where nobody says."""
    names = ("gpu.memory",) if device.startswith("cuda") else ("memory.total", "memory.limit")
    found = [float(value) for name in names if isinstance(value := facts.get(name), int | float) and value > 0]
    return min(found, default=None)


def _reach(rows: Sequence[Row], metric: str, there_are: float | None) -> Reach:
    if there_are is None:
        return Reach(why="how much memory there is is not known")
    known = [
        (row.cell.setup.batch, value)
        for row in rows
        if metric in row.estimates and (value := row.estimates[metric].measured)
    ]
    batches, taken = (
        np.array(column, dtype=np.float64) for column in (zip(*known, strict=True) if known else ((), ()))
    )
    return reach(batches, taken, there_are)


def _checked(found: Reach, ran: int | None, failed: Row | None) -> Reach:
    """Not told where what was tried says otherwise."""
    if found.batch is None or found.low is None or found.high is None:
        return found
    if ran is not None and found.high < ran:
        return Reach(why=f"memory per sample says {found.batch}, but batch {ran} ran")
    if failed is not None and found.low >= failed.cell.setup.batch:
        return Reach(why=f"memory per sample says {found.batch}, but batch {failed.cell.setup.batch} did not fit")
    return found
