"""Which operators a command means: those of captured workloads, or of files that people may have edited."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stopwatt.devices.resolve import kind_of
from stopwatt.errors import UsageError
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Place
from stopwatt.records import Precision

if TYPE_CHECKING:
    from stopwatt.ops.plan_file import PlanFile
    from stopwatt.store.database import Store

_FILES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Selected:
    """Operators that a command means.

    Attributes:
        operators: In the order of their first call, those of the newest capture first; equal ones may be among them.
        changes: What people changed in summary files, one sentence each.
    """

    operators: tuple[Operator, ...]
    changes: tuple[str, ...] = ()


def is_file(name: str) -> bool:
    """Whether a name means a summary file or a plan, not a workload."""
    return name.endswith(_FILES)


def plans_among(store: "Store", names: Sequence[str]) -> "list[PlanFile]":
    """The plans that some of the names mean: their budgets count, and their order.

    Raises:
        UsageError: One of them cannot be read.
    """
    from stopwatt.ops.plan_file import is_plan, read_plan

    return [read_plan(Path(name), store) for name in names if is_plan(name)]


def select(store: "Store", names: Sequence[str], place: Place) -> Selected:
    """Operators of captures that ran as at a place, of summary files and of plans.

    Args:
        store: With the captures.
        names: Workloads and paths of summary files or plans; all captures of the store if empty.
        place: Decides between captures on a CPU and on a GPU, and between products in fp32 and tf32.

    Raises:
        UsageError: A workload that was not captured for this place, or a file that cannot be read as a summary or a
            plan, or a plan for another place.
    """
    operators: list[Operator] = []
    changes: list[str] = []
    for name in names or (None,):
        found = _of_file(store, name, place) if name is not None and is_file(name) else _captured(store, name, place)
        if not found.operators:
            raise _nothing(name, place)
        operators += found.operators
        changes += found.changes
    return Selected(tuple(operators), tuple(changes))


def _captured(store: "Store", name: str | None, place: Place) -> Selected:
    return Selected(tuple(_calls(store, name, place)))


def _calls(store: "Store", name: str | None, place: Place) -> Iterator[Operator]:
    for capture in store.operators.captures(workload=name):
        setup = capture.setup
        same = kind_of(setup.device) == kind_of(place.device)
        if same and (setup.precision is Precision.TF32) is (place.precision is Precision.TF32):
            yield from capture.operators


def _of_file(store: "Store", name: str, place: Place) -> Selected:
    from stopwatt.ops.plan_file import is_plan
    from stopwatt.ops.summary import selected

    if is_plan(name):
        return Selected(_planned(store, name, place))
    _, found = selected(Path(name), store)
    return Selected(found.operators, found.changes)


def _planned(store: "Store", name: str, place: Place) -> tuple[Operator, ...]:
    (plan,) = plans_among(store, (name,))
    plan.check(place)
    if not plan.operators:
        raise UsageError("the plan has no operators", when=name, now="nothing is to be measured")
    return plan.operators


def _nothing(name: str | None, place: Place) -> UsageError:
    what = "no model was captured" if name is None else f"{name} was not captured, or calls no operators"
    return UsageError(
        f"{what}, as it runs on {place.device} with products in {place.precision}",
        when="looking for operators to measure",
        now=f"stopwatt ops capture {name or 'WORKLOAD'} --device {place.device}",
    )
