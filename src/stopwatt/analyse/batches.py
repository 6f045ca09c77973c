"""What a batch brings each setup: the knee of samples/s, the most of them, the least energy, and where memory ends."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.energy import own_energy
from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.grid import Grid, Line, Point, arrange
from stopwatt.analyse.level import METRICS, THROUGHPUT, Level, level_of, together
from stopwatt.analyse.memorylimit import MemoryLimit, memory_limit
from stopwatt.analyse.rate import Rate, rate_of
from stopwatt.analyse.row import Row
from stopwatt.records import Scalar
from stopwatt.stats.noise import UNKNOWN, Noise, fit_noise
from stopwatt.stats.saturation import LEAST_SIZES, Course, Saturation, saturation

LATENCY = METRICS[0]


@dataclass(frozen=True, slots=True)
class Knee:
    """Where a larger batch stops paying (`stats.saturation`).

    Attributes:
        course: How samples/s go with the batch.
        batch: The smallest with nine tenths of the most samples/s; `None` where there is no such claim.
        low, high: Batches that its 95 % interval reaches from and to.
        growth: What the last doubling of the batch multiplies samples/s by, with `growth_low` and `growth_high`.
        why: Why there is no knee; empty where there is one.
    """

    course: Course
    batch: int | None = None
    low: int | None = None
    high: int | None = None
    growth: float | None = None
    growth_low: float | None = None
    growth_high: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Joules:
    """The least energy a sample.

    Attributes:
        batch: Of the cell that takes it.
        estimate: It, measured.
    """

    batch: int
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One workload in one setup over its batch sizes.

    Attributes:
        line: All of its cells; those without a result are among them.
        metric: Where samples/s come from: `throughput`, or `latency` where no throughput was measured. They are then
            batch / latency, of one call at a time.
        rates: Samples/s of the cells that have them, by rising batch.
        best: The most samples/s; `None` where no cell has a result.
        energy: `None` where none was measured.
        memory: The largest batch that ran, and the first that did not fit.
    """

    line: Line
    metric: str
    rates: tuple[Rate, ...]
    knee: Knee
    best: Rate | None
    energy: Joules | None
    memory: MemoryLimit

    @property
    def row(self) -> Row:
        """The row of its smallest batch: workload and setup are those of all."""
        return self.line.points[0].row

    def point(self, batch: int) -> Point:
        """The cell of a batch."""
        return next(point for point in self.line.points if point.row.cell.setup.batch == batch)


def batch_lines_of_rows(rows: Sequence[Row], facts: Mapping[str, Scalar]) -> tuple[BatchLine, ...]:
    """Lines of at least three batch sizes among rows, in their order.

    Args:
        rows: One per cell.
        facts: Of the machine that measured: how much memory it has.
    """
    found = batch_lines_of(arrange(rows), facts)
    return tuple(one for one in found if len(one.line.points) >= LEAST_SIZES)


def batch_lines_of(grid: Grid, facts: Mapping[str, Scalar]) -> tuple[BatchLine, ...]:
    """All lines of batch sizes of a grid; none where other sizes change together with the batch.

    Args:
        grid: Of any shape.
        facts: Of the machine that measured: how much memory it has.
    """
    axis = grid.axis("batch")
    if axis is None or not axis.numeric or grid.tied(axis):
        return ()
    lines = list(grid.lines(axis))
    tables = [_Rates.of(line) for line in lines]
    noise = _noise(tables)
    return tuple(_batch_line(line, table, noise, facts) for line, table in zip(lines, tables, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class _Rates:
    """Samples/s of a line.

    Attributes:
        sizes: Batches of the cells that have rounds in common [points], rising.
        rounds: Samples/s in these rounds [rounds, points].
    """

    metric: str
    rates: tuple[Rate, ...]
    sizes: NDArray[np.float64]
    rounds: NDArray[np.float64]

    @classmethod
    def of(cls, line: Line) -> "_Rates":
        measured = [point for point in line.points if level_of(point.row) is not None]
        metric = THROUGHPUT if all(level_of(point.row, THROUGHPUT) for point in measured) else LATENCY
        rates = tuple(rate for point in measured if (rate := samples_per_second(point, metric)) is not None)
        known = [(rate.batch, level_of(point.row, metric)) for rate, point in zip(rates, measured, strict=True)]
        levels = [(batch, level) for batch, level in known if level is not None and level.rounds]
        sizes, rounds = _table(levels)
        return cls(metric, rates, sizes, rounds if metric == THROUGHPUT else sizes / rounds)


def _table(levels: Sequence[tuple[int, Level]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not levels:
        return np.empty(0), np.empty((0, 0))
    _, rounds = together([level for _, level in levels])
    return np.array([batch for batch, _ in levels], dtype=np.float64), rounds


def samples_per_second(point: Point, metric: str) -> Rate | None:
    """Samples/s of a cell.

    Args:
        point: The cell.
        metric: `throughput`, or `latency` for batch / latency.
    """
    if metric == LATENCY:
        return rate_of(point)
    estimate = point.row.estimates[THROUGHPUT]
    if level_of(point.row, THROUGHPUT) is None or estimate.value is None:
        return None
    return Rate(point.row.cell.setup.batch, estimate.value, estimate.low, estimate.high)


def _noise(tables: Sequence[_Rates]) -> Noise:
    """How much samples/s differ between rounds, from all neighbours of all lines."""
    spreads = [
        (float((np.log(table.rounds[:, large] / table.rounds[:, small])).var(ddof=1)) / 2, len(table.rounds) - 1.0)
        for table in tables
        if len(table.rounds) > 1
        for small, large in pairwise(range(table.sizes.size))
    ]
    return fit_noise([variance for variance, _ in spreads], [freedom for _, freedom in spreads]) if spreads else UNKNOWN


def _batch_line(line: Line, table: _Rates, noise: Noise, facts: Mapping[str, Scalar]) -> BatchLine:
    return BatchLine(
        line,
        table.metric,
        table.rates,
        _knee(table, noise),
        max(table.rates, key=lambda rate: rate.value, default=None),
        _least_energy(line),
        memory_limit([point.row for point in line.points], facts),
    )


def _knee(table: _Rates, noise: Noise) -> Knee:
    if len(table.rates) > table.sizes.size:  # means of somebody else's rounds: the largest sizes might be missing
        return Knee(Course.UNKNOWN, why="some batches were measured without rounds")
    found = saturation(table.sizes, table.rounds, noise)
    batch, low, high = (_size(table, index) for index in (found.at, found.low, found.high))
    return Knee(
        found.course, batch, low, high, found.growth, found.growth_low, found.growth_high, _why(found, table.sizes)
    )


def _size(table: _Rates, index: int | None) -> int | None:
    return None if index is None else int(table.sizes[index])


def _why(found: Saturation, sizes: NDArray[np.float64]) -> str:
    """The reason with the largest batch in it, where that is the point."""
    return found.why.replace("the largest batch", f"batch {sizes[-1]:.0f}") if found.growth is not None else found.why


def _least_energy(line: Line) -> Joules | None:
    """Of the device's own scope; what is suspect or estimated takes no part."""
    return min(_joules(line), key=lambda one: one.estimate.value or 0.0, default=None)


def _joules(line: Line) -> Iterator[Joules]:
    for point in line.points:
        metric = own_energy(point.row.cell.setup.device)
        if level_of(point.row, metric) is not None:
            yield Joules(point.row.cell.setup.batch, point.row.estimates[metric])
