"""What `ops import` and `ops export` return."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console

from stopwatt.reporting.operators.listing import show_brought
from stopwatt.reporting.operators.shown import Shown

if TYPE_CHECKING:
    from stopwatt.ops.exporting import Exported
    from stopwatt.ops.importing import Brought

SCHEMA = 1
"""Version of the documents."""


@dataclass(frozen=True, slots=True)
class ImportResult(Shown):
    """What `ops import` returns.

    Attributes:
        brought: Rows by file, and what was left out.
        where: The store.
    """

    brought: "Brought"
    where: str

    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        found = asdict(self.brought)
        return {"schema": SCHEMA, "rows": self.brought.rows} | found | {"path": str(self.brought.path)}

    def print_to(self, console: Console) -> None:
        """Print by hardware and family, and below it what was left out."""
        show_brought(console, self.brought, self.where)


@dataclass(frozen=True, slots=True)
class ExportResult(Shown):
    """What `ops export` returns.

    Attributes:
        written: The file, and its rows by family.
    """

    written: "Exported"

    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        counts = {str(family): rows for family, rows in self.written.rows.items()}
        return {"schema": SCHEMA, "path": str(self.written.path), "rows": self.written.total, "families": counts}

    def print_to(self, console: Console) -> None:
        """Print one line."""
        inside = ", ".join(f"{rows:,} {family}" for family, rows in self.written.rows.items())
        console.print(
            f"{self.written.path}: {self.written.total:,} rows ({inside})",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
