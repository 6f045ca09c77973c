"""Neighbours of a grid compared: what a step along an axis does to the latency, and the steps that go the wrong way."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from stopwatt.analyse.grid import Axis, Grid, Line, Point
from stopwatt.analyse.level import Level, RoundKey, level_of, log_ratios
from stopwatt.records import Scalar
from stopwatt.stats.noise import UNKNOWN, Evidence, Noise, fit_noise, weigh
from stopwatt.stats.ratios import MARGIN, holm

RISK = 0.01
"""Of any false inversion in a grid, and again of any false kink. So strict because the noise of all cells does not know
that a few are far noisier than the rest: with one in thirty ten times as noisy, 5 to 7 % of grids show something false
(`docs/results/findings.md`)."""
PAIR = 2**0.5
"""A difference of two cells varies by so much more than one cell."""
Kind = tuple[Scalar | None, ...]
"""Values of the axes that are no numbers."""
_MOSTLY = 2 / 3
_LEAST_VALUES = 3


@dataclass(frozen=True, slots=True)
class Noises:
    """How much a cell differs between rounds, for each kind of setup by itself.

    A backend that waits for the host can be ten times as noisy as one that does not. Taken together, the noisy one
    would hide what the quiet one shows.

    Attributes:
        overall: Of all cells together: what holds for a kind with too few neighbours.
        kinds: Names of the axes whose values are no numbers.
        by_kind: Values of those axes -> noise of the cells that have them.
    """

    overall: Noise = UNKNOWN
    kinds: tuple[str, ...] = ()
    by_kind: Mapping[Kind, Noise] = field(default_factory=dict)

    def kind(self, where: Mapping[str, Scalar]) -> Kind:
        """What kind the cell at a place is of."""
        return tuple(where.get(name) for name in self.kinds)

    def of(self, where: Mapping[str, Scalar]) -> Noise:
        """Of the cell at a place."""
        return self.by_kind.get(self.kind(where), self.overall)

    def among(self, places: Iterable[Mapping[str, Scalar]]) -> Noise:
        """Of the cells at several places, on the average; known as well as the least known of them."""
        found = [self.of(where) for where in places]
        return Noise(float(np.mean([one.variance for one in found])), min(one.freedom for one in found))


UNKNOWN_NOISES = Noises()


@dataclass(frozen=True, slots=True)
class Step:
    """Two neighbours on a line, compared.

    Attributes:
        small, large: The two points.
        axis: Name of the axis along which they are neighbours.
        ratio: Latency of the large / latency of the small, by the rounds that both have.
        metric: Which latency.
        rounds: ln(ratio) of each of those rounds.
        evidence: On ln(ratio); `None` with fewer than 3 rounds in common.
        fixed: The other coordinates that vary in the grid: its place.
    """

    small: Point
    large: Point
    axis: str
    ratio: float
    metric: str
    rounds: Mapping[RoundKey, float] = field(default_factory=dict)
    evidence: Evidence | None = None
    fixed: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inversion:
    """A larger problem that is faster than a smaller neighbour on its line.

    Attributes:
        small, large: The two points.
        axis: Name of the axis along which they are neighbours.
        ratio: Latency of the large / latency of the small; below 1.
        low, high: 95 % interval; `None` where there is none.
        shown: Whether the interval excludes 1, also among all neighbours that were compared (Holm).
        fixed: The other coordinates that vary in the grid: its place.
    """

    small: Point
    large: Point
    axis: str
    ratio: float
    low: float | None = None
    high: float | None = None
    shown: bool = False
    fixed: Mapping[str, Scalar] = field(default_factory=dict)


def noises_of(grid: Grid) -> Noises:
    """How much a cell differs between rounds, from all neighbours of the grid along all axes."""
    kinds = tuple(axis.name for axis in grid.axes if not axis.numeric)
    seen: dict[tuple[Kind, Kind], list[tuple[float, float]]] = defaultdict(list)
    for axis in grid.axes:
        for line in grid.lines(axis):
            for small, large, ratios in _pairs(line):
                values = np.array(list(ratios.values()))
                if values.size > 1:
                    pair = tuple(tuple(point.where.get(name) for name in kinds) for point in (small, large))
                    seen[pair[0], pair[1]].append((float(values.var(ddof=1)) / 2, values.size - 1.0))
    overall = _fitted([spread for spreads in seen.values() for spread in spreads])
    fitted = {one: _fitted(spreads) for (one, other), spreads in seen.items() if one == other}
    return Noises(overall, kinds, {kind: noise for kind, noise in fitted.items() if noise.freedom})


def _fitted(spreads: Sequence[tuple[float, float]]) -> Noise:
    return fit_noise([variance for variance, _ in spreads], [freedom for _, freedom in spreads])


def steps_of(grid: Grid, noises: Noises = UNKNOWN_NOISES) -> tuple[Step, ...]:
    """Every step from a point to the next larger one that was measured by the same metric, along every numeric axis."""
    return tuple(
        step_between(small, large, axis.name, noises, line.fixed)
        for axis, tied in grid.scales()
        for line in grid.lines(axis, tied)
        for small, large, _ in _pairs(line)
    )


def step_between(
    small: Point,
    large: Point,
    axis: str,
    noises: Noises = UNKNOWN_NOISES,
    fixed: Mapping[str, Scalar] | None = None,
) -> Step:
    """Compare two points that both have a level of the same metric."""
    first, second = level_of(small.row), level_of(large.row)
    assert first is not None and second is not None  # noqa: S101, PT018  (the caller chose such points)
    rounds = log_ratios(first, second)
    values = np.array(list(rounds.values()))
    ratio = float(np.exp(values.mean())) if values.size else second.value / first.value
    noise = noises.among((small.where, large.where))
    return Step(small, large, axis, ratio, first.metric, rounds, weigh(values, noise, PAIR), fixed or {})


def steps_between(grid: Grid, axis: Axis, first: Scalar, second: Scalar, noises: Noises = UNKNOWN_NOISES) -> list[Step]:
    """From one value of an axis to another, at all places where both have a level of the same metric."""
    steps = []
    for line in grid.lines(axis):
        points = {point.where[axis.name]: point for point in line.points}
        if first in points and second in points:
            levels = level_of(points[first].row), level_of(points[second].row)
            if levels[0] is not None and levels[1] is not None and levels[0].metric == levels[1].metric:
                steps.append(step_between(points[first], points[second], axis.name, noises, line.fixed))
    return steps


def size_axes(steps: Iterable[Step]) -> frozenset[str]:
    """Names of the axes along which a larger value is a larger problem.

    Not `threads`, and no axis of three values or more along which most steps make it faster: that is a resource.
    """
    by_axis: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        by_axis[step.axis].append(step)
    return frozenset(name for name, members in by_axis.items() if name != "threads" and not _is_resource(members))


def inversions_of(steps: Sequence[Step]) -> tuple[Inversion, ...]:
    """The steps along sizes that make it faster.

    Shown: the rounds in common say so at 1 % among all steps along sizes (each test one-sided and doubled, so that it
    agrees with the 95 % interval; then Holm). The others are those whose own 95 % interval is below 1, and, where there
    is none, those that are faster by more than 2 %.
    """
    sizes = size_axes(steps)
    candidates = [step for step in steps if step.axis in sizes]
    tested = [min(1.0, 2 * step.evidence.below(0.0)) for step in candidates if step.evidence is not None]
    adjusted = iter(holm(tested))
    found = []
    for step in candidates:
        shown = step.evidence is not None and next(adjusted) <= RISK
        low, high = bounds_of(step)
        faster = high < 1 if high is not None else step.ratio < 1 / (1 + MARGIN)
        if shown or faster:
            found.append(Inversion(step.small, step.large, step.axis, step.ratio, low, high, shown, step.fixed))
    return tuple(found)


def together(steps: Sequence[Step], noises: Noises = UNKNOWN_NOISES) -> Evidence | None:
    """Evidence on the mean ln(ratio) of steps at different places: their mean in each round that all of them have.

    Args:
        steps: At least one; no two of them share a cell.
        noises: Of single cells.
    """
    noise = noises.among(point.where for step in steps for point in (step.small, step.large))
    shared = [key for key in steps[0].rounds if all(key in step.rounds for step in steps)]
    means = np.array([np.mean([step.rounds[key] for step in steps]) for key in shared])
    return weigh(means, noise, PAIR / len(steps) ** 0.5)


def bounds_of(step: Step) -> tuple[float | None, float | None]:
    """95 % interval of the ratio."""
    if step.evidence is None:
        return None, None
    low, high = (float(np.exp(end)) for end in step.evidence.interval())
    return low, high


def _pairs(line: Line) -> Iterator[tuple[Point, Point, Mapping[RoundKey, float]]]:
    """Neighbours by each metric, with ln(second / first) in each round in common."""
    by_metric: dict[str, list[tuple[Point, Level]]] = defaultdict(list)
    for point in line.points:
        level = level_of(point.row)
        if level is not None:
            by_metric[level.metric].append((point, level))
    for members in by_metric.values():
        for (small, first), (large, second) in pairwise(members):
            yield small, large, log_ratios(first, second)


def _is_resource(steps: Sequence[Step]) -> bool:
    values = {step.small.where[step.axis] for step in steps} | {step.large.where[step.axis] for step in steps}
    falling = sum(step.ratio < 1 / (1 + MARGIN) for step in steps)
    return len(values) >= _LEAST_VALUES and falling > _MOSTLY * len(steps)
