"""What `protocol --dry-run` says: which ways would be tried, in how many rounds, and how long they would take."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from stopwatt.analyse.estimate import counted
from stopwatt.reporting.ways_result import left_out_document, left_out_lines
from stopwatt.sweeping.design import Interactions, LeftOut
from stopwatt.sweeping.plan import Plan
from stopwatt.sweeping.waycost import Span
from stopwatt.text import one_line
from stopwatt.units import duration
from stopwatt.ways import Way
from stopwatt.workloads.params import short_label

SCHEMA = 1
"""Version of what `to_json` gives."""
MOST_NAMED = 60
"""Ways that a terminal names."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage would measure.

    Attributes:
        plan: Its one cell.
        left: Rounds that no earlier start has measured.
        time: That they take.
        known: Earlier rounds that the time rests on; 0 where it rests on the rules alone.
    """

    plan: Plan
    left: int
    time: Span
    known: int

    @property
    def ways(self) -> tuple[Way, ...]:
        """That it would try."""
        ablation = self.plan.protocol.ablation
        return () if ablation is None else ablation.ways

    @property
    def rounds(self) -> int:
        """All of them."""
        return self.plan.protocol.rounds


@dataclass(frozen=True, slots=True)
class ProtocolDryRun:
    """A `protocol` that was not run.

    Attributes:
        first: The stage that is certain.
        then: The smallest and the largest second stage that it could lead to; empty for none.
        left_out: What would not be tried, and why.
        pairs: Which pairs would follow.
        done: Rounds that an unfinished run of the same request has measured.
    """

    first: Stage
    then: tuple[Stage, ...]
    left_out: tuple[LeftOut, ...]
    pairs: Interactions
    done: int

    def print_to(self, console: Console) -> None:
        """Print it for people."""
        for line in self.lines():
            console.print(Text(line))

    def lines(self) -> Iterator[str]:
        """What is said."""
        (cell,) = self.first.plan.cells
        yield one_line(f"{short_label(cell.workload)} · {cell.setup.label}, {counted(cell.setup.threads, 'thread')}")
        yield from _described(self.first)
        if self.then:
            least, most = self.then[0], self.then[-1]
            ways, rounds = _range(len(least.ways), len(most.ways)), _range(least.rounds, most.rounds)
            yield f"then {ways} ways in {rounds} rounds: {self._pairs()}"
        yield from left_out_lines(self.left_out)
        yield from self._time()
        yield "nothing was measured; without --dry-run it is"

    def to_json(self) -> str:
        """The documented JSON."""
        low, likely, high = self._seconds()
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "ways": [way.label for way in self.first.ways],
            "rounds": self.first.rounds,
            "then": [{"ways": [way.label for way in stage.ways], "rounds": stage.rounds} for stage in self.then],
            "interactions": str(self.pairs),
            "left_out": left_out_document(self.left_out),
            "rounds_done": self.done,
            "plan": self.first.plan.digest,
            "estimate": {"low": low, "likely": likely, "high": high, "known": self.first.known},
        }
        return json.dumps(document, indent=2, allow_nan=False)

    def _pairs(self) -> str:
        if self.pairs is Interactions.ALL:
            return "all pairs, and triples of warm-up x synchronisation x timer"
        return "warm-up x synchronisation x timer, and pairs of what matters"

    def _seconds(self) -> tuple[float, float | None, float | None]:
        """At least; probably, with the smallest and with the largest second stage."""
        spans = [self.first.time + stage.time for stage in self.then] or [self.first.time]
        return spans[0].low, spans[0].likely, spans[-1].likely

    def _time(self) -> list[str]:
        low, likely, high = self._seconds()
        going_on = f", after {counted(self.done, 'round')} that an earlier start measured" if self.done else ""
        if likely is None or high is None:
            basis = (
                "what warm-up and pauses take by the rules; not the model's own calls, of which nothing is known yet"
            )
            return [f"time{going_on}: at least {duration(low)}", f"  rests on {basis}"]
        said = duration(likely) if duration(likely) == duration(high) else f"{duration(likely)} to {duration(high)}"
        return [
            f"time{going_on}: about {said}",
            f"  rests on {counted(self.first.known, 'earlier round')} of this setup",
        ]


def _described(stage: Stage) -> Iterator[str]:
    cold = sum(way.cold for way in stage.ways)
    opened = f": {cold} of them start cold, each in processes of its own" if cold > 1 else ""
    yield f"{counted(len(stage.ways), 'way')} in {counted(stage.rounds, 'round')}{opened}"
    for way in stage.ways[:MOST_NAMED]:
        yield f"  {way.label}"
    if len(stage.ways) > MOST_NAMED:
        yield f"  and {len(stage.ways) - MOST_NAMED} more (--json has them)"


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"
