"""What is to be explained: a model in a setup, or the summary of its capture, which a person may have edited."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from stopwatt.errors import UsageError
from stopwatt.operators.capture import Capture
from stopwatt.ops.editing import as_edited
from stopwatt.ops.plan_file import is_plan
from stopwatt.ops.selection import is_file
from stopwatt.ops.setting import is_of
from stopwatt.ops.summary import selected
from stopwatt.records import Cell
from stopwatt.sweeping.plan import Request

if TYPE_CHECKING:
    from stopwatt.store.database import Store

EAGER = "eager"


@dataclass(frozen=True, slots=True)
class Given:
    """What is to be explained.

    Attributes:
        asked: The model and its setup.
        capture: Of a summary file, as it was taken; `None` where a workload was named.
        edited: The same as a person wants it.
        changes: What that changed.
    """

    asked: Request
    capture: Capture | None = None
    edited: Capture | None = None
    changes: tuple[str, ...] = ()


def given_by(store: "Store", asked: Request) -> Given:
    """The workload that was named, or that of a summary file.

    Args:
        store: With the captures that summary files are of.
        asked: Of one workload; in its place may stand a file.

    Raises:
        UsageError: A file that cannot be used, or options beside it that it says itself.
    """
    if len(asked.workloads) != 1 or not is_file(asked.workloads[0]):
        return Given(asked)
    name = asked.workloads[0]
    usual = Request((name,), backends=asked.backends, baseline=False, protocol=asked.protocol)
    if asked != usual:
        raise UsageError(
            "a summary says its own parameters, precision, batch, device and threads",
            when=name,
            now="leave these options out, or name the workload",
        )
    if is_plan(name):
        raise UsageError("this is a plan, and a model is explained", when=name, now="name a workload or a summary file")
    capture, edited = selected(Path(name), store)
    setup = capture.setup
    if setup.backend_label != EAGER:
        raise UsageError(
            f"this is a summary of {setup.backend_label}, and eager is explained",
            when=name,
            now=f"stopwatt ops explain {capture.workload.source} --compare {EAGER},{setup.backend_label}",
        )
    of_file = replace(
        usual,
        workloads=(capture.workload.source,),
        params=dict(capture.workload.params),
        precisions=(str(setup.precision),),
        batches=(setup.batch,),
        device=setup.device,
        threads=setup.threads,
    )
    return Given(of_file, capture, as_edited(capture, edited) if edited.changes else None, edited.changes)


def stale(capture: Capture, cell: Cell) -> tuple[str, ...]:
    """Whether a summary was written of something else than what is measured now."""
    return () if is_of(capture, cell) else ("the summary was captured with other code or versions, or elsewhere",)
