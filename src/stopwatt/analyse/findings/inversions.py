"""Larger problems that are faster: one finding for each pair of sizes, however many places show it."""

from collections.abc import Sequence

import numpy as np
from scipy.special import bdtrc

from stopwatt.analyse.findings.patterns import Pattern, find_patterns
from stopwatt.analyse.findings.words import (
    Place,
    change,
    counted,
    either,
    exceptions,
    factor_weight,
    listed,
    located,
    named,
    sentence,
    span,
)
from stopwatt.analyse.grid import place
from stopwatt.analyse.growth import LEAST_ALIKE, SINGLE_TOLERANCE
from stopwatt.analyse.scaling import Scaling
from stopwatt.analyse.steps import RISK, Inversion, Step
from stopwatt.records import Finding, Strength
from stopwatt.stats.quantiles import CONFIDENCE
from stopwatt.stats.ratios import MARGIN

KIND = "inversion"
SURPRISE = 4.0
"""How much more an inversion matters than a difference of the same size that was to be expected."""
_MOSTLY = 2 / 3
_DEVIATIONS = 5.0


def find_inversions(scaling: Scaling) -> list[Finding]:
    """One finding for each pair of neighbouring sizes that is inverted at some place.

    Where it is so at most places, with some backend, or with some values of another coordinate, the finding says so.
    Else it names the places that show it by themselves.
    """
    repeated, left = find_patterns(scaling)
    return [*map(_repeated, repeated), *(finding for one in left for finding in _scattered(one))]


def _repeated(pattern: Pattern) -> Finding:
    """It is faster at most places, whether or not each of them shows it alone."""
    faster = pattern.faster
    said = {name for name, value in pattern.having if not isinstance(value, tuple) or len(value) == 1}
    left = [({name: value for name, value in step.fixed.items() if name not in said}, step) for step in pattern.steps]
    places = [where for where, _ in left]
    misses = [where for where, step in left if step.ratio >= 1]
    gains = [1 - step.ratio for step in faster]
    alone = sum(one.shown for one in pattern.inverted)
    median = float(np.median(gains))
    mean, low, high = _mean_gain(pattern)
    spread = span(change(min(gains)), change(max(gains)))
    gain = f"by {change(median)} in the median{', ' if spread else ''}{spread} ({_alone(alone, len(faster))})"
    where = f"{counted(len(faster), len(places), 'place')}{_having(pattern)}"
    text = f"{_named(pattern)} in {where}: {gain}{exceptions(misses, places)}"
    return Finding(
        KIND,
        text,
        _cells(faster),
        {"mean": mean, "median": median, "least": min(gains), "most": max(gains), "alone": alone},
        low,
        high,
        Strength.SHOWN,
        SURPRISE * factor_weight(1 - median, len(faster), pattern.whole),
        len(faster),
        len(places),
        named([step.fixed for step in pattern.steps if step.ratio >= 1]),
    )


def _having(pattern: Pattern) -> str:
    """` with backend=cudagraph and batch=2, 4 or 8`."""
    if not pattern.having:
        return ""
    texts = [f"{name}={either(value) if isinstance(value, tuple) else value}" for name, value in pattern.having]
    return f" with {listed(texts)}"


def _scattered(pattern: Pattern) -> list[Finding]:
    """It is faster at a few places: those that show it, and where none does those that suggest it, if not by chance."""
    if not pattern.inverted:
        return []
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
    if not alone:
        return "shown only by all of them together"
    return "1 place shows it by itself" if alone == 1 else f"{alone} places show it by themselves"


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
