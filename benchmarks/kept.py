"""Rounds that `build/` has are not measured again: what takes an hour may be interrupted, and its page written anew."""

from typing import TYPE_CHECKING

from stopwatt.records import Measurement, Status
from stopwatt.running import run_plan
from stopwatt.store import Access, Selection, open_store
from stopwatt.sweeping.plan import Plan

if TYPE_CHECKING:
    from stopwatt.sweeping.execute import Watcher


def rounds_of(plan: Plan, store: str, watcher: "Watcher") -> list[Measurement]:
    """All rounds of a plan that ended: those of its latest finished run, or else of one that is measured now."""
    with open_store(store) as database:
        run = database.find_finished(plan.digest)
    if run is None:
        run = run_plan(plan, {}, store=store, watcher=watcher, allow=True).run
    with open_store(store, access=Access.READ) as database:
        rounds = database.measurements(Selection(run=run.id))
        return [one for one in rounds if one.status is not Status.INTERRUPTED]
