"""Constraints on a setup: `p99<10ms`, `deviation<1e-2`, `memory<2GB`, `throughput>100`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.row import Row
from stopwatt.analyse.summary import LARGEST, TAILS
from stopwatt.errors import UsageError
from stopwatt.extensions import unknown
from stopwatt.metrics import ACCURACY, ACCURACY_LOSS, METRICS
from stopwatt.records import Status
from stopwatt.tuning.goals import Goal, metric_of
from stopwatt.units import parse

_LATENCIES = {"latency": "latency", "p50": "latency", "max": LARGEST} | {
    name.removeprefix("latency_"): name for name in TAILS
}
ACCURACIES = (ACCURACY, ACCURACY_LOSS)
"""Constraints that need labelled samples."""
_OTHERS = ("throughput", "energy", "memory", "deviation", "cold_start", *ACCURACIES)
NAMES = (*_LATENCIES, *_OTHERS)
_FORM = re.compile(r"\s*(?P<name>[A-Za-z_][\w.]*)\s*(?P<sign><=|>=|<|>)\s*(?P<limit>\S.*?)\s*")
_UNITS = {"s": "s", "B": "B", "J": "J"}


class Holds(StrEnum):
    """What is known of a constraint."""

    YES = "yes"  # also at the worse end of the interval
    NO = "no"  # not even at the better end
    OPEN = "open"  # the interval holds the limit
    UNKNOWN = "unknown"  # nothing was measured that says so


@dataclass(frozen=True, slots=True)
class Constraint:
    """A bound on one metric.

    Attributes:
        text: As it was written.
        name: What the user calls the metric.
        at_most: Whether the limit is an upper one.
        limit: In the metric's unit.
    """

    text: str
    name: str
    at_most: bool
    limit: float

    def metric(self, device: str) -> str:
        """Name of the estimate that it is about, on a device."""
        if self.name in _LATENCIES:
            return _LATENCIES[self.name]
        return metric_of(Goal(self.name), device) if self.name in {"energy", "memory"} else self.name

    def of(self, row: Row) -> Estimate:
        """The estimate of a row that it is about."""
        return row.estimates[self.metric(row.cell.setup.device)]

    def judge(self, row: Row) -> Holds:
        """Whether a row keeps to it. A value without an interval stands for itself."""
        found = self.of(row)
        value = found.measured
        if row.status is not Status.OK or value is None:
            return Holds.UNKNOWN
        low, high = (value, value) if found.low is None or found.high is None else (found.low, found.high)
        worse, better = (high, low) if self.at_most else (low, high)
        if self._keeps(worse):
            return Holds.YES
        return Holds.OPEN if self._keeps(better) else Holds.NO

    def excess(self, row: Row) -> float | None:
        """How many times the limit a row is beyond it, on the wrong side above 1; `None` where nobody knows."""
        value = self.of(row).measured
        if value is None or self.limit <= 0 or (value <= 0 and not self.at_most):
            return None
        return max(0.0, value) / self.limit if self.at_most else self.limit / value

    def _keeps(self, value: float) -> bool:
        return value <= self.limit if self.at_most else value >= self.limit


def read(texts: Sequence[str]) -> tuple[Constraint, ...]:
    """Constraints as they are written.

    Raises:
        UsageError: One cannot be read, has an unknown name or unit, can never hold, or contradicts another.
    """
    found = tuple(_read(text) for text in texts)
    for name in dict.fromkeys(one.name for one in found):
        above = [one for one in found if one.name == name and one.at_most]
        below = [one for one in found if one.name == name and not one.at_most]
        for upper in above:
            for lower in below:
                if lower.limit > upper.limit:
                    raise UsageError(
                        f"{upper.text!r} and {lower.text!r} contradict each other", when="--where", now="drop one"
                    )
    return found


def _read(text: str) -> Constraint:
    form = _FORM.fullmatch(text)
    if form is None:
        raise UsageError(
            f"cannot read {text!r} as a constraint", when="--where", now='write one such as "p99<10ms" or "memory<2GB"'
        )
    name = form["name"]
    if name not in NAMES:
        raise unknown("name in a constraint", name, NAMES)
    unit = METRICS["latency" if name in _LATENCIES else _METRIC[name]].unit
    limit = parse(form["limit"], _UNITS.get(unit, "1"))
    if not limit > 0:
        raise UsageError(f"{text!r} can never decide anything", when="--where", now="give a limit above 0")
    if name in ACCURACIES and limit >= 1:
        raise UsageError(
            f"{text!r} can never decide anything", when="--where", now="accuracy is from 0 to 1: write 0.9 or 90%"
        )
    return Constraint(text.strip(), name, form["sign"].startswith("<"), limit)


_METRIC = {name: name for name in _OTHERS} | {"energy": "energy_gpu", "memory": "host_memory"}
