"""`stopwatt ops measure`: captured operators, called by themselves, as many as a budget allows."""

import json as json_text
import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from stopwatt.cli.options import words
from stopwatt.energy import RULES, SCREENING, EnergyRules, Grade
from stopwatt.errors import UsageError
from stopwatt.operators.replay import Mode
from stopwatt.records import Precision

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    from stopwatt.operators.replay import ReplayRules
    from stopwatt.ops.measure import measure as measure_operators
    from stopwatt.ops.places import place_of
    from stopwatt.ops.queue import Order
    from stopwatt.ops.selection import is_file, plans_among, select
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.operators.measure import MeasureResult
    from stopwatt.reporting.progress import show_progress
    from stopwatt.store import open_store

    rules = ReplayRules(modes=tuple(_modes(words(modes))))
    seconds = _budget(budget)
    place = place_of(device, threads, _precision(precision))
    with open_store(store) as results:
        operators, plans = select(results, what, place), plans_among(results, what)
        order = Order.GIVEN if plans else Order.RANDOM
        seconds = sum(one.budget_s for one in plans) if plans and seconds is None else seconds
        with show_progress(console_for(sys.stderr)) as watcher:
            found = measure_operators(
                results, operators, place, rules, seconds, watcher, again=again, order=order, energy=_energy(energy)
            )
        result = MeasureResult(found, results.operators.where, tuple(name for name in what if not is_file(name)))
    if json:
        print(json_text.dumps(result.document(), indent=2))
    else:
        result.show(console_for(sys.stdout))


def _modes(names: "Sequence[str]") -> list[Mode]:
    from stopwatt.extensions import unknown

    for name in names:
        if name not in list(Mode):
            raise unknown("memory mode", name, tuple(Mode))
    if not names:
        raise UsageError("no memory mode was given", when="--modes", now=f"give some of {_MODES}")
    return [Mode(name) for name in dict.fromkeys(names)]


def _precision(name: str) -> Precision:
    from stopwatt.sweeping.ceilings import precisions_named

    return precisions_named([name])[0]


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
