"""`stopwatt ladder`: one technique after another, and what each of them buys."""

import sys
from typing import Annotated

from cyclopts import Parameter

from stopwatt.cli.options import (
    TARGET,
    DataOptions,
    EnergyOptions,
    HostThreads,
    Kept,
    OnDevice,
    Params,
    ProtocolOptions,
    StoreOptions,
    TimingOptions,
    parameters,
    words,
)


def ladder(
    workload: Annotated[str, Parameter(help="`stopwatt workloads` lists them; also FILE.py:FUNCTION.")],
    *,
    param: Params = (),
    step: Annotated[
        str, Parameter(group=TARGET, help="Steps by comma, in this order; all of the device if absent.")
    ] = "",
    base: Annotated[str, Parameter(group=TARGET, help="Where it begins: a backend, with techniques or without.")] = (
        "eager:grad"
    ),
    batch: Annotated[int, Parameter(group=TARGET, help="Samples of a call.")] = 1,
    device: OnDevice = "cpu",
    threads: HostThreads = 0,
    orders: Annotated[
        int, Parameter(group=TARGET, help="In how many orders the kept steps are climbed, to see what overlaps.")
    ] = 4,
    graphs: Annotated[
        bool, Parameter(group=TARGET, help="Look at what each step did to the model's graph (one more call of each).")
    ] = True,
    lose: Annotated[
        str, Parameter(group=TARGET, help="Accuracy on labelled data by which a step may be below the base.")
    ] = "1%",
    rules: ProtocolOptions = ProtocolOptions(),  # noqa: B008  (frozen)
    energy: EnergyOptions = EnergyOptions(),  # noqa: B008
    data: DataOptions = DataOptions(),  # noqa: B008
    kept: Kept = False,
    results: StoreOptions = StoreOptions(),  # noqa: B008
) -> None:
    """Try one optimisation after another on a model: what does each buy alone, on top of the others, and on the whole?

    From a script that records gradients on one thread to inference mode, folded constants and batch normalisation,
    memory layout, threads, narrow floats, compilers, other runtimes and int8. What a model does not allow is named and
    left out; what makes it slower is not kept.

    Three examples:

        stopwatt ladder mlp -p hidden=256 --step inference-mode,threads:2,onnxruntime

        stopwatt ladder resnet -p depth=18 --batch 8

        stopwatt ladder bert -p size=mini --step inference-mode,bf16,openvino,int8 --orders 1 --json
    """
    from stopwatt.climbing.ladder import Asked, run_ladder
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.progress import show_progress
    from stopwatt.units import parse

    protocol = data.protocol(energy.protocol(TimingOptions(), rules))
    steps = words(step) if step else ()
    about = (batch, device, threads, orders, protocol, results.tag, graphs, base, parse(lose, "1"))
    asked = Asked(workload, parameters(param), steps, *about)
    with show_progress(console_for(sys.stderr)) as watcher:
        result = run_ladder(asked, store=results.store, watcher=watcher, allow=rules.allow, kept=kept)
    print(result.to_json()) if results.json else result.table()
    result.raise_for_status()
