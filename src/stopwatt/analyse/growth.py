"""The growth of latency, or another metric, along every line of a grid: exponents, gradual bends, kinks."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.grid import Grid, Line, Point
from stopwatt.analyse.level import Level, RoundKey, level_of, together
from stopwatt.analyse.steps import RISK, UNKNOWN_NOISES, Noises
from stopwatt.stats.intervals import LEAST_ROUNDS
from stopwatt.stats.noise import UNKNOWN, Noise
from stopwatt.stats.scaling import (
    CHANGE,
    LEAST_POINTS,
    TOLERANCE,
    Judge,
    broken_line,
    deviation_from_power_law,
    exponent,
    exponent_weights,
    find_kinks,
    fit_smooth,
    judge_by_residuals,
    judge_by_rounds,
    judge_weights,
    segment_weights,
)

LEAST_ALIKE = 6
"""Lines over the same sizes that can be looked at together, or, of single values, judge each other."""
LEAST_ALONE = 8
"""Points from which on a line of single values can judge itself."""
SINGLE_TOLERANCE = 0.05
"""Relative deviation up to which a law describes values that were measured once."""
_ERRORS = 3.0


class Course(StrEnum):
    """How latency goes along a line."""

    POWER_LAW = "power law"  # one exponent describes it, or nothing speaks against one
    BENT = "bent"  # the exponent changes gradually, as fixed cost + work does
    KINKED = "kinked"  # the exponent changes at a point, and no gradual law describes it


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a line.

    Attributes:
        start, stop: Values of the axis.
        exponent: Log-log slope, with its 95 % interval (`None` where there is none).
    """

    start: float
    stop: float
    exponent: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Growth:
    """Latency ~ size ** exponent along one line of the grid.

    Attributes:
        line: The points, with what is fixed.
        exponent: Log-log slope over all of it.
        low, high: 95 % interval; `None` where the points have none or are too few.
        kinks: Values of the axis at which the slope changes; empty for one power law and for a gradual bend.
        course: What kind of growth it is.
        segments: Of a kinked line, between the kinks; of a bent one, its first and its last step; else empty.
        deviation: Largest relative deviation of a point from the power law.
        metric: Which latency, or what else grows.
        tied: Names of the axes that change together with the line's own.
    """

    line: Line
    exponent: float
    low: float | None = None
    high: float | None = None
    kinks: tuple[float, ...] = ()
    course: Course = Course.POWER_LAW
    segments: tuple[Segment, ...] = ()
    deviation: float = 0.0
    metric: str = "latency"
    tied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """The numbers of a line.

    Attributes:
        line: With the points that have a level of one metric, and rounds in common where `rounds` has any.
        sizes: Values of the axis [points], rising.
        levels: Typical latency (or another metric) [points], in the unit of the metric: seconds.
        rounds: The same in the rounds that all points have [rounds, points]; no row where those are under 3.
        keys: Which rounds these are.
    """

    line: Line
    metric: str
    sizes: NDArray[np.float64]
    levels: NDArray[np.float64]
    rounds: NDArray[np.float64]
    keys: tuple[RoundKey, ...] = ()

    @property
    def logs(self) -> NDArray[np.float64]:
        """Logarithms of the rounds."""
        return np.log(self.rounds)

    @property
    def inner(self) -> int:
        """Points at which there could be a kink."""
        return max(0, self.sizes.size - 2)


def ladders_of(line: Line, metric: str = "") -> Iterator[Ladder]:
    """The numbers of a line, for each kind of latency with at least two points, or for another metric.

    Points with fewer than 3 rounds stand back where at least two others have 3 rounds in common.

    Args:
        line: Of a grid.
        metric: Name of an estimate; empty for latency.
    """
    by_metric: dict[str, list[tuple[Point, Level]]] = defaultdict(list)
    for point in line.points:
        level = level_of(point.row, metric)
        if level is not None:
            by_metric[level.metric].append((point, level))
    for which, members in by_metric.items():
        repeated = [member for member in members if len(member[1].rounds) >= LEAST_ROUNDS]
        keys, rounds = together([level for _, level in repeated]) if len(repeated) > 1 else ((), np.empty((0, 0)))
        if len(keys) >= LEAST_ROUNDS:
            yield _ladder(line, which, repeated, rounds, keys)
        elif len(members) > 1:
            yield _ladder(line, which, members, np.empty((0, len(members))))


def growths_of(grid: Grid, noises: Noises = UNKNOWN_NOISES, metric: str = "") -> tuple[Growth, ...]:
    """The growth along every line of every numeric axis whose values are above 0.

    Kinks hold together: the risk of one in any line of the grid, were all of them power laws, is at most 1 %. Half of
    it is for kinks that many lines have in common, where there are such lines.

    Args:
        grid: The cells.
        noises: Of the latencies of its kinds of setups.
        metric: Name of an estimate that grows instead; its noise is that of its own rounds.
    """
    ladders, tied = [], {}
    for axis, others in grid.scales():
        if float(axis.values[0]) > 0:
            tied[axis.name] = others
            ladders += [ladder for line in grid.lines(axis, others) for ladder in ladders_of(line, metric)]
    repeated = [ladder for ladder in ladders if len(ladder.rounds)]
    single = [ladder for ladder in ladders if not len(ladder.rounds)]
    common = _common_kinks(repeated, noises)
    critical = (RISK / 2 if common else RISK) / max(1, sum(ladder.inner for ladder in repeated))
    growths = [
        _of_rounds(ladder, noises.of(ladder.line.points[0].where), critical, common.get(_family(ladder, noises)))
        for ladder in repeated
    ]
    growths += _of_single_values(single)
    return tuple(replace(growth, tied=tied[growth.line.axis.name]) for growth in growths)


Family = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Common:
    """What lines over the same sizes, of one kind of setup, have in common.

    Attributes:
        knots: Indices of the sizes at which their mean has a kink.
        changes: What each does to the exponent of the mean.
    """

    knots: tuple[int, ...]
    changes: Mapping[int, float]


def _family(ladder: Ladder, noises: Noises) -> Family:
    return ladder.line.axis.name, ladder.metric, tuple(ladder.sizes), noises.kind(ladder.line.points[0].where)


def _common_kinks(ladders: Sequence[Ladder], noises: Noises) -> dict[Family, Common]:
    """Kinks of the mean of the lines of each family that is large enough.

    A kink that a few noisy rounds cannot show on one line, a hundred lines that have it show together.
    """
    families: dict[Family, list[Ladder]] = defaultdict(list)
    for ladder in ladders:
        if ladder.inner:
            families[_family(ladder, noises)].append(ladder)
    means = {
        family: logs
        for family, members in families.items()
        if len(members) >= LEAST_ALIKE and len(logs := _mean_logs(members)) >= LEAST_ROUNDS
    }
    critical = RISK / 2 / max(1, sum(logs.shape[1] - 2 for logs in means.values()))
    return {family: _common(families[family], logs, noises, critical) for family, logs in means.items()}


def _mean_logs(ladders: Sequence[Ladder]) -> NDArray[np.float64]:
    """The mean of the lines' logarithms in each round that all of them have [rounds, points]."""
    shared = [key for key in ladders[0].keys if all(key in ladder.keys for ladder in ladders)]
    rows = [[ladder.keys.index(key) for key in shared] for ladder in ladders]
    logs = [ladder.logs[row] for ladder, row in zip(ladders, rows, strict=True)]
    mean: NDArray[np.float64] = np.mean(logs, axis=0)
    return mean


def _common(ladders: Sequence[Ladder], logs: NDArray[np.float64], noises: Noises, critical: float) -> Common:
    sizes, levels = ladders[0].sizes, np.exp(logs.mean(axis=0))
    if deviation_from_power_law(sizes, levels) <= TOLERANCE:
        return Common((), {})
    one = noises.of(ladders[0].line.points[0].where)
    of_mean = replace(one, variance=one.variance / len(ladders))
    knots = find_kinks(sizes, levels, judge_by_rounds(logs, of_mean), critical)
    return Common(knots, _changes(sizes, levels, knots))


def _ladder(
    line: Line,
    metric: str,
    members: Sequence[tuple[Point, Level]],
    rounds: NDArray[np.float64],
    keys: tuple[RoundKey, ...] = (),
) -> Ladder:
    points = tuple(point for point, _ in members)
    sizes = np.array([float(point.where[line.axis.name]) for point in points])
    levels = np.exp(np.log(rounds).mean(axis=0)) if len(rounds) else np.array([level.value for _, level in members])
    return Ladder(replace(line, points=points), metric, sizes, levels, rounds, keys)


def _plain(ladder: Ladder) -> Growth:
    deviation = deviation_from_power_law(ladder.sizes, ladder.levels)
    slope = exponent(ladder.sizes, ladder.levels)
    return Growth(ladder.line, slope, deviation=deviation, metric=ladder.metric)


def _of_rounds(ladder: Ladder, noise: Noise, critical: float, common: Common | None) -> Growth:
    evidence = judge_weights(ladder.logs, exponent_weights(ladder.sizes), noise)
    low, high = (None, None) if evidence is None else evidence.interval()
    growth = replace(_plain(ladder), low=low, high=high)
    if growth.deviation <= TOLERANCE:
        return growth
    own = find_kinks(ladder.sizes, ladder.levels, judge_by_rounds(ladder.logs, noise), critical)
    shared = () if common is None else _agreeing(ladder, common)
    knots = tuple(sorted({*own, *shared}))
    return _with_course(growth, ladder, knots, max(TOLERANCE, _ERRORS * _error(ladder)), noise)


def _agreeing(ladder: Ladder, common: Common) -> tuple[int, ...]:
    """The common kinks that the line has too: in the same direction, and large enough to count."""
    own = _changes(ladder.sizes, ladder.levels, common.knots)
    return tuple(knot for knot in common.knots if own[knot] * common.changes[knot] > 0 and abs(own[knot]) >= CHANGE)


def _error(ladder: Ladder) -> float:
    """Standard error of a point beyond what all points of a round have in common: two-way analysis of variance."""
    residuals = ladder.logs - ladder.logs.mean(axis=0) - ladder.logs.mean(axis=1, keepdims=True) + ladder.logs.mean()
    rounds, points = residuals.shape
    return float(np.sqrt((residuals**2).sum() / ((rounds - 1) * (points - 1)) / rounds))


def _of_single_values(ladders: Sequence[Ladder]) -> Iterator[Growth]:
    """Lines of values that were measured once: lines over the same sizes judge each other, long lines themselves."""
    groups: dict[tuple[str, tuple[float, ...]], list[Ladder]] = defaultdict(list)
    for ladder in ladders:
        groups[ladder.line.axis.name, tuple(ladder.sizes)].append(ladder)
    inner = sum(members[0].inner if len(members) >= LEAST_ALIKE else 0 for members in groups.values())
    alone = sum(ladder.inner for ladder in ladders if ladder.sizes.size >= LEAST_ALONE)
    critical = RISK / max(1, inner), RISK / max(1, alone)
    for members in groups.values():
        if len(members) >= LEAST_ALIKE:
            yield from _of_lines_alike(members, critical[0])
        else:
            yield from (_of_one_line(ladder, critical[1]) for ladder in members)


def _of_lines_alike(ladders: Sequence[Ladder], critical: float) -> Iterator[Growth]:
    sizes = ladders[0].sizes
    logs = np.log([ladder.levels for ladder in ladders])
    middle = np.exp(logs.mean(axis=0))
    knots = find_kinks(sizes, middle, judge_by_rounds(logs), critical)
    common = Common(knots, _changes(sizes, middle, knots))
    for ladder in ladders:
        yield _with_course(_plain(ladder), ladder, _agreeing(ladder, common), SINGLE_TOLERANCE)


def _changes(sizes: NDArray[np.float64], levels: NDArray[np.float64], knots: Sequence[int]) -> dict[int, float]:
    """Change of the exponent at each knot."""
    coefficients = np.linalg.pinv(broken_line(sizes, knots)) @ np.log(levels)
    return dict(zip(knots, coefficients[2:].tolist(), strict=True))


def _of_one_line(ladder: Ladder, critical: float) -> Growth:
    growth = _plain(ladder)
    if ladder.sizes.size < LEAST_ALONE:
        return growth
    judge: Judge = judge_by_residuals(np.log(ladder.levels))
    knots = find_kinks(ladder.sizes, ladder.levels, judge, critical)
    return _with_course(growth, ladder, knots, SINGLE_TOLERANCE)


def _with_course(
    growth: Growth, ladder: Ladder, knots: tuple[int, ...], tolerance: float, noise: Noise = UNKNOWN
) -> Growth:
    """A kink is only claimed where no law that bends gradually describes the points."""
    if not knots or growth.deviation <= tolerance:
        return growth
    if ladder.sizes.size <= LEAST_POINTS or fit_smooth(ladder.sizes, ladder.levels).error <= tolerance:
        first, last = (ladder.sizes[:2], 0), (ladder.sizes[-2:], ladder.sizes.size - 2)
        ends = [_step_segment(ladder, sizes, start, noise) for sizes, start in (first, last)]
        return replace(growth, course=Course.BENT, segments=tuple(ends))
    edges = [0, *knots, ladder.sizes.size - 1]
    weights = segment_weights(ladder.sizes, knots)
    segments = [
        _segment(ladder, start, stop, one, noise) for start, stop, one in zip(edges, edges[1:], weights, strict=False)
    ]
    kinks = tuple(float(ladder.sizes[knot]) for knot in knots)
    return replace(growth, course=Course.KINKED, kinks=kinks, segments=tuple(segments))


def _step_segment(ladder: Ladder, sizes: NDArray[np.float64], start: int, noise: Noise) -> Segment:
    weights = np.zeros(ladder.sizes.size)
    weights[start : start + 2] = exponent_weights(sizes)
    return _segment(ladder, start, start + 1, weights, noise)


def _segment(ladder: Ladder, start: int, stop: int, weights: NDArray[np.float64], noise: Noise) -> Segment:
    value = float(np.log(ladder.levels) @ weights)
    evidence = judge_weights(ladder.logs, weights, noise) if len(ladder.rounds) else None
    low, high = (None, None) if evidence is None else evidence.interval()
    return Segment(float(ladder.sizes[start]), float(ladder.sizes[stop]), value, low, high)
