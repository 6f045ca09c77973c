"""`stopwatt bench`: one trustworthy number for any model on any runtime."""

import sys
from typing import Annotated

from cyclopts import Parameter

from stopwatt.cli.options import (
    DataOptions,
    EnergyOptions,
    ProtocolOptions,
    StoreOptions,
    TargetOptions,
    TimingOptions,
    request,
)


def bench(
    *workloads: Annotated[
        str, Parameter(help="`stopwatt workloads` lists them; also FILE.py:FUNCTION, FILE.onnx, FILE.pt2.")
    ],
    target: TargetOptions = TargetOptions(),  # noqa: B008  (frozen)
    rules: ProtocolOptions = ProtocolOptions(),  # noqa: B008
    timing: TimingOptions = TimingOptions(),  # noqa: B008
    energy: EnergyOptions = EnergyOptions(),  # noqa: B008
    data: DataOptions = DataOptions(),  # noqa: B008
    results: StoreOptions = StoreOptions(),  # noqa: B008
) -> None:
    """Measure models over runtimes, precisions and batch sizes, and compare them with fp32 eager.

    Three examples:

        stopwatt bench lstm

        stopwatt bench bert -p size=mini --backends all --precision fp32,bf16,int8 --batch 1,8

        stopwatt bench mlp -p hidden=512 --backends eager,onnxruntime --deadline 100us --json
    """
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.progress import show_progress
    from stopwatt.running import run_request

    asked = request(workloads, target, data.protocol(energy.protocol(timing, rules)), results.tag)
    console = console_for(sys.stderr)
    with show_progress(console) as watcher:
        result = run_request(asked, store=results.store, watcher=watcher, allow=rules.allow, deadlines=timing.deadlines)
    if results.json:
        print(result.to_json())
    else:
        result.table()
    result.raise_for_status()
