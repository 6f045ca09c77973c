"""What is left of learning: a step is a fit, of all or some rows of a family, and takes as long as it has rows."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from stopwatt.operators.table import Table
from stopwatt.operators.work import Family
from stopwatt.ops.measuring import Onlooker
from stopwatt.predicting.splits import Question


@dataclass(slots=True)
class Ahead:
    """Steps done and to do.

    Attributes:
        total: Steps, one a family and one for each question about it.
        rows: Of all steps together.
        most: Rows that a question learns from, at most.
        watcher: Looks on.
    """

    total: int
    rows: int
    most: int
    watcher: Onlooker
    _begun: list[int] = field(default_factory=list)
    _since: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, tables: Mapping[Family, Table], tried: tuple[int, int], watcher: Onlooker) -> "Ahead":
        """Everything is ahead."""
        questions = len(Question)
        rows = sum(len(table) + questions * min(len(table), tried[0]) for table in tables.values())
        watcher.begin(len(tables) * (1 + questions), 0)
        return cls(len(tables) * (1 + questions), rows, tried[0], watcher)

    def step(self, name: str, rows: int) -> None:
        """A step begins, and the one before is done."""
        done = sum(self._begun)
        passed = time.monotonic() - self._since
        self.watcher.done(len(self._begun), passed / done * (self.rows - done) if done else 0.0)
        self.watcher.task(name)
        self._begun.append(rows)

    def asked(self, table: Table, question: Question) -> None:
        """A question about a family begins."""
        self.step(f"{table.family}: {question}", min(len(table), self.most))

    def end(self) -> None:
        """Nothing is ahead any more."""
        self.watcher.end()
