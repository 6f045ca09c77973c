"""What `sweep` returns, in every form in which people look at it."""

import json
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

from stopwatt.analyse.analysis import Analysis
from stopwatt.analyse.document import strict, to_document
from stopwatt.records import Finding
from stopwatt.reporting.result import BenchResult
from stopwatt.reporting.selftest import brief_document
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
        analysis: Everything that is derived from the measurements.
    """

    deadlines: tuple[float, ...] = ()
    analysis: Analysis = field(kw_only=True)

    def print_to(self, console: "Console") -> None:
        """Print the table on a console."""
        render_sweep(console, self.analysis, self.notes, Ending(self.run.id[:8], self.where))

    def to_json(self) -> str:
        """The documented JSON: the rows of `bench`, the grid that they are cells of, and what was found."""
        grid = self.analysis.grid
        about: dict[str, Any] = {
            "schema": SCHEMA,
            "axes": {axis.name: [strict(value) for value in axis.values] for axis in grid.axes},
            "fixed": {name: strict(value) for name, value in grid.fixed.items()},
            "deadlines": list(self.deadlines),
            "findings": [finding_document(finding) for finding in self.analysis.findings],
            "notes": [asdict(note) for note in self.notes],
            "selftest": brief_document(self.selftest),
            "run": self.run.id,
            "store": self.where,
        }
        return json.dumps(to_document(self.rows) | about, indent=2, allow_nan=False)


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding as JSON: numbers that are not finite as null."""
    numbers = {name: value if isfinite(value) else None for name, value in finding.numbers.items()}
    return asdict(finding) | {"numbers": numbers, "strength": str(finding.strength)}
