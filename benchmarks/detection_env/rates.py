"""How often something was found, with the interval of so many tries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stopwatt.stats.tail import upper_bound


@dataclass(frozen=True)
class Rate:
    """Hits among tries."""

    hits: int
    tries: int

    @property
    def value(self) -> float:
        """Hits / tries."""
        return self.hits / self.tries

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper-Pearson, 95 %."""
        return 1 - upper_bound(self.tries - self.hits, self.tries, 0.975), upper_bound(self.hits, self.tries, 0.975)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"

    def document(self) -> dict[str, float]:
        """For the JSON file."""
        return {"hits": self.hits, "tries": self.tries, "low": self.interval[0], "high": self.interval[1]}


def rate(find: Callable[[np.random.Generator], bool], seeds: int, table: int) -> Rate:
    """Ask once per seed; every table draws from generators of its own."""
    return share([find(np.random.default_rng([table, seed])) for seed in range(seeds)])


def share(outcomes: Sequence[bool]) -> Rate:
    """The rate of the true ones; at least one outcome."""
    return Rate(sum(bool(outcome) for outcome in outcomes), len(outcomes))


@dataclass
class Table:
    """A table of the page, and the same for machines."""

    caption: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    data: list[dict[str, Any]] = field(default_factory=list)

    def add(self, *texts: str, **facts: object) -> None:
        """One row."""
        self.rows.append(texts)
        self.data.append({name: fact.document() if isinstance(fact, Rate) else fact for name, fact in facts.items()})
