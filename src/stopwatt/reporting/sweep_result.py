"""What `sweep` returns, in every form in which people look at it."""

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from stopwatt.analyse.document import to_document
from stopwatt.analyse.grid import arrange
from stopwatt.reporting.result import BenchResult
from stopwatt.reporting.sweep_table import Ending, render_sweep

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA = 1
"""Version of what `to_json` gives."""


@dataclass(frozen=True, slots=True)
class SweepResult(BenchResult):
    """What `sweep` returns.

    Attributes:
        deadlines: Seconds that calls were to meet.
    """

    deadlines: tuple[float, ...] = ()

    def print_to(self, console: "Console") -> None:
        """Print the table on a console."""
        render_sweep(console, self.rows, self.notes, Ending(self.run.id[:8], self.where))

    def to_json(self) -> str:
        """The documented JSON: the rows of `bench`, and the grid that they are cells of."""
        grid = arrange(self.rows)
        about: dict[str, Any] = {
            "schema": SCHEMA,
            "axes": {axis.name: list(axis.values) for axis in grid.axes},
            "fixed": dict(grid.fixed),
            "deadlines": list(self.deadlines),
            "notes": [asdict(note) for note in self.notes],
            "run": self.run.id,
            "store": self.where,
        }
        return json.dumps(to_document(self.rows) | about, indent=2, allow_nan=False)
