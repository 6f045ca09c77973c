"""`stopwatt sweep`: how latency grows over a grid, and what its distribution looks like."""

import sys
from typing import Annotated

from cyclopts import Parameter

from stopwatt.cli.gridoptions import GridOptions, grid_from
from stopwatt.cli.options import ProtocolOptions, StoreOptions, TimingOptions


def sweep(
    *what: Annotated[
        str, Parameter(help="Workloads as for `bench`, or a grid file (.yaml); options win over the file.")
    ],
    asked: GridOptions = GridOptions(),  # noqa: B008  (frozen)
    rules: ProtocolOptions = ProtocolOptions(),  # noqa: B008
    timing: TimingOptions = TimingOptions(),  # noqa: B008
    results: StoreOptions = StoreOptions(),  # noqa: B008
) -> None:
    """Measure every combination of the values of several axes: sizes of a model, batch, backend, precision, threads.

    Three examples:

        stopwatt sweep lstm --axis hidden=64,128,200,256 --axis batch=1..8 --dry-run

        stopwatt sweep mlp --axis hidden=64..256 --axis backend=eager,onnxruntime --quick

        stopwatt sweep grid.yaml --axis layers=1,2 --rounds 5
    """
    from stopwatt.api import run_grid
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.progress import show_progress

    grid = grid_from(what, asked, rules, timing, results.tag)
    console = console_for(sys.stderr)
    with show_progress(console) as watcher:
        result = run_grid(grid, store=results.store, watcher=watcher, allow=rules.allow)
    if results.json:
        print(result.to_json())
    else:
        result.table()
    result.raise_for_status()
