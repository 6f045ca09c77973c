"""Times of operators as columns, filled from whatever is known of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.costs import OperatorCost
from stopwatt.operators.memory import available
from stopwatt.operators.replay import Mode

if TYPE_CHECKING:
    from stopwatt.predicting.family import Forecast

Floats = NDArray[np.float64]

Range = Mapping[Mode, tuple[float, float]]
MODES = tuple(Mode)
"""Order of the columns."""


class Source(StrEnum):
    """How an operator's time is known."""

    MEASURED = "measured"
    PREDICTED = "predicted"
    DISPATCH = "dispatch"
    ROUGH = "rough"


@dataclass(frozen=True, slots=True, eq=False)
class OperatorTimes:
    """Columns over distinct operators: shape (operators, modes), or (operators,) where it says so.

    Attributes:
        time_s, low_s, high_s: Seconds of a call with an interval of 90 %; all three the same where it was measured
            and nobody asked for more.
        power_w, power_low_w, power_high_w: While it runs; NaN where nothing is known.
        submit_s: Until the call has returned to the host of a GPU; 0 where nothing is known. Shape (operators,).
        source: How each is known; (operators,).
        outside: Which are unlike those that were learnt from; (operators,).
        why: In what; (operators,).
    """

    time_s: Floats
    low_s: Floats
    high_s: Floats
    power_w: Floats
    power_low_w: Floats
    power_high_w: Floats
    submit_s: Floats
    source: tuple[Source, ...]
    outside: NDArray[np.bool_]
    why: tuple[str, ...]

    def sourced(self, *sources: Source) -> NDArray[np.bool_]:
        """Which operators are known in one of these ways."""
        return np.array([one in sources for one in self.source], dtype=np.bool_)


@dataclass(slots=True, eq=False)
class Columns:
    """Columns while they are filled: every operator is put in once, in the way in which it is known best."""

    time_s: Floats
    low_s: Floats
    high_s: Floats
    power: Floats  # (3, operators, modes): itself, low, high
    submit_s: Floats
    source: list[Source | None]
    why: list[str]

    @classmethod
    def empty(cls, count: int) -> "Columns":
        """Nothing is known of so many operators."""
        middle, low, high = np.full((3, count, len(MODES)), np.nan)
        power = np.full((3, count, len(MODES)), np.nan)
        return cls(middle, low, high, power, np.zeros(count), [None] * count, [""] * count)

    @property
    def open(self) -> NDArray[np.bool_]:
        """Operators that nothing is known of yet."""
        return np.array([one is None for one in self.source], dtype=np.bool_)

    def measured(self, row: int, cost: OperatorCost, ranges: Range, submit_s: float) -> None:
        """A replay says it; `submit_s` holds where it does not say that."""
        for column, mode in enumerate(MODES):
            where = available(mode, cost.time_s)
            seconds = cost.time_s[where]
            self._put(row, column, seconds)
            self.low_s[row, column], self.high_s[row, column] = ranges.get(where, (seconds, seconds))
            if cost.energy_j:
                near = available(mode, cost.energy_j)
                self.power[:, row, column] = cost.energy_j[near] / cost.time_s[available(near, cost.time_s)]
        self.submit_s[row] = float(np.median(list(cost.submit_s.values()))) if cost.submit_s else submit_s
        self.source[row] = Source.MEASURED

    def dispatched(self, rows: NDArray[np.bool_], seconds: float, submit_s: float) -> None:
        """Those operators are only dispatched."""
        for row in np.flatnonzero(rows).tolist():
            self._put(row, slice(None), seconds)
            self.submit_s[row] = submit_s
            self.source[row] = Source.DISPATCH

    def predicted(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], found: "Forecast", submit_s: float
    ) -> None:
        """A predictor says it of these operators in these modes; the first reason for being outside stands."""
        for name in ("time_s", "low_s", "high_s"):
            getattr(self, name)[rows, columns] = getattr(found, name)
        for number, name in enumerate(("power_w", "power_low_w", "power_high_w")):
            self.power[number, rows, columns] = getattr(found, name)
        self.submit_s[rows] = submit_s
        for row, why in zip(rows.tolist(), found.why.tolist(), strict=True):
            self.source[row] = Source.PREDICTED
            self.why[row] = self.why[row] or str(why)

    def guessed(self, row: int, seconds: tuple[float, float, float], submit_s: float, why: str) -> None:
        """A rough time with its interval, for all modes."""
        for values, one in zip((self.time_s, self.low_s, self.high_s), seconds, strict=True):
            values[row] = one
        self.submit_s[row] = submit_s
        self.source[row], self.why[row] = Source.ROUGH, why

    def done(self) -> OperatorTimes:
        """All columns; modes that were not asked for have what the nearest one has."""
        for values in (self.time_s, self.low_s, self.high_s, *self.power):
            _fill(values)
        return OperatorTimes(
            self.time_s,
            self.low_s,
            self.high_s,
            self.power[0],
            self.power[1],
            self.power[2],
            self.submit_s,
            source=tuple(one for one in self.source if one is not None),
            outside=np.array([bool(why) for why in self.why], dtype=np.bool_),
            why=tuple(self.why),
        )

    def _put(self, row: int, column: int | slice, seconds: float) -> None:
        for values in (self.time_s, self.low_s, self.high_s):
            values[row, column] = seconds


def _fill(values: Floats) -> None:
    """Give each mode without a value that of the nearest mode with one, in place; shape (operators, modes)."""
    for row in np.flatnonzero(np.isnan(values).any(axis=1)).tolist():
        have = {mode: float(values[row, at]) for at, mode in enumerate(MODES) if np.isfinite(values[row, at])}
        if have:
            values[row] = [have[available(mode, have)] for mode in MODES]
