"""`stopwatt workloads`: what can be measured, with parameters and defaults."""

import json as json_text
import sys
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from stopwatt.extensions import registered
from stopwatt.workloads.base import Family, Param
from stopwatt.workloads.resolve import OUTSIDE, resolve

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA = 1
_DEFAULTS_WIDTH = 60


def workloads(
    name: Annotated[
        str, Parameter(help="A workload: a built-in name, or any source from outside, such as model.onnx.")
    ] = "",
    /,
    *,
    json: Annotated[bool, Parameter(negative="", help="Print the result as JSON on standard output.")] = False,
) -> None:
    """Show which models can be measured, and which parameters they take.

    Three examples:

        stopwatt workloads

        stopwatt workloads lstm

        stopwatt workloads --json
    """
    from stopwatt.reporting.console import console_for

    families = [resolve(one) for one in ([name] if name else registered("workloads"))]
    if json:
        outside = {} if name else {"outside": [{"form": form, "summary": text} for form, text in OUTSIDE.items()]}
        rows = [_row(family) for family in families]
        print(json_text.dumps({"schema": SCHEMA, "workloads": rows, **outside}, indent=2))
    elif name:
        _show_one(console_for(sys.stdout), families[0])
    else:
        _show_all(console_for(sys.stdout), families)


def _row(family: Family) -> dict[str, Any]:
    return {
        "name": family.name,
        "summary": family.summary,
        "packages": list(family.packages),
        "open_params": family.open_params,
        "runs_foreign_code": family.runs_foreign_code,
        "params": [
            {
                "name": param.name,
                "default": param.default,
                "type": type(param.default).__name__,
                "help": param.help,
                "choices": list(param.choices),
                "low": param.low,
                "high": param.high,
            }
            for param in family.params
        ],
    }


def _show_all(console: "Console", families: list[Family]) -> None:
    from stopwatt.reporting.grid import Column, grid

    built_in = [(family.name, family.summary, _defaults(family)) for family in families]
    console.print(grid("", (Column("workload", whole=True), "what it is", "parameters and defaults"), built_in))
    console.print()
    console.print(grid("", (Column("from outside", whole=True), "what it is"), list(OUTSIDE.items())))
    console.print()
    console.print("stopwatt workloads NAME explains the parameters; set one with -p name=value.", markup=False)


def _show_one(console: "Console", family: Family) -> None:
    from stopwatt.reporting.grid import Column, grid

    console.print(f"{family.name}: {family.summary}", markup=False)
    if family.runs_foreign_code:
        console.print("Building it runs code that is not stopwatt's: use it only if you trust it.", markup=False)
    console.print()
    if family.params:
        columns = (Column("parameter", whole=True), "default", "allowed", "meaning")
        rows = [(param.name, _shown(param), _allowed(param), param.help) for param in family.params]
        console.print(grid("", columns, rows))
    else:
        console.print("It has no parameters with defaults.")
    if family.open_params:
        console.print("Other parameters are handed to the function as they are.")


def _defaults(family: Family) -> str:
    """All parameters; those of the test piece would fill a screen, so that a long list ends with a count."""
    shown: list[str] = []
    for place, param in enumerate(family.params):
        shown.append(f"{param.name}={_shown(param)}")
        left = len(family.params) - place - 1
        if left and len(", ".join(shown)) > _DEFAULTS_WIDTH:
            return ", ".join(shown) + f", and {left} more"
    return ", ".join(shown)


def _shown(param: Param) -> str:
    return '""' if param.default == "" else str(param.default)


def _allowed(param: Param) -> str:
    if param.choices:
        return ", ".join(str(choice) or '""' for choice in param.choices)
    parts = [f"from {param.low:g}"] if param.low is not None else []
    parts += [f"to {param.high:g}"] if param.high is not None else []
    return " ".join(parts)
