"""`stopwatt sweep`: how latency grows over a grid, and what its distribution looks like."""

import sys
from dataclasses import dataclass, replace
from typing import Annotated

from cyclopts import Group, Parameter

from stopwatt.cli.gridoptions import GridOptions, grid_from
from stopwatt.cli.options import RULES, DataOptions, EnergyOptions, ProtocolOptions, StoreOptions, TimingOptions
from stopwatt.errors import UsageError
from stopwatt.records import Process

PLACE = Group("Where", sort_key=4)
FIRST = Group("Before it begins", sort_key=5)


@Parameter(name="*")
@dataclass(frozen=True)
class FirstOptions:
    """What it would cost."""

    dry_run: Annotated[
        bool, Parameter(group=FIRST, negative="", help="Say how many cells and how long, and measure nothing.")
    ] = False
    probe: Annotated[
        bool, Parameter(group=FIRST, negative="", help="With --dry-run: time the smallest and the largest cells.")
    ] = False


@Parameter(name="*")
@dataclass(frozen=True)
class PlaceOptions:
    """Where rounds are measured."""

    executor: Annotated[
        str, Parameter(group=PLACE, help="`process` (here), `ray` or `ray:ADDRESS` (the nodes of a cluster).")
    ] = "process"
    machine: Annotated[
        tuple[str, ...],
        Parameter(group=PLACE, negative="", show_default=False, help="With ray: a digest, a node's name or a label."),
    ] = ()


def sweep(
    *what: Annotated[str, Parameter(help="Workloads as for `bench`, or a grid file (.yaml); options win over it.")],
    asked: GridOptions = GridOptions(),  # noqa: B008  (frozen)
    rules: ProtocolOptions = ProtocolOptions(),  # noqa: B008
    process: Annotated[
        Process | None, Parameter(group=RULES, help="`fresh`: a process for each round, not only when it must be.")
    ] = None,
    timing: TimingOptions = TimingOptions(),  # noqa: B008
    energy: EnergyOptions = EnergyOptions(),  # noqa: B008
    data: DataOptions = DataOptions(),  # noqa: B008
    results: StoreOptions = StoreOptions(),  # noqa: B008
    place: PlaceOptions = PlaceOptions(),
    first: FirstOptions = FirstOptions(),
) -> None:
    """Measure every combination of the values of several axes: sizes of a model, batch, backend, precision, threads.

    What no axis names is the same for all: backend eager, precision fp32, batch 1. Each cell has 3 rounds of 1000
    trials, at most 10 s of them each, unless the options or the file say otherwise.

    Three examples:

        stopwatt sweep examples/lstm.yaml --dry-run

        stopwatt sweep mlp --axis hidden=64..256 --axis backend=eager,onnxruntime --deadline 500us

        stopwatt sweep examples/lstm.yaml --axis layers=1,2 --axis seq=64 --exclude "hidden=256 batch=4,8"
    """
    from stopwatt.analyse.findings import current_finding
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.progress import show_progress
    from stopwatt.running import foresee_grid, run_grid
    from stopwatt.sweeping.executors.choice import Executor

    if first.probe and not first.dry_run:
        raise UsageError("--probe tells how long a sweep takes", now="give it together with --dry-run")
    grid = grid_from(what, asked, rules, timing, results.tag, energy=energy)
    if process is not None:
        grid = replace(grid, protocol=replace(grid.protocol, process=process))
    grid = replace(grid, protocol=data.protocol(grid.protocol))
    executor = Executor.read(place.executor, place.machine)
    axes = [axis.name for axis in grid.axes if len(axis.values) > 1]
    with show_progress(console_for(sys.stderr), lambda measured: current_finding(measured, axes)) as watcher:
        if first.dry_run:
            foreseen = foresee_grid(grid, store=results.store, watcher=watcher, probe=first.probe)
        else:
            result = run_grid(grid, store=results.store, watcher=watcher, allow=rules.allow, executor=executor)
    if first.dry_run:
        print(foreseen.to_json()) if results.json else foreseen.print_to(console_for(sys.stdout))
        return
    print(result.to_json()) if results.json else result.table()
    result.raise_for_status()
