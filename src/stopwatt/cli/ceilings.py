"""`stopwatt ceilings`: what a device does at most, so that what a model does has a measure."""

import json as json_text
import shlex
import sys
from typing import Annotated

from cyclopts import Parameter

from stopwatt.cli.options import words


def ceilings(
    *,
    device: Annotated[str, Parameter(help="cpu, cuda or cuda:1.")] = "cpu",
    precision: Annotated[str, Parameter(help="fp32, tf32, fp16, bf16; by comma. All of the device if empty.")] = "",
    threads: Annotated[int, Parameter(help="Host threads; 0 for all cores that may be used.")] = 0,
    again: Annotated[bool, Parameter(negative="", help="Measure what the store holds already, too.")] = False,
    store: Annotated[str | None, Parameter(help="Results database ($STOPWATT_STORE, ./stopwatt.db).")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print the result as JSON on standard output.")] = False,
) -> None:
    """Measure the most FLOP/s and bytes/s that this device reaches, once for each precision, and keep them.

    Three examples:

        stopwatt ceilings --precision fp32

        stopwatt ceilings --device cuda

        stopwatt ceilings --precision fp32,bf16 --threads 1 --json
    """
    from stopwatt.analyse.ceilings import ceilings_of
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.progress import show_progress
    from stopwatt.reporting.rates import ceilings_document, show_ceilings
    from stopwatt.store import open_store
    from stopwatt.sweeping.ceilings import ensure_ceilings, plan_ceilings, precisions_named

    plan = plan_ceilings(device, threads, precisions_named(words(precision)))
    with open_store(store) as results, show_progress(console_for(sys.stderr)) as watcher:
        measurements = ensure_ceilings(plan, results, watcher, shlex.join(["stopwatt", *sys.argv[1:]]), again=again)
    found = ceilings_of(measurements)
    if json:
        print(json_text.dumps(ceilings_document(found), indent=2))
    else:
        show_ceilings(console_for(sys.stdout), found)
