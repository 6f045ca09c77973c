"""What every result of operators can do: be printed as a table, and be read by programs."""

import json
import sys
from abc import ABC, abstractmethod
from typing import Any

from rich.console import Console

from stopwatt.reporting.console import console_for


class Shown(ABC):
    """A result that people and programs look at."""

    __slots__ = ()

    @abstractmethod
    def print_to(self, console: Console) -> None:
        """Print on a console what the command line prints."""

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """What `--json` prints, as plain values (`docs/json.md`)."""

    def table(self) -> None:
        """Print what the command line prints."""
        self.print_to(console_for(sys.stdout))

    def to_json(self) -> str:
        """What `--json` prints."""
        return json.dumps(self.document(), indent=2, allow_nan=False)
