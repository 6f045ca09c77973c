"""Setups against each other over the whole grid, and the two ends of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stopwatt.analyse.findings.words import (
    Place,
    counted,
    factor_weight,
    faster,
    located,
    named,
    seconds,
    sentence,
    span,
    split_by,
    times,
)
from stopwatt.analyse.grid import Grid, Point, place
from stopwatt.analyse.level import Level, level_of
from stopwatt.analyse.steps import RISK, UNKNOWN_NOISES, Noises, Step, bounds_of, steps_between, together
from stopwatt.records import Finding, Scalar, Strength
from stopwatt.stats.noise import Evidence
from stopwatt.stats.ratios import MARGIN, holm

DIFFERENCE = "setup-difference"
RANGE = "range"
AXES = {"backend": "eager", "precision": "fp32", "device": "cpu"}
"""Those whose values are alternatives for the same work, each with the value that others are compared with where it is
there. Machines and versions are the business of `compare`."""
_MODEST = 0.05
_SPLIT = 1.1


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Two setups at one place.

    Attributes:
        speedup: Latency of the base / latency of the other.
        step: From the other to the base, compared.
        apart: Whether they differ: by the rounds, among all places of these two (Holm); without rounds by 2 %.
    """

    speedup: float
    step: Step
    apart: bool

    @property
    def where(self) -> Place:
        """The other coordinates that vary."""
        return self.step.fixed


def find_setups(grid: Grid, noises: Noises = UNKNOWN_NOISES) -> list[Finding]:
    """One finding for each backend, precision and device against the usual one; the fastest and slowest cell.

    Args:
        grid: Of any shape.
        noises: How much a cell differs between rounds.
    """
    found = [
        _difference(base, value, matches, noises)
        for name, usual in AXES.items()
        if (axis := grid.axis(name)) is not None
        for base in [usual if usual in axis.values else axis.values[0]]
        for value in axis.values
        if value != base and (matches := _matches(steps_between(grid, axis, value, base, noises)))
    ]
    return [*found, *_range(grid)]


def _matches(steps: Sequence[Step]) -> list[Match]:
    adjusted = iter(holm([step.evidence.p for step in steps if step.evidence is not None]))
    return [
        Match(step.ratio, step, abs(math.log(step.ratio)) > math.log1p(MARGIN))
        if step.evidence is None
        else Match(step.ratio, step, next(adjusted) <= RISK)
        for step in steps
    ]


def _difference(base: Scalar, value: Scalar, matches: Sequence[Match], noises: Noises) -> Finding:
    middle = float(np.median([one.speedup for one in matches]))
    better, worse = (value, base) if middle >= 1 else (base, value)
    agreeing = [one for one in matches if (one.speedup > 1) == (middle >= 1) and one.speedup != 1]
    opposed = [one for one in matches if one not in agreeing and one.apart]
    evidence = together([one.step for one in matches], noises)
    mean, low, high = (None, None, None) if evidence is None else _ratios(evidence)
    shown = low is not None and high is not None and (low > 1 or high < 1)
    numbers = {"speedup": middle} if mean is None else {"mean": mean, "speedup": middle}
    return Finding(
        DIFFERENCE,
        _difference_text(str(better), str(worse), matches, agreeing, opposed),
        tuple(key for one in agreeing for key in (one.step.small.row.cell.key, one.step.large.row.cell.key)),
        numbers,
        low,
        high,
        Strength.SHOWN if shown else Strength.SUGGESTED,
        factor_weight(middle, len(agreeing), len(matches)) if agreeing else 0.0,
        len(agreeing),
        len(matches),
        named([one.where for one in opposed]),
    )


def _ratios(evidence: Evidence) -> tuple[float, float, float]:
    low, high = evidence.interval()
    return math.exp(evidence.value), math.exp(low), math.exp(high)


def _difference_text(
    better: str, worse: str, matches: Sequence[Match], agreeing: Sequence[Match], opposed: Sequence[Match]
) -> str:
    factors = [_factor(one) for one in agreeing] or [1.0]
    if len(matches) == 1:
        return _one_place(better, worse, matches[0])
    every = [one.where for one in matches]
    middle = _by_coordinate(agreeing) or faster(float(np.median(factors)))
    spread = span(*(faster(factor).removeprefix("by ") for factor in (min(factors), max(factors))))
    slower = ""
    if opposed:
        worst = max(_factor(one) for one in opposed)
        slower = f"; slower {located([one.where for one in opposed], every)}, at most {faster(worst)}"
    where = counted(len(agreeing), len(matches), "place")
    return (
        f"{better} is faster than {worse} in {where}: {middle} in the median{f' ({spread})' if spread else ''}{slower}"
    )


def _one_place(better: str, worse: str, match: Match) -> str:
    low, high = bounds_of(match.step)
    if low is not None and high is not None and match.speedup < 1:
        low, high = 1 / high, 1 / low
    return sentence(
        place(match.where), f"{better} is faster than {worse}: {faster(_factor(match), low, high)}", names=True
    )


def _factor(match: Match) -> float:
    """The speed-up of whichever is faster."""
    return max(match.speedup, 1 / match.speedup)


def _by_coordinate(matches: Sequence[Match]) -> str:
    """`1.2 x at batch=1 and 3.1 x at batch=8`, where one coordinate explains how the factors differ."""
    factors = [_factor(one) for one in matches]
    if not factors or max(factors) / min(factors) < _SPLIT:
        return ""
    for name in split_by(np.log(factors).tolist(), [one.where for one in matches]):
        values = dict.fromkeys(one.where.get(name) for one in matches)
        parts = []
        for value in values:
            mine = [factor for factor, one in zip(factors, matches, strict=True) if one.where.get(name) == value]
            parts.append(f"{faster(float(np.median(mine)))} at {name}={value}")
        return ", ".join(parts)
    return ""


def _range(grid: Grid) -> list[Finding]:
    """The fastest and the slowest cell, where there is a difference that matters."""
    levels = [(point, level) for point in grid.points if (level := level_of(point.row)) is not None]
    metrics = {level.metric for _, level in levels}
    if len(levels) < 2 or len(metrics) > 1:  # noqa: PLR2004
        return []
    (fast, least), (slow, most) = min(levels, key=_latency), max(levels, key=_latency)
    ratio = most.value / least.value
    if ratio <= 1 + MARGIN:
        return []
    text = (
        f"The fastest cell is {grid.label(fast)} with {seconds(least.value)}, the slowest {grid.label(slow)} with "
        f"{seconds(most.value)}: {times(ratio)}"
    )
    keys = (fast.row.cell.key, slow.row.cell.key)
    ends = fast.row.estimates[levels[0][1].metric].high, slow.row.estimates[levels[0][1].metric].low
    strength = (
        Strength.SHOWN if ends[0] is not None and ends[1] is not None and ends[0] < ends[1] else Strength.SUGGESTED
    )
    weight = _MODEST * factor_weight(ratio)
    return [Finding(RANGE, text, keys, {"ratio": ratio}, strength=strength, weight=weight, of=len(levels))]


def _latency(pair: tuple[Point, Level]) -> float:
    return pair[1].value
