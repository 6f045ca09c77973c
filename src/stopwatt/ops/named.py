"""Measure what a user names: captured workloads, summary files, plans."""

from collections.abc import Sequence
from dataclasses import dataclass

from stopwatt.energy import EnergyRules
from stopwatt.errors import UsageError
from stopwatt.extensions import unknown
from stopwatt.operators.replay import Mode, ReplayRules
from stopwatt.ops.measuring import Onlooker, measure
from stopwatt.ops.places import place_of
from stopwatt.ops.queue import Order
from stopwatt.ops.selection import is_file, plans_among, select
from stopwatt.records import Precision
from stopwatt.reporting.operators.measure import MeasureResult
from stopwatt.store import open_store
from stopwatt.sweeping.ceilings import precisions_named


@dataclass(frozen=True, slots=True)
class Wanted:
    """How named operators are measured.

    Attributes:
        modes: Memory modes.
        budget_s: Seconds; `None` for what plans say, else for no end.
        device: `cpu`, `cuda`, `cuda:1`.
        threads: Of the host; 0 for all cores that may be used.
        precision: `TF32` for float32 products in it.
        again: Measure what the store has, too.
        energy: How energy is measured; `None` for not.
    """

    modes: tuple[Mode, ...] = tuple(Mode)
    budget_s: float | None = None
    device: str = "cpu"
    threads: int = 0
    precision: Precision = Precision.FP32
    again: bool = False
    energy: EnergyRules | None = None


def measure_named(
    names: Sequence[str], wanted: Wanted, *, store: str | None = None, watcher: Onlooker | None = None
) -> MeasureResult:
    """Measure the operators that names mean, in the order of plans if there are any.

    Args:
        names: Captured workloads, summary files, plans; all captures if empty.
        wanted: How.
        store: Results database.
        watcher: Looks on.

    Raises:
        UsageError: A name that means nothing here, a file that cannot be used, or a budget that is not above 0.
        Interrupted: The user stopped it; what was done is saved.
        StoreError: A job could not be saved.
    """
    if wanted.budget_s is not None and not wanted.budget_s > 0:
        raise UsageError("the budget is not above 0", when="measuring operators", now="give a time, such as 10min")
    rules = ReplayRules(modes=wanted.modes)
    place = place_of(wanted.device, wanted.threads, wanted.precision)
    with open_store(store) as database:
        selected, plans = select(database, names, place), plans_among(database, names)
        planned_s = sum(one.budget_s for one in plans) if plans else None
        found = measure(
            database,
            selected.operators,
            place,
            rules,
            planned_s if wanted.budget_s is None else wanted.budget_s,
            watcher,
            again=wanted.again,
            order=Order.GIVEN if plans else Order.RANDOM,
            energy=wanted.energy,
        )
        models = tuple(name for name in names if not is_file(name))
        return MeasureResult(found, database.operators.where, models, selected.changes)


def modes_named(names: Sequence[str]) -> tuple[Mode, ...]:
    """Memory modes by name, each once.

    Raises:
        UsageError: There is none of a name, or there are no names.
    """
    for name in names:
        if name not in list(Mode):
            raise unknown("memory mode", name, tuple(Mode))
    if not names:
        raise UsageError(
            "no memory mode was given", when="choosing memory modes", now=f"give some of {', '.join(Mode)}"
        )
    return tuple(Mode(name) for name in dict.fromkeys(names))


def precision_named(name: str) -> Precision:
    """The precision of products in float32 that a name means.

    Raises:
        UsageError: It means none.
    """
    return precisions_named([name])[0]
