"""`stopwatt ops capture`: which operators a model calls, how often, and in which module."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stopwatt.cli.options import (
    RESULTS,
    RULES,
    TARGET,
    AsJson,
    Batches,
    HostThreads,
    InStore,
    OnDevice,
    Params,
    batches,
    parameters,
    words,
)


def capture(
    *workloads: Annotated[
        str, Parameter(help="`stopwatt workloads` lists them; also FILE.py:FUNCTION, FILE.onnx, FILE.pt2.")
    ],
    param: Params = (),
    backends: Annotated[
        str, Parameter(group=TARGET, help="Names by comma, NAME:VARIANT, `auto` or `all`; kernels are named.")
    ] = "eager",
    precision: Annotated[str, Parameter(group=TARGET, help="fp32, tf32, fp16, bf16, int8; by comma.")] = "fp32",
    batch: Batches = "1",
    device: OnDevice = "cpu",
    threads: HostThreads = 0,
    seed: Annotated[int, Parameter(group=RULES, help="Seeds weights and inputs.")] = 0,
    timeout: Annotated[str, Parameter(group=RULES, help="Longest time for one capture.")] = "600s",
    out: Annotated[
        Path | None, Parameter(group=RESULTS, help="Folder for summary files (YAML) to read and edit.")
    ] = None,
    store: InStore = None,
    json: AsJson = False,
) -> None:
    """Take one call of each model apart into the operators of PyTorch that it calls, and keep what was found.

    Three examples:

        stopwatt ops capture mlp

        stopwatt ops capture bert -p size=mini --batch 1,8 --out summaries

        stopwatt ops capture lstm --backends eager,compile,onnxruntime --json
    """
    from stopwatt.ops.capturing import capture_models
    from stopwatt.records import Protocol
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.progress import show_progress
    from stopwatt.sweeping.plan import Request
    from stopwatt.units import parse

    asked = Request(
        workloads=workloads,
        params=parameters(param),
        backends=words(backends),
        precisions=words(precision),
        batches=batches(batch),
        device=device,
        threads=threads,
        protocol=Protocol(seed=seed, timeout_s=parse(timeout, "s")),
        baseline=False,
    )
    with show_progress(console_for(sys.stderr)) as watcher:
        result = capture_models(asked, out=out, store=store, watcher=watcher)
    if json:
        print(result.to_json())
    else:
        result.table()
    result.raise_for_status()
