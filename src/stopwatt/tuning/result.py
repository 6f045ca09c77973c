"""What `tune` returns, in every form in which people look at it."""

import json
import sys
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from stopwatt.analyse.selftests import SelfTest
from stopwatt.errors import ExitCode, StopwattError
from stopwatt.records import Note
from stopwatt.reporting.console import console_for
from stopwatt.reporting.selftest import brief_document
from stopwatt.store import Run
from stopwatt.tuning.chosen import Tuned
from stopwatt.tuning.document import tuned_document
from stopwatt.tuning.snippet import snippet
from stopwatt.tuning.table import render_tuned

if TYPE_CHECKING:
    from rich.console import Console


class NothingHolds(StopwattError):  # noqa: N818  (what was found)
    """No setup that was measured keeps to the constraints."""

    exit_code = ExitCode.REGRESSION


@dataclass(frozen=True, slots=True)
class TuneResult:
    """What `tune` returns.

    Attributes:
        tuned: What was found.
        run: The run in the store.
        where: The store.
        notes: What a reader must know of the machine.
        selftest: The latest self-test of the machine; `None` where the store has none.
        pack: The pack that was written of the winner; empty for none.
    """

    tuned: Tuned
    run: Run
    where: str
    notes: tuple[Note, ...] = ()
    selftest: SelfTest | None = None
    pack: str = field(default="")

    def table(self) -> None:
        """Print what the command line prints."""
        self.print_to(console_for(sys.stdout))

    def print_to(self, console: "Console") -> None:
        """Print it on a console."""
        render_tuned(console, self.tuned, self.notes, run=self.run.id[:8], where=self.where, pack=self.pack)

    def snippet(self) -> str:
        """Python that loads and runs the winner; empty where there is none."""
        return "" if self.tuned.winner is None else snippet(self.tuned.winner.row.cell, self.pack)

    def to_json(self) -> str:
        """The documented JSON."""
        document = {
            **tuned_document(self.tuned),
            "snippet": self.snippet() or None,
            "pack": self.pack or None,
            "notes": [asdict(note) for note in self.notes],
            "selftest": brief_document(self.selftest),
            "run": self.run.id,
            "store": self.where,
        }
        return json.dumps(document, indent=2, allow_nan=False)

    def raise_for_status(self) -> None:
        """Raise if there is no winner.

        Raises:
            NothingHolds: Which comes nearest, and what it would take.
        """
        found = self.tuned
        if found.winner is not None:
            return
        if found.nearest is None:
            raise NothingHolds(
                "no setup gave a result that could be compared",
                when=next(iter(f"{label}: {why}" for label, why in found.failed.items()), ""),
                now=f"stopwatt show --run {self.run.id[:8]} lists the rounds",
            )
        beyond = [f"{text} is missed {times:.2g} times" for text, times in found.excess.items() if times and times > 1]
        raise NothingHolds(
            "no setup keeps to the constraints",
            when=f"nearest: {found.nearest.label}: {', '.join(beyond) or 'they are not decided'}",
            now="loosen the limit that is named, or offer more: --batch, --precision, --backends with +techniques",
        )
