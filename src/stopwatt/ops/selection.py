"""Which operators a command means: those of captured workloads, or of summary files that people may have edited."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stopwatt.devices.resolve import kind_of
from stopwatt.errors import UsageError
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Place
from stopwatt.records import Precision

if TYPE_CHECKING:
    from stopwatt.store.database import Store

_FILES = (".yaml", ".yml")


def is_summary(name: str) -> bool:
    """Whether a name means a summary file, not a workload."""
    return name.endswith(_FILES)


def select(store: "Store", names: Sequence[str], place: Place) -> list[Operator]:
    """Operators of captures that ran as at a place, and of summary files.

    Args:
        store: With the captures.
        names: Workloads and paths of summary files; all captures of the store if empty.
        place: Decides between captures on a CPU and on a GPU, and between products in fp32 and tf32.

    Returns:
        In the order of their first call, those of the newest capture first; equal ones may be among them.

    Raises:
        UsageError: A workload that was not captured for this place, or a file that cannot be read as a summary.
    """
    found: list[Operator] = []
    for name in names or (None,):
        operators = list(
            _of_file(store, name) if name is not None and is_summary(name) else _captured(store, name, place)
        )
        if not operators:
            raise _nothing(name, place)
        found += operators
    return found


def _captured(store: "Store", name: str | None, place: Place) -> Iterator[Operator]:
    for capture in store.operators.captures(workload=name):
        setup = capture.setup
        same = kind_of(setup.device) == kind_of(place.device)
        if same and (setup.precision is Precision.TF32) is (place.precision is Precision.TF32):
            yield from capture.operators


def _of_file(store: "Store", name: str) -> tuple[Operator, ...]:
    from stopwatt.operators.summary import edited
    from stopwatt.ops.summary import read_summary

    summary = read_summary(Path(name))
    capture = store.operators.capture_of(summary.workload, summary.setup)
    if capture is None:
        raise UsageError(
            f"the store has no capture of {summary.workload.label} as {summary.setup.label}",
            when=name,
            now=f"stopwatt ops capture {summary.workload.source}, into the store that this command reads",
        )
    return edited(summary, capture).operators


def _nothing(name: str | None, place: Place) -> UsageError:
    what = "no model was captured" if name is None else f"{name} was not captured, or calls no operators"
    return UsageError(
        f"{what}, as it runs on {place.device} with products in {place.precision}",
        when="looking for operators to measure",
        now=f"stopwatt ops capture {name or 'WORKLOAD'} --device {place.device}",
    )
