"""What `protocol` returns, in every form in which people look at it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from stopwatt.analyse.ablation_document import studies_document
from stopwatt.analyse.estimate import counted
from stopwatt.analyse.study import Study
from stopwatt.records import Severity, Status
from stopwatt.reporting.result import BenchResult, PartlyFailed, TimedOut, went_wrong
from stopwatt.reporting.selftest import brief_document
from stopwatt.reporting.table import render_bench
from stopwatt.reporting.ways import render_study
from stopwatt.sweeping.design import LeftOut
from stopwatt.text import printable

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolResult(BenchResult):
    """What `protocol` returns; its rows are one for each stage that was measured.

    Attributes:
        studies: What the ways of measuring do, one study for the workload in its setup.
        left_out: Ways that were not tried, and why.
    """

    studies: tuple[Study, ...]
    left_out: tuple[LeftOut, ...] = ()

    def print_to(self, console: "Console") -> None:
        """Print the table on a console; where nothing was measured, what `bench` would say of it."""
        run = self.run.id[:8]
        if not any(study.rounds_ok for study in self.studies):
            render_bench(console, self.rows, self.notes, run=run, where=self.where)
            return
        for study in self.studies:
            render_study(console, study)
        for line in left_out_lines(self.left_out):
            console.print(Text(f"- {line}"))
        for note in (note for note in self.notes if note.severity is Severity.WARNING):
            now = f"; now: {note.now}" if note.now else ""
            console.print(Text(printable(f"! {note.text}{now}"), style="warning"))
        console.print()
        console.print(Text(f"stored as run {run} in {self.where}", style="quiet"))
        console.print(Text(f"  now: stopwatt show --ways --run {run}, or stopwatt report {run}", style="quiet"))

    def to_json(self) -> str:
        """The documented JSON."""
        document = {
            **studies_document(self.studies),
            "left_out": left_out_document(self.left_out),
            "notes": [asdict(note) for note in self.notes],
            "selftest": brief_document(self.selftest),
            "run": self.run.id,
            "store": self.where,
        }
        return json.dumps(document, indent=2, allow_nan=False)

    def to_pandas(self) -> "pd.DataFrame":
        """One line per way: `way`, `ratio`, `low`, `high`, `verdict`, `reported`, `reference` (seconds), `text`, ...

        Raises:
            ModuleNotFoundError: pandas is not installed (`pip install 'stopwatt[export]'`).
        """
        import pandas as pd

        found = studies_document(self.studies)["studies"]
        return pd.DataFrame([effect for study in found for effect in (*study["effects"], *study["combined"])])

    def raise_for_status(self) -> None:
        """Raise if rounds gave no result.

        Raises:
            PartlyFailed: How many, and why the first of them failed.
        """
        bad = [row for row in self.rows if went_wrong(row)]
        if not bad and all(row.status is not Status.OK for row in self.rows):
            bad = list(self.rows)
        if not bad:
            return
        failed = sum(row.rounds_failed for row in self.rows)
        rounds = failed + sum(row.rounds_ok for row in self.rows)
        kind = TimedOut if all(row.status is Status.TIMEOUT for row in bad) else PartlyFailed
        first = bad[0]
        raise kind(
            f"{failed} of {counted(rounds, 'round')} gave no result",
            when=f"the first: {first.trouble.what if first.trouble else first.status}",
            now=f"stopwatt show --run {self.run.id[:8]} lists the rounds; stopwatt show ID shows one with its log",
        )


def left_out_lines(left_out: Sequence[LeftOut]) -> list[str]:
    """A line for each single choice that was not tried, and one for all combinations of choices."""
    lines = [f"Not tried: {_reason(one)}" for one in left_out if len(one.way.changes) == 1]
    together = sum(len(one.way.changes) > 1 for one in left_out)
    if together:
        lines.append(f"Not tried: {counted(together, 'combination')} (--json says which, and why)")
    return lines


def _reason(one: LeftOut) -> str:
    """Why, with the way's name in front."""
    return one.why if one.why.startswith(one.way.label) else f"{one.way.label}: {one.why}"


def left_out_document(left_out: Sequence[LeftOut]) -> list[dict[str, Any]]:
    """The same as JSON, with every combination."""
    return [{"way": one.way.label, "why": one.why} for one in left_out]
