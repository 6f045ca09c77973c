"""Measure what a device does at most, once for each machine, precision and number of threads."""

from collections.abc import Sequence
from pathlib import Path

from stopwatt import __version__
from stopwatt.backends import catalogue
from stopwatt.devices.facts import machine_identity, read_facts
from stopwatt.devices.resolve import kind_of, require_driver
from stopwatt.errors import StopwattError, UsageError
from stopwatt.extensions import unknown
from stopwatt.measuring import ceilings
from stopwatt.measuring.job import JobKind
from stopwatt.records import PRECISIONS, Cell, Measurement, Precision, Setup, Status, Trouble, Workload
from stopwatt.store import RunStatus, Selection
from stopwatt.store.database import Store
from stopwatt.store.references import ABOUT_MACHINE
from stopwatt.sweeping.coordinates import threads_of
from stopwatt.sweeping.execute import Interrupted, Watcher, execute
from stopwatt.sweeping.plan import Plan
from stopwatt.sweeping.rounds import LocalRounds
from stopwatt.workloads.source import digest_of_files

TIMEOUT_S = 300.0
SIDES = {ceilings.SMALLEST_SIDE: 128, ceilings.LARGEST_SIDE: 16384}
LARGE, SMALL = 2**30, 2**28
"""Bytes of the buffer that is copied: far beyond every cache, but a small part of the memory."""


def precisions_named(texts: Sequence[str]) -> list[Precision]:
    """Precisions by their names.

    Raises:
        UsageError: No such precision.
    """
    for text in texts:
        if text not in PRECISIONS:
            raise unknown("precision", text, PRECISIONS)
    return [Precision(text) for text in texts]


def plan_ceilings(device: str, threads: int = 0, precisions: Sequence[Precision] = ()) -> Plan:
    """The cells of a device's ceilings, one a precision.

    Args:
        device: `cpu`, `cuda`, `cuda:1`.
        threads: Host threads; 0 for as many as the process may use cores.
        precisions: All that torch has on the device if empty.

    Raises:
        UsageError: No such device or number of threads, or a precision that torch does not have on it.
        EnvironmentUnfit: There is no driver for it.
    """
    offered = ceilings.PRECISIONS[kind_of(device)]
    for precision in precisions:
        if precision not in offered:
            raise UsageError(f"torch has no products in {precision} on {device}", now=f"use {', '.join(offered)}")
    require_driver(device)
    facts = read_facts(device).values
    code = digest_of_files([Path(ceilings.__file__)])
    software = catalogue.software(catalogue.get("eager"), ())
    used = threads_of(threads, facts)
    roomy = kind_of(device) != "cpu" or int(facts.get("memory.total", 0)) >= 8 * LARGE
    params = {**SIDES, ceilings.BUFFER: LARGE if roomy else SMALL}
    cells = [
        Cell(
            Workload(ceilings.SOURCE, params),
            Setup("eager", "", precision, 1, device, used),
            ceilings.RULES,
            code,
            software,
            machine_identity(facts),
        )
        for precision in dict.fromkeys(precisions or offered)
    ]
    return Plan(tuple(cells), ceilings.RULES, facts)


def ensure_ceilings(
    plan: Plan, store: Store, watcher: Watcher, command: str, *, again: bool = False
) -> list[Measurement]:
    """The latest measurement of each cell of a plan; what the store does not have is measured, in fresh processes.

    Args:
        plan: Of `plan_ceilings`.
        store: Where ceilings are kept.
        watcher: Looks on.
        command: Kept with the run.
        again: Measure all of them, whatever the store has.

    Raises:
        Interrupted: The user stopped it; what was done is saved.
        StopwattError: A ceiling cannot be measured; the others are saved.
    """
    missing = [cell for cell in plan.cells if again or not _known(store, cell)]
    if missing:
        part = Plan(tuple(missing), plan.protocol, plan.facts)
        run = store.begin_run(command, part.digest, "", __version__, {ABOUT_MACHINE: "ceilings"})
        try:
            execute(part, store, run, watcher, LocalRounds(TIMEOUT_S, watcher.phase, JobKind.CEILINGS))
        except (Interrupted, KeyboardInterrupt):
            store.finish_run(run, RunStatus.INTERRUPTED)
            raise
        failed = [one for one in store.measurements(Selection(run=run.id)) if one.status is not Status.OK]
        store.finish_run(run, RunStatus.PARTLY_FAILED if failed else RunStatus.COMPLETE)
        for one in failed:
            trouble = one.trouble or Trouble(f"the measurement ended as {one.status}")
            raise StopwattError(trouble.what, when=f"ceilings, {one.cell.setup.label}", now=trouble.now)
    return [_known(store, cell)[-1] for cell in plan.cells]


def _known(store: Store, cell: Cell) -> list[Measurement]:
    return list(store.measurements(Selection(cell=cell.key, status=Status.OK)))
