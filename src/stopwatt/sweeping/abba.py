"""Plans for comparing what is measured now: two setups, two commands, or one setup with itself, in ABBA blocks."""

from collections.abc import Sequence
from dataclasses import replace

from stopwatt.devices.facts import machine_identity, read_facts
from stopwatt.errors import UsageError
from stopwatt.records import Boundary, Cell, Precision, Process, Protocol, Setup, Warmup, Workload
from stopwatt.sweeping.executors.command import SOURCE, words_of
from stopwatt.sweeping.grid import Grid
from stopwatt.sweeping.plan import Plan, check_protocol, plan_grid
from stopwatt.sweeping.turns import Order
from stopwatt.workloads.params import short_label

MOST_WARMUPS = 1000
_SHOWN = 4
"""Cells in a message."""


def plan_pair(grid: Grid) -> Plan:
    """The two setups of a grid, in turn. Where it is safe, one process measures both of a round.

    Raises:
        UsageError: As `plan_grid`, or another number of setups than two.
    """
    plan = plan_grid(replace(grid, protocol=replace(grid.protocol, process=Process.SHARED)))
    if len(plan.cells) != 2:  # noqa: PLR2004  (A and B)
        raise UsageError(
            f"--now compares two setups, and these options describe {len(plan.cells)}",
            when=_described(plan),
            now="name two workloads, or one and an axis of two values, such as --axis backend=eager,onnxruntime",
        )
    return replace(plan, order=Order.ABBA)


def plan_itself(grid: Grid) -> Plan:
    """The one setup of a grid, with twice as many rounds: those of the grid are pairs.

    Raises:
        UsageError: As `plan_grid`, or another number of setups than one.
    """
    plan = plan_grid(replace(grid, protocol=replace(grid.protocol, rounds=2 * grid.protocol.rounds)))
    if len(plan.cells) != 1:
        raise UsageError(
            f"--aa measures one setup against itself, and these options describe {len(plan.cells)}",
            when=_described(plan),
            now="name one workload, and axes of one value",
        )
    return replace(plan, order=Order.ABBA)


def plan_commands(commands: Sequence[str], rounds: int, warmups: int, timeout_s: float, tag: str = "") -> Plan:
    """Commands in turn, each run a round of its own; one command alone is compared with itself.

    Args:
        commands: Two, or one.
        rounds: Counted runs of each.
        warmups: Runs of each that come first and are not counted.
        timeout_s: Longest run.
        tag: A name for the run.

    Raises:
        UsageError: A command that cannot be read, or a number out of range.
    """
    for command in commands:
        words_of(command)
    rules = Protocol(
        rounds=rounds,
        trials=1,
        trial_seconds=None,
        min_trials=1,
        warmup=Warmup(min_seconds=0.0),
        boundary=Boundary.HOST,
        input_sets=1,
        timeout_s=timeout_s,
    )
    check_protocol(rules)
    if not 0 <= warmups <= MOST_WARMUPS:
        raise UsageError(f"{warmups} warm-up runs are out of range", now=f"use a number from 0 to {MOST_WARMUPS}")
    rules = replace(rules, warmup=replace(rules.warmup, min_calls=warmups))
    facts = read_facts("cpu").values
    setup = Setup(backend="process", precision=Precision.UNKNOWN, threads=0)
    cells = [Cell(Workload(SOURCE, {SOURCE: text}), setup, rules, machine=machine_identity(facts)) for text in commands]
    return Plan(tuple(cells), rules, facts, tag, order=Order.ABBA)


def _described(plan: Plan) -> str:
    shown = "; ".join(f"{short_label(cell.workload)}, {cell.setup.label}" for cell in plan.cells[:_SHOWN])
    return shown + ("; ..." if len(plan.cells) > _SHOWN else "")
