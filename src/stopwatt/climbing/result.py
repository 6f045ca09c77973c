"""What `ladder` returns, in every form in which people look at it."""

import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from stopwatt.analyse.selftests import SelfTest
from stopwatt.climbing.document import ladder_document
from stopwatt.climbing.rungs import Ladder
from stopwatt.climbing.table import render_ladder
from stopwatt.errors import StopwattError
from stopwatt.records import Note, Status
from stopwatt.reporting.console import console_for
from stopwatt.reporting.selftest import brief_document
from stopwatt.store import Run

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class LadderResult:
    """What `ladder` returns.

    Attributes:
        ladder: What was found.
        run: The run in the store.
        where: The store.
        notes: What a reader must know of the machine.
        selftest: The latest self-test of the machine; `None` where the store has none.
    """

    ladder: Ladder
    run: Run
    where: str
    notes: tuple[Note, ...] = ()
    selftest: SelfTest | None = None

    def table(self) -> None:
        """Print what the command line prints."""
        self.print_to(console_for(sys.stdout))

    def print_to(self, console: "Console") -> None:
        """Print it on a console."""
        render_ladder(console, self.ladder, self.notes, run=self.run.id[:8], where=self.where)

    def to_json(self) -> str:
        """The documented JSON."""
        document = {
            **ladder_document(self.ladder),
            "notes": [asdict(note) for note in self.notes],
            "selftest": brief_document(self.selftest),
            "run": self.run.id,
            "store": self.where,
        }
        return json.dumps(document, indent=2, allow_nan=False)

    def raise_for_status(self) -> None:
        """Raise if the base gave no result: then nothing has a gain.

        Raises:
            StopwattError: Why.
        """
        base = self.ladder.base
        if base is None or base.status is Status.OK:
            return
        trouble = base.trouble
        raise StopwattError(
            f"the base of the ladder gave no result: {trouble.what if trouble else base.status}",
            when=base.cell.label,
            now=trouble.now if trouble else f"stopwatt show --run {self.run.id[:8]} lists the rounds",
        )
