"""`stopwatt ops plan`: which operators are worth measuring next."""

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
    basis: Annotated[
        bool, Parameter(negative="", help="Operators of every family that belong to no model; needs no capture.")
    ] = False,
    out: Annotated[
        Path | None, Parameter(help="Plan for `stopwatt ops measure`: .yaml to read and edit, .json complete.")
    ] = None,
    force: Annotated[bool, Parameter(negative="", help="Replace the plan if it is there.")] = False,
    store: Annotated[str | None, Parameter(help="Results database ($STOPWATT_STORE, ./stopwatt.db).")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print the result as JSON on standard output.")] = False,
) -> None:
    """List the operators that are worth measuring next, the most useful a second first, as many as a budget allows.

    Three examples:

        stopwatt ops plan bert resnet --budget 10min --out plan.yaml --force

        stopwatt ops plan --count 20 --json

        stopwatt ops plan --basis --budget 10min --out basis.yaml
    """
    from stopwatt.ops.named import precision_named
    from stopwatt.ops.planning import Asked, plan_operators
    from stopwatt.units import parse

    asked = Asked(workloads, device, threads, precision_named(precision), parse(budget, "s"), count, seed, basis)
    result = plan_operators(asked, out=out, overwrite=force, store=store)
    if json:
        print(result.to_json())
    else:
        result.table()
