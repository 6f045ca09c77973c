"""Larger problems that are faster: one finding for each pair of sizes, however many places show it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrc

from stopwatt.analyse.findings.words import (
    Place,
    change,
    counted,
    exceptions,
    factor_weight,
    located,
    named,
    sentence,
    span,
)
from stopwatt.analyse.grid import place
from stopwatt.analyse.growth import LEAST_ALIKE, SINGLE_TOLERANCE
from stopwatt.analyse.scaling import Scaling
from stopwatt.analyse.steps import RISK, Inversion, Step, size_axes, together
from stopwatt.records import Finding, Scalar, Strength
from stopwatt.stats.noise import Evidence
from stopwatt.stats.quantiles import CONFIDENCE
from stopwatt.stats.ratios import MARGIN, holm

KIND = "inversion"
SURPRISE = 4.0
"""How much more an inversion matters than a difference of the same size that was to be expected."""
_MOSTLY = 2 / 3
_DEVIATIONS = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """One step between two values of an axis, at all places of the grid.

    Attributes:
        axis: Its name.
        small, large: The two values.
        steps: One per place.
        inverted: Those that are inversions.
        evidence: On the mean ln(ratio) of all steps; `None` where rounds are missing.
    """

    axis: str
    small: Scalar
    large: Scalar
    steps: tuple[Step, ...]
    inverted: tuple[Inversion, ...]
    evidence: Evidence | None


def find_inversions(scaling: Scaling) -> list[Finding]:
    """One finding for each pair of neighbouring sizes that is inverted at some place."""
    patterns = _patterns(scaling)
    tested = [2 * one.evidence.below(0.0) for one in patterns if one.evidence is not None]
    adjusted = iter(holm([min(1.0, p) for p in tested]))
    systematic = [one.evidence is not None and next(adjusted) <= RISK for one in patterns]
    found = []
    for one, everywhere in zip(patterns, systematic, strict=True):
        faster = tuple(step for step in one.steps if step.ratio < 1)
        if len(one.steps) > 1 and everywhere and len(faster) > _MOSTLY * len(one.steps):
            found.append(_repeated(one, faster))
        elif one.inverted:
            found += _scattered(one)
    return found


def _patterns(scaling: Scaling) -> list[Pattern]:
    sizes = size_axes(scaling.steps)
    inverted = {(one.small.row.cell.key, one.large.row.cell.key): one for one in scaling.inversions}
    groups: dict[tuple[str, Scalar, Scalar], list[Step]] = defaultdict(list)
    for step in scaling.steps:
        if step.axis in sizes:
            groups[step.axis, step.small.where[step.axis], step.large.where[step.axis]].append(step)
    patterns = []
    for (axis, small, large), steps in groups.items():
        pairs = [inverted.get((step.small.row.cell.key, step.large.row.cell.key)) for step in steps]
        members = tuple(sorted((one for one in pairs if one is not None), key=lambda one: (not one.shown, one.ratio)))
        patterns.append(Pattern(axis, small, large, tuple(steps), members, together(steps, scaling.noise)))
    return patterns


def _repeated(pattern: Pattern, faster: Sequence[Step]) -> Finding:
    """It is faster at most places, whether or not each of them shows it alone."""
    places = [step.fixed for step in pattern.steps]
    misses = [step.fixed for step in pattern.steps if step.ratio >= 1]
    gains = [1 - step.ratio for step in faster]
    alone = sum(one.shown for one in pattern.inverted)
    median = float(np.median(gains))
    mean, low, high = _mean_gain(pattern)
    spread = span(change(min(gains)), change(max(gains)))
    text = (
        f"{_named(pattern)} in {counted(len(faster), len(places), 'place')}: by {change(median)} in the median"
        f"{', ' if spread else ''}{spread} ({_alone(alone, len(faster))}){exceptions(misses, places)}"
    )
    return Finding(
        KIND,
        text,
        _cells(faster),
        {"mean": mean, "median": median, "least": min(gains), "most": max(gains), "alone": alone},
        low,
        high,
        Strength.SHOWN,
        SURPRISE * factor_weight(1 - median, len(faster), len(places)),
        len(faster),
        len(places),
        named(misses),
    )


def _scattered(pattern: Pattern) -> list[Finding]:
    """It is faster at a few places: those that show it, and where none does those that suggest it, if not by chance."""
    shown = [one for one in pattern.inverted if one.shown]
    members = shown or _more_than_chance(pattern)
    if not members:
        return []
    places = [step.fixed for step in pattern.steps]
    mine = [one.fixed for one in members]
    first = members[0]
    ratios = sorted(one.ratio for one in members)
    median = 1 - float(np.median(ratios))
    text = _one(pattern, first, mine[0]) if len(members) == 1 else _few(pattern, members, mine, places)
    return [
        Finding(
            KIND,
            text,
            tuple(key for one in members for key in (one.large.row.cell.key, one.small.row.cell.key)),
            {"median": median, "least": 1 - ratios[-1], "most": 1 - ratios[0]},
            None if first.high is None or len(members) > 1 else 1 - first.high,
            None if first.low is None or len(members) > 1 else 1 - first.low,
            Strength.SHOWN if shown else Strength.SUGGESTED,
            SURPRISE * factor_weight(1 - median, len(members), len(places)),
            len(members),
            len(places),
        )
    ]


def _more_than_chance(pattern: Pattern) -> list[Inversion]:
    """Places that suggest it, if they are more than equal sizes would show.

    With intervals: each has a chance of 2.5 %. Without: all of them, if they outnumber those that are slower by the
    margin (sign test); else those that stand out.
    """
    members = list(pattern.inverted)
    count = len(members)
    if all(step.evidence is not None for step in pattern.steps):
        chance = float(bdtrc(count - 1, len(pattern.steps), (1 - CONFIDENCE) / 2))
        return members if chance <= 1 - CONFIDENCE else []
    slower = sum(step.ratio > 1 + MARGIN for step in pattern.steps)
    if float(bdtrc(count - 1, count + slower, 0.5)) <= RISK:
        return members
    return [one for one in members if one.ratio < _stands_out(pattern)]


def _stands_out(pattern: Pattern) -> float:
    """Ratio below which a value that was measured once stands out.

    It is faster by more than 5 %, and where there are enough places, further from their median than five times their
    deviation (1.4826 times the median absolute deviation of the logarithms): a flat axis with much noise has many
    steps down, and as many up.
    """
    if len(pattern.steps) < LEAST_ALIKE:
        return 1 - SINGLE_TOLERANCE
    logs = np.log([step.ratio for step in pattern.steps])
    middle = float(np.median(logs))
    deviation = 1.4826 * float(np.median(np.abs(logs - middle)))
    return min(1 - SINGLE_TOLERANCE, float(np.exp(middle - _DEVIATIONS * deviation)))


def _one(pattern: Pattern, one: Inversion, where: Place) -> str:
    gain = change(1 - one.ratio, None if one.high is None else 1 - one.high, None if one.low is None else 1 - one.low)
    others = len(pattern.steps) - 1
    alone = f", at none of the {others} other places" if others > 1 else ""
    here = f"{pattern.axis}={pattern.large} is {gain} faster than {pattern.axis}={pattern.small}: an inversion{alone}"
    return sentence(place(where), here, names=True)


def _few(pattern: Pattern, members: Sequence[Inversion], mine: Sequence[Place], places: Sequence[Place]) -> str:
    gains = [1 - one.ratio for one in members]
    spread = span(change(min(gains)), change(max(gains)))
    misses = [where for where in places if where not in mine]
    most = len(mine) > _MOSTLY * len(places)
    where = exceptions(misses, places) if most else f", {located(mine, places, told=True)}"
    return (
        f"{_named(pattern)} in {counted(len(mine), len(places), 'place')}: by {change(float(np.median(gains)))} in the "
        f"median{', ' if spread else ''}{spread}{where}"
    )


def _alone(alone: int, count: int) -> str:
    if alone == count:
        return "each place shows it by itself"
    return "1 place shows it by itself" if alone == 1 else f"{alone or 'no'} places show it by themselves"


def _named(pattern: Pattern) -> str:
    return f"{pattern.axis}={pattern.large} is faster than {pattern.axis}={pattern.small}"


def _mean_gain(pattern: Pattern) -> tuple[float, float, float]:
    """Over all places, with its interval."""
    assert pattern.evidence is not None  # noqa: S101  (a repeated pattern was judged by it)
    low, high = pattern.evidence.interval()
    mean, bottom, top = (1 - float(np.exp(log)) for log in (pattern.evidence.value, high, low))
    return mean, bottom, top


def _cells(faster: Sequence[Step]) -> tuple[str, ...]:
    """The clearest places first."""
    ordered = sorted(faster, key=lambda step: step.ratio)
    return tuple(key for step in ordered for key in (step.large.row.cell.key, step.small.row.cell.key))
