"""`stopwatt ops measure`: captured operators, called by themselves, as many as a budget allows."""

import sys
from typing import Annotated

from cyclopts import Parameter

from stopwatt.cli.options import words
from stopwatt.energy import RULES, SCREENING, EnergyRules, Grade
from stopwatt.errors import UsageError
from stopwatt.operators.replay import Mode

_MODES = ",".join(Mode)


def measure(
    *what: Annotated[
        str, Parameter(help="Captured workloads, summary files or plans (*.yaml, *.json); all captures if none.")
    ],
    budget: Annotated[
        str | None,
        Parameter(help="Time to use (10min; a plan has its own); what is left then, the same command goes on with."),
    ] = None,
    modes: Annotated[str, Parameter(help="Where operands are found; by comma.")] = _MODES,
    device: Annotated[str, Parameter(help="cpu, cuda or cuda:1.")] = "cpu",
    threads: Annotated[int, Parameter(help="Host threads; 0 for all cores that may be used.")] = 0,
    precision: Annotated[str, Parameter(help="fp32, or tf32 for how a GPU multiplies float32.")] = "fp32",
    again: Annotated[bool, Parameter(negative="", help="Measure what the store holds already, too.")] = False,
    energy: Annotated[
        Grade | bool | None,
        Parameter(
            negative="",
            show_choices=False,
            metavar="screening|reported",
            help="Measure energy too: ten seconds and more for each operator and mode.",
        ),
    ] = None,
    store: Annotated[str | None, Parameter(help="Results database ($STOPWATT_STORE, ./stopwatt.db).")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print the result as JSON on standard output.")] = False,
) -> None:
    """Measure each distinct operator of captured models by itself, once for each memory mode, and keep it.

    Three examples:

        stopwatt ops measure

        stopwatt ops measure bert --budget 10min --modes reuse,stream

        stopwatt ops measure lstm --threads 1 --again --json
    """
    from stopwatt.ops.named import Wanted, measure_named, modes_named, precision_named
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.progress import show_progress

    wanted = Wanted(
        modes_named(words(modes)),
        _budget(budget),
        device,
        threads,
        precision_named(precision),
        again,
        _energy(energy),
    )
    with show_progress(console_for(sys.stderr)) as watcher:
        result = measure_named(what, wanted, store=store, watcher=watcher)
    if json:
        print(result.to_json())
    else:
        result.table()


def _budget(text: str | None) -> float | None:
    from stopwatt.units import parse

    if text is None:
        return None
    seconds = parse(text, "s")
    if not seconds > 0:
        raise UsageError(f"--budget {text} is not above 0", when="reading --budget", now="give a time, such as 10min")
    return seconds


def _energy(asked: Grade | bool | None) -> EnergyRules | None:  # noqa: FBT001  (an option may be given without a value)
    if isinstance(asked, Grade):
        return RULES[asked]
    return SCREENING if asked else None
