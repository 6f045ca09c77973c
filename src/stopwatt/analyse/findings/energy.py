"""Which setup takes the least energy, and how much less than the fastest one.

Only measured energies of one scope and one device are compared. Where the fastest setup of a place has none, or one
that is suspect, nothing is said of that place.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stopwatt.analyse.best import Best, best_per_batch, least_energy
from stopwatt.analyse.energy import own_energy, scope_name
from stopwatt.analyse.findings.words import Place, counted, factor_weight, named, sentence, span, times
from stopwatt.analyse.grid import Grid, Point, place
from stopwatt.analyse.level import level_of, log_ratios
from stopwatt.analyse.steps import PAIR, Step, bounds_of, together
from stopwatt.records import Finding, Scalar, Strength
from stopwatt.stats.noise import Evidence, weigh

LEAST = "least-energy"
ALTERNATIVES = ("backend", "precision")
"""Axes whose values are alternatives for the same work on the same device."""
_RISK = 0.05


@dataclass(frozen=True, eq=False)
class _Race:
    """The setups of one place.

    Attributes:
        metric: Whose energy.
        where: The other coordinates that vary.
        points: With a measured energy, the least first; at least two.
        energy, speed: Which of them wins, and whether that is decided.
    """

    metric: str
    where: Place
    points: Sequence[Point]
    energy: Best
    speed: Best

    @cached_property
    def least(self) -> Point:
        """With the least energy."""
        return self.points[0]

    @cached_property
    def fastest(self) -> Point:
        """The fastest; of several that cannot be told apart the one with the least energy."""
        keys = self.speed.keys or (min(self.points, key=_latency).row.cell.key,)
        return next(point for point in self.points if point.row.cell.key in keys)

    @property
    def same(self) -> bool:
        """Whether the fastest takes the least."""
        return self.least is self.fastest

    def step(self, point: Point) -> Step:
        """To a setup from the fastest of the others, which is chosen by its latency and not by its energy."""
        other = min((one for one in self.points if one is not point), key=_latency)
        if point is not self.fastest and other.row.cell.key in self.speed.keys:
            other = self.fastest
        return step_of(other, point, self.metric, self.where)


def find_least_energy(grid: Grid) -> list[Finding]:
    """One finding for each scope: the setup that takes the least energy in most places.

    Args:
        grid: Of any shape.
    """
    by_metric: dict[str, list[_Race]] = defaultdict(list)
    for race in _races(grid):
        by_metric[race.metric].append(race)
    return [_finding(grid, metric, races) for metric, races in by_metric.items()]


def step_of(base: Point, other: Point, metric: str, where: Place) -> Step:
    """From one point to another by a metric that both have."""
    first, second = level_of(base.row, metric), level_of(other.row, metric)
    assert first is not None and second is not None  # noqa: S101, PT018  (the caller chose such points)
    rounds = log_ratios(first, second)
    values = np.array(list(rounds.values()))
    ratio = float(np.exp(values.mean())) if values.size else second.value / first.value
    return Step(base, other, "", ratio, metric, rounds, weigh(values, norm=PAIR), where)


def _races(grid: Grid) -> Iterator[_Race]:
    groups: dict[tuple[Scalar | None, ...], list[Point]] = defaultdict(list)
    others = [axis.name for axis in grid.axes if axis.name not in ALTERNATIVES]
    for point in grid.points:
        groups[tuple(point.where.get(name) for name in others)].append(point)
    for points in groups.values():
        timed = [point for point in points if level_of(point.row) is not None]
        metric = own_energy(points[0].row.cell.setup.device)
        joules = {id(point): level.value for point in timed if (level := level_of(point.row, metric)) is not None}
        known = sorted((point for point in timed if id(point) in joules), key=lambda point: joules[id(point)])
        if len(known) > 1 and min(timed, key=_latency) in known:
            rows = [point.row for point in known]
            where = {name: points[0].where[name] for name in others if name in points[0].where}
            (speed,) = best_per_batch(rows).values()
            yield _Race(metric, where, known, least_energy(rows, metric), speed)


def _latency(point: Point) -> float:
    level = level_of(point.row)
    return math.inf if level is None else level.value


def _finding(grid: Grid, metric: str, races: Sequence[_Race]) -> Finding:
    names = {id(race): (_name(grid, race.least), race.same) for race in races}
    (name, same), _ = Counter(names.values()).most_common(1)[0]
    members = [race for race in races if names[id(race)] == (name, same)]
    steps = [race.step(race.least) for race in members]
    middle = float(np.median([step.ratio for step in steps]))
    everywhere = [race.step(point) for race in races for point in race.points if _name(grid, point) == name]
    evidence = steps[0].evidence if len(races) == 1 else together(everywhere)
    low, high = (None, None) if evidence is None else (math.exp(end) for end in evidence.interval())
    return Finding(
        LEAST,
        _text(grid, metric, members, len(races)),
        tuple(key for step in steps for key in (step.large.row.cell.key, step.small.row.cell.key)),
        {"ratio": middle},
        low,
        high,
        Strength.SHOWN if _is_shown(grid, races, evidence) else Strength.SUGGESTED,
        factor_weight(middle, len(members), len(races)),
        len(members),
        len(races),
        named([race.where for race in races if race not in members]),
    )


def _is_shown(grid: Grid, races: Sequence[_Race], evidence: Evidence | None) -> bool:
    """Whether it takes less than the fastest: over all places, although it was chosen among several setups.

    At a single place the choices themselves must be decided.
    """
    if evidence is None or evidence.value >= 0:
        return False
    if len(races) == 1:
        return races[0].energy.decided and races[0].speed.decided and evidence.p <= _RISK
    setups = {_name(grid, point) for race in races for point in race.points}
    return evidence.p * (len(setups) - 1) <= _RISK


def _text(grid: Grid, metric: str, members: Sequence[_Race], of: int) -> str:
    first, steps = members[0], [race.step(race.least) for race in members]
    name, of_what = _name(grid, first.least), f"the least energy ({scope_name(metric)})"
    wins = f"{name} is the fastest and takes {of_what}" if first.same else f"{name} takes {of_what}"
    which = "the next fastest" if first.same else "the fastest"
    others = {_name(grid, step.small) for step in steps}
    against = f"{others.pop()}, {which}" if len(others) == 1 else which
    if of == 1:
        ratio = times(steps[0].ratio, *bounds_of(steps[0]))
        return sentence(place(first.where), f"{wins}: {ratio} the joules a sample of {against}", names=True)
    ratios = [step.ratio for step in steps]
    spread = span(times(min(ratios)), times(max(ratios)))
    ratio = f"{times(float(np.median(ratios)))}{f' ({spread})' if spread else ''}"
    return f"{wins} in {counted(len(members), of, 'place')}: {ratio} the joules a sample of {against}"


def _name(grid: Grid, point: Point) -> str:
    """`onnxruntime fp16`: what tells a setup from the others."""
    where: Mapping[str, Scalar] = point.where
    return " ".join(str(where[name]) for name in ALTERNATIVES if grid.axis(name) is not None)
