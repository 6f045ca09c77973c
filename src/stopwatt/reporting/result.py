"""What `bench` returns, in every form in which people look at it."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from stopwatt.analyse.batches_document import batches_document
from stopwatt.analyse.document import to_document
from stopwatt.analyse.row import Row
from stopwatt.analyse.selftests import SelfTest, line
from stopwatt.errors import ExitCode, StopwattError
from stopwatt.records import Note, Scalar, Status
from stopwatt.reporting.console import console_for
from stopwatt.reporting.selftest import brief_document
from stopwatt.reporting.table import render_bench
from stopwatt.store import Access, Run, open_store

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from stopwatt.reporting.report import Written

_NOT_IN_FRAME = {"metrics", "notes", "speedup", "worst", "params", "protocol"}


class PartlyFailed(StopwattError):  # noqa: N818  (what happened)
    """Some cells gave no result; those that did are valid."""


class TimedOut(PartlyFailed):
    """The only failures were time limits."""

    exit_code = ExitCode.TIMEOUT


@dataclass(frozen=True, slots=True)
class BenchResult:
    """What `bench` returns.

    Attributes:
        rows: One per cell, in the order in which they were asked for.
        run: The run in the store.
        where: The store.
        facts: The machine.
        notes: What a reader must know of the machine.
        selftest: The latest self-test of the machine; `None` where the store has none.
    """

    rows: tuple[Row, ...]
    run: Run
    where: str
    facts: Mapping[str, Scalar]
    notes: tuple[Note, ...] = ()
    selftest: SelfTest | None = field(default=None, kw_only=True)

    def table(self) -> None:
        """Print the table of the command line, and how the machine's self-test ended."""
        console = console_for(sys.stdout)
        self.print_to(console)
        device = self.rows[0].cell.setup.device if self.rows else "cpu"
        console.print(Text(line(self.selftest, device), style="quiet"))

    def print_to(self, console: "Console") -> None:
        """Print the table on a console."""
        run = self.run.id[:8]
        render_bench(console, self.rows, self.notes, run=run, where=self.where, facts=self.facts)

    def report(
        self, out: str | Path = "report.html", *, deadlines: Sequence[float] = (), overwrite: bool = False
    ) -> "Written":
        """Write the page of `stopwatt report` for this run.

        Args:
            out: The file. One that is a report is replaced; anything else only with `overwrite`.
            deadlines: Seconds, beside those that were asked for when it was measured.
            overwrite: Whether any file may be replaced.

        Raises:
            UsageError: The name is taken, or there are more cells than a page holds.
            StoreError: The results cannot be read, or the page cannot be written.
        """
        from stopwatt.reporting.report import write_report

        with open_store(self.where, access=Access.READ) as store:
            return write_report(store, Path(out), [self.run.id], deadlines=deadlines, overwrite=overwrite)

    def to_json(self) -> str:
        """The documented JSON (`analyse.document.to_document`) with the run's id."""
        about = {
            "batches": batches_document(self.rows, self.facts),
            "notes": [asdict(note) for note in self.notes],
            "selftest": brief_document(self.selftest),
            "run": self.run.id,
            "store": self.where,
        }
        return json.dumps(to_document(self.rows) | about, indent=2, allow_nan=False)

    def to_pandas(self) -> "pd.DataFrame":
        """One line per row and metric: what was measured, then `value`, `low`, `high`, `unit`, `n`, `why`.

        Raises:
            ModuleNotFoundError: pandas is not installed (`pip install 'stopwatt[export]'`).
        """
        import pandas as pd

        lines = []
        for row in to_document(self.rows)["rows"]:
            about = {name: value for name, value in row.items() if name not in _NOT_IN_FRAME}
            about["idle_s"] = row["protocol"]["idle_s"]  # the only rule that tells cells of one sweep apart
            params = {f"param.{name}": value for name, value in row["params"].items()}
            lines += [{**about, **params, "metric": name, **metric} for name, metric in row["metrics"].items()]
        return pd.DataFrame(lines)

    def raise_for_status(self) -> None:
        """Raise if a cell that could have run gave no result.

        Raises:
            PartlyFailed: Which, and why the first of them failed.
        """
        bad = [row for row in self.rows if went_wrong(row)]
        if not bad and all(row.status is not Status.OK for row in self.rows):
            bad = list(self.rows)  # nothing could be run at all
        if not bad:
            return
        kind = TimedOut if all(row.status is Status.TIMEOUT for row in bad) else PartlyFailed
        first = bad[0]
        whole = all(row.status is not Status.OK for row in bad)
        raise kind(
            f"{len(bad)} of {len(self.rows)} setups gave no result"
            + ("" if whole else " in some or all of their rounds"),
            when=f"the first: {first.cell.workload.source} {first.cell.setup.label}: "
            f"{first.trouble.what if first.trouble else first.status}",
            now=f"stopwatt show --run {self.run.id[:8]} lists the rounds; stopwatt show ID shows one with its log",
        )


def went_wrong(row: Row) -> bool:
    """Whether a setup that could have run failed, in all of its rounds or in some."""
    return row.status is not Status.UNSUPPORTED and row.rounds_failed > 0
