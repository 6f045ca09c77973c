"""What `sweep --dry-run` says: how many cells and rounds, how long, and what that rests on."""

import json
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.text import Text

from stopwatt.records import Protocol
from stopwatt.sweeping.foresee import Foresight
from stopwatt.sweeping.grid import Grid
from stopwatt.sweeping.plan import Plan
from stopwatt.text import one_line
from stopwatt.units import duration, quantity

SCHEMA = 1
"""Version of what `to_json` gives."""
_SHOWN_VALUES = 8


@dataclass(frozen=True, slots=True)
class DryRun:
    """A sweep that was not run.

    Attributes:
        grid: As asked for.
        plan: Its cells.
        foresight: What they would cost.
    """

    grid: Grid
    plan: Plan
    foresight: Foresight

    def print_to(self, console: Console) -> None:
        """Print it for people."""
        for line in self.lines():
            console.print(Text(line))

    def lines(self) -> list[str]:
        """What is said."""
        cells, rules = len(self.plan.cells), self.plan.protocol
        left_out = f", {_counted(len(self.grid.exclude), 'exclusion')}" if self.grid.exclude else ""
        return [
            f"{_counted(cells, 'cell')}{left_out}",
            *(f"  {name}: {values}" for name, values in self._axes()),
            f"{_counted(rules.rounds, 'round')} of each, {_trials(rules)}",
            *self._time(),
            *self._first(),
            "nothing was measured; without --dry-run it is",
        ]

    def to_json(self) -> str:
        """The documented JSON."""
        found = self.foresight
        document = {
            "schema": SCHEMA,
            "cells": len(self.plan.cells),
            "rounds_each": self.plan.protocol.rounds,
            "rounds_done": found.done,
            "plan": self.plan.digest,
            "axes": {axis.name: list(axis.values) for axis in self.grid.axes},
            "estimate": asdict(found.forecast) | {"known": found.known, "probed": found.probed},
            "references": found.references,
            "conversions": found.conversions,
            "preparation_s": found.preparation_s,
        }
        return json.dumps(document, indent=2, allow_nan=False)

    def _axes(self) -> list[tuple[str, str]]:
        """Each axis, or axes that go together, with its values."""
        lines = []
        for block in self.grid.blocks:
            values = [
                ", ".join(str(axis.values[number]) or "''" for axis in block) for number in range(len(block[0].values))
            ]
            shown = values if len(values) <= _SHOWN_VALUES else [*values[: _SHOWN_VALUES - 1], f"... {values[-1]}"]
            joined = (" | " if len(block) > 1 else ", ").join(shown)
            count = f" ({len(values)})" if len(values) > 1 else ""
            lines.append((one_line("+".join(axis.name for axis in block)), one_line(joined) + count))
        return lines

    def _time(self) -> list[str]:
        found, rounds = self.foresight, self.foresight.forecast
        going_on = f", after {found.done} that an earlier start measured" if found.done else ""
        lines = [
            f"time for {_counted(rounds.rounds, 'round')}{going_on}: {_range(rounds.low, rounds.likely, rounds.high)}"
        ]
        return [*lines, f"  rests on {_basis(found)}"]

    def _first(self) -> list[str]:
        """What is made before rounds can be measured."""
        found = self.foresight
        parts = [
            f"inputs and answers of {_counted(found.references, 'model')}" if found.references else "",
            f"{_counted(found.conversions, 'conversion')}" if found.conversions else "",
        ]
        wanted = " and ".join(part for part in parts if part)
        if not wanted:
            return []
        seconds = "not counted above" if found.preparation_s is None else f"{_about(found.preparation_s)} more"
        return [f"to be made once, first: {wanted} ({seconds})"]


def _trials(rules: Protocol) -> str:
    if rules.trial_seconds is None:
        return f"{rules.trials} trials, however long they take"
    return f"{rules.trials} trials or {quantity(rules.trial_seconds, 's')} of them, at least {rules.min_trials}"


def _range(low: float, likely: float | None, high: float | None) -> str:
    if likely is None or high is None:
        return f"at least {quantity(low, 's') if low < 1 else duration(low)}" if low > 0 else "not known"
    if duration(low) == duration(high):
        return _about(likely)
    return f"{_about(likely)}, from {_time(low)} to {_time(high)}"


def _about(seconds: float) -> str:
    return _time(seconds) if seconds < 1 else f"about {duration(seconds)}"


def _time(seconds: float) -> str:
    return "under a second" if seconds < 1 else duration(seconds)


def _basis(found: Foresight) -> str:
    rounds = found.forecast
    source = "a probe" if found.probed else _counted(found.known, "earlier round")
    parts = (
        (rounds.same, f"{source} of the same cells"),
        (rounds.similar, f"{source} of smaller and larger cells, and growth by a power of the size between them"),
        (rounds.unknown, "the least that warm-up and windows take by the rules: --probe measures the ends of the grid"),
    )
    known = [(count, text) for count, text in parts if count]
    if not known:
        return "nothing: all rounds are measured"
    if len(known) == 1:
        return known[0][1]
    return "; ".join(f"for {_counted(count, 'round')} {text}" for count, text in known)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
