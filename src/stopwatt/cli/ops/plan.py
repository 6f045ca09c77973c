"""`stopwatt ops plan`: which operators are worth measuring next."""

import json as json_text
import shlex
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def plan(
    *workloads: Annotated[str, Parameter(help="Captured workloads, whose time decides; all captured ones if none.")],
    device: Annotated[str, Parameter(help="cpu, cuda or cuda:1, or hardware as `stopwatt ops list` names it.")] = "cpu",
    threads: Annotated[int, Parameter(help="Host threads; 0 for all cores that may be used.")] = 0,
    precision: Annotated[str, Parameter(help="fp32, or tf32 for how a GPU multiplies float32.")] = "fp32",
    budget: Annotated[str, Parameter(help="Time that measuring them may take.")] = "30min",
    count: Annotated[int | None, Parameter(help="Operators at most.")] = None,
    seed: Annotated[int, Parameter(help="Of points between the sizes of models, and of folds.")] = 0,
    out: Annotated[
        Path | None, Parameter(help="Plan for `stopwatt ops measure`: .yaml to read and edit, .json complete.")
    ] = None,
    force: Annotated[bool, Parameter(negative="", help="Replace the plan if it is there.")] = False,
    store: Annotated[str | None, Parameter(help="Results database ($STOPWATT_STORE, ./stopwatt.db).")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print the result as JSON on standard output.")] = False,
) -> None:
    """List the operators that are worth measuring next, the most useful a second first, as many as a budget allows.

    Three examples:

        stopwatt ops plan

        stopwatt ops plan bert resnet --budget 10min --out plan.yaml --force

        stopwatt ops plan --count 20 --json
    """
    from stopwatt.ops.plan import Asked, make_plan
    from stopwatt.ops.plan_file import check_name, write_plan
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.operators.plan import PlanResult
    from stopwatt.store import Access, open_store
    from stopwatt.sweeping.ceilings import precisions_named
    from stopwatt.units import parse

    if out is not None:
        check_name(out)
    asked = Asked(workloads, device, threads, precisions_named([precision])[0], parse(budget, "s"), count, seed)
    with open_store(store, access=Access.READ) as results:
        found = make_plan(results, asked)
        where = results.where
    if out is not None:
        write_plan(found, out, overwrite=force)
    same = {
        "--threads": threads or "",
        "--precision": "" if precision == "fp32" else precision,
        "--store": store if store and found.here else "",
    }
    options = "".join(f" {name} {shlex.quote(str(value))}" for name, value in same.items() if value)
    result = PlanResult(found, where, "" if out is None else str(out), options)
    if json:
        print(json_text.dumps(result.document(), indent=2, allow_nan=False))
    else:
        result.show(console_for(sys.stdout))
