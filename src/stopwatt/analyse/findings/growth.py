"""Growth along each axis in one sentence, and the places where it changes."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from stopwatt.analyse.findings.words import (
    change,
    counted,
    exceptions,
    listed,
    located,
    named,
    power,
    sentence,
    span,
    split_by,
)
from stopwatt.analyse.grid import place
from stopwatt.analyse.scaling import Course, Growth, Scaling, Segment
from stopwatt.records import Finding, Strength
from stopwatt.stats.scaling import CHANGE, TOLERANCE

GROWTH = "growth"
KINK = "kink"
FLAT = 0.05
"""Exponent below which latency hardly depends on a size."""
_MODEST = 0.1


def find_growth(scaling: Scaling) -> list[Finding]:
    """One finding for each axis; the batch has one of its own."""
    axes = dict.fromkeys(growth.line.axis.name for growth in scaling.growths)
    costed = {cost.line.axis.name for cost in scaling.batches}
    groups = {name: [one for one in scaling.growths if one.line.axis.name == name] for name in axes}
    return [_growth(name, members) for name, members in groups.items() if name not in costed]


def find_kinks(scaling: Scaling) -> list[Finding]:
    """One finding for each axis along which the growth changes at a point, with what most of its lines show."""
    axes = dict.fromkeys(growth.line.axis.name for growth in scaling.growths)
    groups = {name: [one for one in scaling.growths if one.line.axis.name == name] for name in axes}
    return [
        _kink(name, members) for name, members in groups.items() if any(one.course is Course.KINKED for one in members)
    ]


def _growth(name: str, members: Sequence[Growth]) -> Finding:
    exponents = [one.exponent for one in members]
    middle = float(np.median(exponents))
    alone = members[0] if len(members) == 1 else None
    measured = all(one.low is not None for one in members)
    return Finding(
        GROWTH,
        _growth_text(name, members),
        tuple(point.row.cell.key for one in members for point in one.line.points),
        {"exponent": middle, "least": min(exponents), "most": max(exponents)},
        alone.low if alone else None,
        alone.high if alone else None,
        Strength.SHOWN if measured else Strength.SUGGESTED,
        _MODEST + _MODEST * abs(middle),
        len(members),
        len(members),
    )


def _growth_text(name: str, members: Sequence[Growth]) -> str:
    others = f" ({listed(members[0].tied)} with it)" if members[0].tied else ""
    kinked = sum(one.course is Course.KINKED for one in members) > len(members) / 2
    bent = [one for one in members if one.course is Course.BENT]
    lines = counted(len(members), len(members), "line")
    if len(bent) > len(members) / 2:
        return _bent_text(name, others, bent, len(members))
    if len(members) == 1:
        one = members[0]
        off = f", with points up to {change(one.deviation)} off" if one.deviation > TOLERANCE else ""
        return f"{_verb(one.exponent, name, kinked=kinked)}{power(name, one.exponent, one.low, one.high)}{others}{off}"
    exponents = [one.exponent for one in members]
    middle = float(np.median(exponents))
    grows = _verb(middle, name, kinked=kinked)
    if max(exponents) - min(exponents) <= _MODEST:
        spread = span(f"{min(exponents):.2f}", f"{max(exponents):.2f}")
        return f"{grows}{power(name, middle)}{f' ({spread})' if spread else ''}{others} in {lines}"
    return f"{grows}{_by_coordinate(name, members)}{others}"


def _verb(exponent: float, name: str, *, kinked: bool) -> str:
    if abs(exponent) < FLAT:
        return f"Latency hardly depends on {name}: it goes as "
    return f"Latency {'grows' if exponent > 0 else 'falls'} {'on the whole ' if kinked else ''}as "


def _by_coordinate(name: str, members: Sequence[Growth]) -> str:
    """Exponents that differ: by the coordinate that explains how, else from the flattest line to the steepest."""
    exponents = [one.exponent for one in members]
    for other in split_by(exponents, [one.line.fixed for one in members]):
        groups = dict.fromkeys(one.line.fixed.get(other) for one in members)
        parts = []
        for value in groups:
            middle = float(np.median([one.exponent for one in members if one.line.fixed.get(other) == value]))
            parts.append(f"{power(name, middle)} with {other}={value}")
        return f"{listed(parts)} (medians of {len(members)} lines)"
    flattest, steepest = min(members, key=lambda one: one.exponent), max(members, key=lambda one: one.exponent)
    return (
        f"{power(name, flattest.exponent)} (at {flattest.line.label}) to {power(name, steepest.exponent)} "
        f"(at {steepest.line.label}), {power(name, float(np.median(exponents)))} in the median of {len(members)} lines"
    )


def _bent_text(name: str, others: str, bent: Sequence[Growth], of: int) -> str:
    first = float(np.median([one.segments[0].exponent for one in bent]))
    last = float(np.median([one.segments[-1].exponent for one in bent]))
    why = "steeper the larger it is, as a fixed cost makes it" if last > first else "flatter the larger it is"
    lines = "" if of == 1 else f" (medians of {counted(len(bent), of, 'line')})"
    return f"Latency grows with {name}{others} {why}: from {power(name, first)} to {power(name, last)}{lines}"


def _kink(name: str, members: Sequence[Growth]) -> Finding:
    kinked = [one for one in members if one.course is Course.KINKED]
    at, count = Counter(one.kinks for one in kinked).most_common(1)[0]
    same = [one for one in kinked if one.kinks == at]
    misses = [one.line.fixed for one in members if one.course is not Course.KINKED]
    exponents = [float(np.median([one.segments[part].exponent for one in same])) for part in range(len(at) + 1)]
    jump = max(abs(after - before) for before, after in pairwise(exponents))
    measured = same[0].low is not None
    return Finding(
        KINK,
        _kink_text(name, members, kinked, same, exponents),
        tuple(point.row.cell.key for one in same for point in one.line.points),
        {"change": jump} | {f"kink_{part}": value for part, value in enumerate(at)},
        strength=Strength.SHOWN if measured else Strength.SUGGESTED,
        weight=max(one.deviation for one in same) + CHANGE * jump * (count / len(members)) ** 0.5,
        count=count,
        of=len(members),
        exceptions=named(misses) if len(misses) < len(kinked) else (),
    )


def _kink_text(
    name: str, members: Sequence[Growth], kinked: Sequence[Growth], same: Sequence[Growth], exponents: Sequence[float]
) -> str:
    parts = same[0].segments
    if len(same) == 1:
        slopes = [power(name, part.exponent, part.low, part.high) for part in parts]
    else:
        slopes = [power(name, exponent) for exponent in exponents]
    ranges = [f"{slope} {_stretch(part, last=part is parts[-1])}" for slope, part in zip(slopes, parts, strict=True)]
    where = listed([f"{name}={kink:g}" for kink in same[0].kinks])
    growth = f"the growth changes at {where}: {', '.join(ranges)}"
    if len(members) == 1:
        return growth[:1].upper() + growth[1:]
    if len(kinked) == 1:
        return sentence(place(same[0].line.fixed), f"{growth}, in none of the {len(members) - 1} other lines")
    every = [one.line.fixed for one in members]
    misses = [one.line.fixed for one in members if one.course is not Course.KINKED]
    mine = [one.line.fixed for one in same]
    few = f", {located(mine, every, told=True)}" if len(same) <= len(members) / 2 else ""
    elsewhere = f"; elsewhere in {len(kinked) - len(same)} more" if len(kinked) > len(same) else ""
    lines = counted(len(same), len(members), "line")
    tail = f"{few}{elsewhere}{exceptions(misses, every)}"
    return f"In {lines} {growth}{' (medians)' if len(same) > 1 else ''}{tail}"


def _stretch(part: Segment, *, last: bool) -> str:
    return "above" if last else f"up to {part.stop:g}"
