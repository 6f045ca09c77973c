"""Times of operators that belong to no model: what `model-prediction` learns from beside the operators of other models.

Measured is the plan that `stopwatt ops plan --basis` makes in an empty database, in its order, by the rules of
`reconciliation`. The rows stay in `build/`; an interrupted run goes on from there.
"""

import sys
from pathlib import Path

from reconciliation import BUILD, THREADS
from stopwatt.operators.replay import ReplayRules
from stopwatt.ops.measuring import measure
from stopwatt.ops.places import place_of
from stopwatt.ops.planning import Asked, make_plan
from stopwatt.ops.queue import Order
from stopwatt.reporting.console import console_for
from stopwatt.reporting.progress import show_progress
from stopwatt.store import open_store

STORE = BUILD / "basis-cpu.db"
BUDGET_S = 690.0
PLANNED_S = 6000.0
"""What the plan is made for: before anything was measured a usual pace is assumed, and it must not end too early."""


def main(where: Path = STORE, budget_s: float = BUDGET_S) -> None:
    """Measure as much of the plan as the budget has room for."""
    BUILD.mkdir(exist_ok=True)
    with show_progress(console_for(sys.stderr)) as watcher, open_store(str(where)) as store:
        plan = make_plan(store, Asked(threads=THREADS, budget_s=PLANNED_S, basis=True))
        operators = [one.operator for one in plan.planned]
        found = measure(store, operators, place_of("cpu", THREADS), ReplayRules(), budget_s, watcher, order=Order.GIVEN)
    print(
        f"{len(found.replays)} series in {found.seconds:.0f} s; {found.left} left; "
        f"sentinel {found.sentinel_s * 1e3:.2f} ms, spread {found.spread:.0%}; {found.repeated} jobs repeated",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
