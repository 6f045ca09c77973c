"""Everything that is derived from the measurements of a selection, in one value: what tables and reports read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stopwatt.analyse.estimate import Series
from stopwatt.analyse.grid import Grid
from stopwatt.analyse.row import Row
from stopwatt.analyse.scaling import Scaling
from stopwatt.analyse.shape import Shape
from stopwatt.analyse.worst import WorstCase
from stopwatt.records import Finding, Scalar


@dataclass(frozen=True, slots=True, eq=False)
class CellAnalysis:
    """One cell with everything that is known of it.

    Attributes:
        row: The summary.
        series: Latency trials of each OK round in seconds, in order; empty where there are none (a failed cell, or a
            table of means that came from elsewhere).
        shape: `None` where there are no trials.
        worst: Of `latency`, and of `response` where arrivals were paced.
        started: Round number -> ISO time at which it began.
    """

    row: Row
    series: tuple[Series, ...] = ()
    shape: Shape | None = None
    worst: tuple[WorstCase, ...] = ()
    started: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """A selection of measurements, analysed.

    Attributes:
        cells: In the order of `grid.points`.
        scaling: Growth, inversions, cost of batch.
        findings: By falling weight.
        facts: Of the latest measurement: machine and versions.
        machines: Digests of the machines that measured.
    """

    grid: Grid
    cells: tuple[CellAnalysis, ...]
    scaling: Scaling
    findings: tuple[Finding, ...]
    facts: Mapping[str, Scalar]
    machines: tuple[str, ...] = ()
