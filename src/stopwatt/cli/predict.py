"""`stopwatt predict`: time and energy of a model that was never measured."""

import sys
from typing import Annotated

from cyclopts import Group, Parameter

from stopwatt.cli.options import TARGET, AsJson, Batches, HostThreads, InStore, Params

IMPROVE = Group("How to improve", sort_key=2)


def predict(
    workload: Annotated[str, Parameter(group=TARGET, help="`stopwatt workloads` lists them; also FILE.py:FUNCTION.")],
    *,
    param: Params = (),
    device: Annotated[
        str, Parameter(group=TARGET, help="cpu or cuda of this machine, or hardware that `stopwatt ops list` names.")
    ] = "cpu",
    backend: Annotated[str, Parameter(group=TARGET, help="eager: what others fuse is in no database.")] = "eager",
    precision: Annotated[str, Parameter(group=TARGET, help="fp32, tf32, fp16 or bf16.")] = "fp32",
    batch: Batches = "1",
    threads: HostThreads = 0,
    improve: Annotated[
        bool, Parameter(group=IMPROVE, negative="", help="Measure what the interval rests on most, and predict again.")
    ] = False,
    within: Annotated[
        str, Parameter(group=IMPROVE, help="Half the interval over the time that is good enough.")
    ] = "10%",
    budget: Annotated[str, Parameter(group=IMPROVE, help="Longest time for measuring operators.")] = "10min",
    store: InStore = None,
    json: AsJson = False,
) -> None:
    """Predict time and energy of a model that was never measured, with intervals of 90 %.

    Its operators are looked up in the operator database; those that were not measured are predicted from others.

    Three examples:

        stopwatt predict mlp --batch 1,8

        stopwatt predict mlp --improve --within 10% --budget 1min

        stopwatt predict bert -p size=mini --device "NVIDIA H200" --precision bf16 --json
    """
    from stopwatt.cli.options import batches, parameters, words
    from stopwatt.ops.forecasting import Improve
    from stopwatt.ops.predicting import run_predict
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.progress import show_progress
    from stopwatt.sweeping.plan import Request
    from stopwatt.units import parse

    asked = Request(
        (workload,),
        parameters(param),
        words(backend),
        words(precision),
        batches(batch),
        device,
        threads,
        baseline=False,
    )
    with show_progress(console_for(sys.stderr)) as watcher:
        result = run_predict(
            asked, Improve(improve, parse(within, "1"), parse(budget, "s")), store=store, watcher=watcher
        )
    if json:
        print(result.to_json())
    else:
        result.table()
