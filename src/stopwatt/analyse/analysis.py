"""Everything that is derived from the measurements of a selection, in one value: what tables and reports read."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from stopwatt.analyse.ablation import studies
from stopwatt.analyse.coincidence import Coincidence, coincidences_of
from stopwatt.analyse.estimate import Rejected, Series, series_of
from stopwatt.analyse.findings import find
from stopwatt.analyse.grid import Grid, arrange, in_order
from stopwatt.analyse.labels import Watched, watch
from stopwatt.analyse.row import Row
from stopwatt.analyse.scaling import Scaling, scaling_of
from stopwatt.analyse.shape import Shape, shape_of
from stopwatt.analyse.study import Study
from stopwatt.analyse.summary import summarise, without_repeated
from stopwatt.analyse.worst import WorstCase, worst_cases
from stopwatt.records import Finding, Measurement, Protocol, Scalar, Status
from stopwatt.stats.ratios import MARGIN


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
        watched: What instruments said during each of `series`, in the same order; `None` for a round without.
        coincidences: Clusters that come together with it.
    """

    row: Row
    series: tuple[Series, ...] = ()
    shape: Shape | None = None
    worst: tuple[WorstCase, ...] = ()
    started: Mapping[int, str] = field(default_factory=dict)
    watched: tuple[Watched | None, ...] = ()
    coincidences: tuple[Coincidence, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """A selection of measurements, analysed.

    Attributes:
        cells: In the order of `grid.points`.
        scaling: Growth, inversions, cost of batch.
        findings: By falling weight.
        facts: Of the latest measurement: machine and versions.
        machines: Digests of the machines that measured.
        studies: What the ablations say. Their cells are nowhere else in an analysis: two stages of one study are no
            two places of a grid, and the latency of the reference is in the study.
        rules: Protocols of the studies' cells.
    """

    grid: Grid
    cells: tuple[CellAnalysis, ...]
    scaling: Scaling
    findings: tuple[Finding, ...]
    facts: Mapping[str, Scalar]
    machines: tuple[str, ...] = ()
    studies: tuple[Study, ...] = ()
    rules: tuple[Protocol, ...] = ()


def analyse(
    measurements: Iterable[Measurement],
    *,
    deadlines: Sequence[float] = (),
    within_s: float | None = None,
    margin: float = MARGIN,
) -> Analysis:
    """Everything that measurements say, each cell for itself and all of them as a grid.

    Args:
        measurements: Rounds of any cells with their samples, in any order.
        deadlines: In seconds; misses are counted for each cell.
        within_s: Latency bound, in seconds, for the batch with the most samples/s.
        margin: Relative difference of latency that does not matter for a verdict.
    """
    everything = list(measurements)
    ablations = [one for one in everything if one.cell.protocol.ablation is not None]
    by_cell: dict[str, list[Measurement]] = defaultdict(list)
    for one in everything:
        if one.cell.protocol.ablation is None:
            by_cell[one.cell.key].append(one)
    rows = in_order(summarise((one for rounds in by_cell.values() for one in rounds), margin))
    grid = arrange(rows)
    cells = tuple(_cell(row, without_repeated(by_cell[row.cell.key]), deadlines) for row in rows)
    scaling = scaling_of(grid, within_s)
    studied = studies(ablations)
    measured = [*(row.cell for row in rows), *(one.cell for one in ablations)]
    latest = max(everything, key=lambda one: one.started_at, default=None)
    return Analysis(
        grid,
        cells,
        scaling,
        find(grid, cells, scaling, studied),
        latest.facts if latest else {},
        tuple(dict.fromkeys(cell.machine for cell in measured)),
        studied,
        tuple(dict.fromkeys(one.cell.protocol for one in ablations)),
    )


def _cell(row: Row, measurements: Sequence[Measurement], deadlines: Sequence[float]) -> CellAnalysis:
    started = {one.round: one.started_at for one in measurements}
    ok = [one for one in measurements if one.status is Status.OK and "latency" in one.samples]
    in_turn = sorted(ok, key=lambda one: one.round)
    try:
        _, series = series_of([(one.round, one.samples["latency"]) for one in in_turn])
    except Rejected:  # the row says which trial
        return CellAnalysis(row, started=started)
    shape = shape_of(series, _tick_s(ok)) if series else None
    worst = worst_cases(measurements, deadlines, clusters=len(shape.clusters) if shape else 1)
    watched = tuple(watch(one) for one in in_turn if one.samples["latency"].values.size)
    together = coincidences_of(series, shape, watched) if shape else ()
    return CellAnalysis(row, tuple(series), shape, worst, started, watched, together)


def _tick_s(measurements: Sequence[Measurement]) -> float | None:
    """The clock's tick; where rounds differ, the coarsest."""
    ticks = [float(tick) for one in measurements if isinstance(tick := one.facts.get("clock_tick_ns"), (int, float))]
    return max(ticks) / 1e9 if ticks else None
