"""A sweep as it looks after the analysis: an LSTM grid on two backends, with everything planted that a report shows.

Eager has clusters at 1.25 x (5 %) and 2 x (5 %) of the main mode, onnxruntime has one mode; hidden=200 is slower than
hidden=256 on eager; one setup ran out of memory and one lost a round. Shapes, growth and findings are written from
what was planted, not found by the code under `analyse`: a report's tests must not fail with a detector.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, product

import numpy as np
from scipy.stats import beta

from stopwatt.analyse.analysis import Analysis, CellAnalysis
from stopwatt.analyse.estimate import Series
from stopwatt.analyse.grid import Axis, Grid, Line, Point, arrange
from stopwatt.analyse.scaling import BatchCost, Growth, Inversion, Scaling
from stopwatt.analyse.shape import Cluster, Form, Shape
from stopwatt.analyse.summary import summarise
from stopwatt.analyse.worst import Miss, WorstCase
from stopwatt.records import (
    Cell,
    Finding,
    Measured,
    Measurement,
    Note,
    Protocol,
    Samples,
    Scalar,
    Setup,
    Status,
    Strength,
    Trouble,
    Workload,
)

FACTS: Mapping[str, Scalar] = {
    "cpu.model": "Imaginary 9000",
    "cpu.allowed": 2,
    "memory.total": 8 * 2**30,
    "os.name": "Imaginary Linux 1",
    "python.version": "CPython 3.11.0",
}
MODES = {"eager": ((1.0, 0.90), (1.25, 0.05), (2.0, 0.05)), "onnxruntime": ((1.0, 1.0),)}
DEADLINE_S = 5e-3


@dataclass(frozen=True)
class Example:
    """What the grid spans.

    Attributes:
        source: Name of the workload.
        without: Whether the setups that fail are left out.
    """

    layers: Sequence[int] = (1, 2)
    hidden: Sequence[int] = (64, 128, 200, 256)
    seq: Sequence[int] = (128,)
    batch: Sequence[int] = (1, 2, 4, 8)
    backends: Sequence[str] = ("eager", "onnxruntime")
    rounds: int = 3
    trials: int = 100
    source: str = "lstm"
    tag: str = ""
    failures: bool = True
    protocol: Protocol = field(default_factory=Protocol)


def analysis_of(example: Example = Example()) -> Analysis:
    """The example, analysed."""
    measurements, labels = measure(example)
    return analysed(measurements, labels)


def measure(example: Example) -> tuple[list[Measurement], dict[tuple[str, int], np.ndarray]]:
    """Rounds, and which cluster each of their trials was drawn from by (cell key, round)."""
    measurements, labels = [], {}
    combined = product(example.backends, example.layers, example.hidden, example.seq, example.batch)
    for place, (backend, layers, hidden, seq, batch) in enumerate(combined):
        params = {"features": 16, "hidden": hidden, "layers": layers, "seq": seq, "outputs": 1}
        rules = replace(example.protocol, rounds=example.rounds, trials=example.trials)
        cell = Cell(
            Workload(example.source, params),
            Setup(backend, batch=batch),
            rules,
            code="c0de",
            software={"torch": "2.13.0", backend: "1.2.3"},
            machine="ma5c1ne",
        )
        fails = example.failures and backend == "onnxruntime" and hidden == max(example.hidden)
        for number in range(example.rounds):
            dice = np.random.default_rng([place, number])
            if fails and batch == max(example.batch):
                measurements.append(_failed(cell, number, Status.OUT_OF_MEMORY, "the allocation of 3.2 GiB failed"))
            elif fails and batch == min(example.batch) and number == 0:
                measurements.append(_failed(cell, number, Status.TIMEOUT, "no answer within 600 s"))
            else:
                level = typical_s(backend, layers, hidden, seq, batch) * dice.lognormal(0, 0.005)
                values, drawn = trials_of(level, MODES[backend], example.trials, dice)
                labels[cell.key, number] = drawn
                measurements.append(_round(cell, number, values, batch, dice))
    return measurements, labels


def typical_s(backend: str, layers: int, hidden: int, seq: int, batch: int) -> float:
    """The planted median of the main mode in seconds."""
    odd = 1.7 if backend == "eager" and hidden == 200 else 1.0
    step = 0.4e-6 + 2.2e-11 * hidden**2 * odd * (0.55 + 0.45 * batch)
    start = 60e-6 if backend == "eager" else 25e-6
    speed = 1.0 if backend == "eager" else 0.6
    return start + speed * layers * seq * step


def trials_of(
    level: float, modes: Sequence[tuple[float, float]], n: int, dice: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Trials around the modes in ns, and the mode of each."""
    ratios, masses = (np.array(column) for column in zip(*modes, strict=True))
    drawn = dice.choice(len(modes), n, p=masses / masses.sum())
    drawn[: len(modes)] = np.arange(len(modes))  # every mode occurs, however few the trials
    values = level * ratios[drawn] * dice.lognormal(0, 0.012, n)
    return np.rint(values * 1e9).astype(np.int64), drawn.astype(np.int8)


def _round(cell: Cell, number: int, values: np.ndarray, batch: int, dice: np.random.Generator) -> Measurement:
    rate = batch / np.median(values) * 1e9
    return Measurement(
        cell,
        number,
        Status.OK,
        samples={
            "latency": Samples(values, "ns"),
            "throughput": Samples(rate * dice.lognormal(0, 0.01, 5), "samples/s"),
        },
        readings={
            "host_memory": Measured((200.0 + batch) * 2**20, "B"),
            "deviation": Measured(0.0 if cell.setup.backend == "eager" else 3e-7, "1"),
        },
        facts=FACTS,
        notes=(Note("no-steady-state", "the warm-up ended without a steady state", now="raise --warmup-cap"),)
        if number == 0 and cell.setup.backend == "eager" and batch == 1
        else (),
        started_at=f"2026-01-02T03:{4 + number:02d}:05.678+00:00",
        log="loaded\nready",
        id=f"{cell.key}{number:012x}",
    )


def _failed(cell: Cell, number: int, status: Status, what: str) -> Measurement:
    return Measurement(
        cell,
        number,
        status,
        trouble=Trouble(what, "in the trials", "take a smaller batch"),
        facts=FACTS,
        log="Traceback: no memory",
        started_at=f"2026-01-02T03:{4 + number:02d}:05.678+00:00",
        id=f"{cell.key}{number:012x}",
    )


def analysed(measurements: Sequence[Measurement], labels: Mapping[tuple[str, int], np.ndarray]) -> Analysis:
    """What `analyse` would say of them, were every detector right."""
    grid = arrange(summarise(measurements))
    by_key: dict[str, list[Measurement]] = {}
    for one in measurements:
        by_key.setdefault(one.cell.key, []).append(one)
    cells = tuple(_cell(point, by_key[point.row.cell.key], labels) for point in grid.points)
    scaling = _scaling(grid)
    return Analysis(grid, cells, scaling, _findings(grid, cells, scaling), FACTS, ("ma5c1ne",))


def _cell(point: Point, rounds: Sequence[Measurement], labels: Mapping[tuple[str, int], np.ndarray]) -> CellAnalysis:
    key = point.row.cell.key
    ok = [one for one in rounds if one.status is Status.OK]
    series = tuple(Series(one.round, one.samples["latency"].values / 1e9) for one in ok)
    found = {one.round: labels[key, one.round] for one in ok}
    started = {one.round: one.started_at for one in rounds}
    shape = shape_of(series, found) if series else None
    worst = (worst_of(series),) if series else ()
    return CellAnalysis(point.row, series, shape, worst, started)


def shape_of(series: Sequence[Series], labels: Mapping[int, np.ndarray]) -> Shape:
    """The shape of trials whose cluster is known."""
    values = np.concatenate([one.values for one in series])
    drawn = np.concatenate([labels[one.round] for one in series])
    main = float(np.median(values[drawn == 0]))
    clusters = tuple(_cluster(values[drawn == index], main, values.size) for index in range(int(drawn.max()) + 1))
    fences = [
        np.quantile(one.values, 0.75) + 1.5 * np.subtract(*np.quantile(one.values, [0.75, 0.25])) for one in series
    ]
    outliers = sum(int((one.values > fence).sum()) for one, fence in zip(series, fences, strict=True))
    form = Form.CLUSTERS if len(clusters) > 1 else Form.ONE_MODE
    return Shape(values.size, form, clusters, outliers=outliers, labels=labels)


def _cluster(values: np.ndarray, main: float, n: int) -> Cluster:
    count = int(values.size)
    low = beta.ppf(0.025, count, n - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, n - count) if count < n else 1.0
    centre = float(np.median(values))
    return Cluster(centre, centre / main, count, count / n, float(low), float(high))


def worst_of(series: Sequence[Series]) -> WorstCase:
    """The tail of trials."""
    values = np.concatenate([one.values for one in series])
    deadlines = np.geomspace(np.median(values), 1.5 * values.max(), 40)
    intervals = tuple(np.array([part.max() for part in np.array_split(one.values, 10)]) for one in series)
    return WorstCase(
        "latency",
        float(values.max()),
        values.size,
        float(values.sum()),
        deadlines=(_miss(values, DEADLINE_S),),
        curve=tuple(_miss(values, float(deadline)) for deadline in deadlines),
        intervals_s=intervals,
        annex="no extrapolation: the trials form clusters",
    )


def _miss(values: np.ndarray, deadline: float) -> Miss:
    misses, n = int((values > deadline).sum()), int(values.size)
    upper = 1.0 if misses == n else float(beta.ppf(0.95, misses + 1, n - misses))
    return Miss(deadline, misses, n, upper, effective_n=n)


def _scaling(grid: Grid) -> Scaling:
    growths, inversions, batches = [], [], []
    for axis in (axis for axis in grid.axes if axis.numeric):
        for line in grid.lines(axis):
            measured = [point for point in line.points if _latency(point) is not None]
            if axis.name == "batch" and len(measured) > 2:
                batches.append(_batch_cost(line, measured))
            elif len(measured) > 2:
                growths.append(_growth(line, measured))
            pairs = pairwise(measured)
            inversions += [found for small, large in pairs if (found := _inversion(axis, small, large))]
    return Scaling(tuple(growths), tuple(inversions), tuple(batches))


def _latency(point: Point) -> float | None:
    return point.row.estimates["latency"].value


def _growth(line: Line, points: Sequence[Point]) -> Growth:
    sizes = np.log([float(point.where[line.axis.name]) for point in points])
    slope = float(np.polyfit(sizes, np.log([_latency(point) for point in points]), 1)[0])
    kinks = (200.0,) if any(_inversion(line.axis, *pair) for pair in pairwise(points)) else ()
    return Growth(line, slope, slope - 0.08, slope + 0.08, kinks)


def _inversion(axis: Axis, small: Point, large: Point) -> Inversion | None:
    ratio = (_latency(large) or math.nan) / (_latency(small) or math.nan)
    return Inversion(small, large, axis.name, ratio, ratio * 0.99, ratio * 1.01, shown=True) if ratio < 0.985 else None


def _batch_cost(line: Line, points: Sequence[Point]) -> BatchCost:
    sizes = np.array([float(point.where["batch"]) for point in points])
    times = np.array([_latency(point) for point in points])
    marginal, fixed = np.polyfit(sizes, times, 1)
    rates = sizes / times
    best = int(sizes[rates.argmax()])
    knee = int(sizes[rates >= 0.9 * rates.max()].min())
    error = float(np.abs(times / (fixed + marginal * sizes) - 1).max())
    bounds = (fixed * 0.97, fixed * 1.03, marginal * 0.98, marginal * 1.02)
    at = int(np.flatnonzero(sizes == knee)[0])
    gain, cost = float(rates[at] / rates[0]), float(times[at] / times[0])
    return BatchCost(
        line, float(fixed), float(marginal), *map(float, bounds), error, best, knee, None, int(sizes[0]), gain,
        gain * 0.98, gain * 1.02, cost,
    )  # fmt: skip


def _findings(grid: Grid, cells: Sequence[CellAnalysis], scaling: Scaling) -> tuple[Finding, ...]:
    findings = []
    if scaling.inversions:
        first = scaling.inversions[0]
        percent = 100 * (1 - first.ratio)
        findings.append(
            Finding(
                "inversion",
                f"At {grid.label(first.small)}, {first.axis}={first.large.where[first.axis]} is {percent:.1f} % faster "
                f"than {first.axis}={first.small.where[first.axis]}: an inversion",
                tuple(point.row.cell.key for found in scaling.inversions for point in (found.small, found.large)),
                {"ratio": first.ratio},
                first.low,
                first.high,
                weight=0.6,
                count=len(scaling.inversions),
                of=len(list(grid.lines(grid.axis(first.axis) or grid.axes[0]))),
                exceptions=("layers=1, batch=8",),
            )
        )
    clustered = [cell for cell in cells if cell.shape is not None and cell.shape.form is Form.CLUSTERS]
    if clustered:
        masses = [cluster.mass for cell in clustered for cluster in marks_apart(cell)]
        findings.append(
            Finding(
                "outlier-clusters",
                f"{len(clustered)} of {len(cells)} cells have outlier clusters at 1.25 x and 2.0 x of their main mode, "
                f"each with about {100 * float(np.mean(masses)):.0f} % of the calls; all of them run on eager",
                tuple(cell.row.cell.key for cell in clustered),
                {"share": len(clustered) / len(cells)},
                weight=0.9,
                count=len(clustered),
                of=len(cells),
            )
        )
    if scaling.batches:
        cost = scaling.batches[0]
        findings.append(
            Finding(
                "sweet-spot",
                f"Batch {cost.knee} is the sweet spot at {cost.line.label}: larger ones add less than 10 % samples/s",
                tuple(point.row.cell.key for point in cost.line.points),
                {"knee": float(cost.knee)},
                strength=Strength.SUGGESTED,
                weight=0.4,
            )
        )
    return tuple(sorted(findings, key=lambda finding: -finding.weight))


def marks_apart(cell: CellAnalysis) -> tuple[Cluster, ...]:
    """The clusters but the main one, which is the first by its centre here."""
    return cell.shape.clusters[1:] if cell.shape is not None else ()
