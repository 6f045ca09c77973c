"""Growth along each axis in one sentence, and the places where it changes."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from stopwatt.analyse.findings.words import (
    change,
    counted,
    exceptions,
    factor_weight,
    listed,
    located,
    named,
    none_other,
    power,
    sentence,
    span,
    split_by,
)
from stopwatt.analyse.grid import place
from stopwatt.analyse.scaling import Course, Growth, Scaling, Segment
from stopwatt.records import Finding, Strength
from stopwatt.stats.scaling import TOLERANCE

GROWTH = "growth"
KINK = "kink"
FLAT = 0.05
"""Exponent below which latency hardly depends on a size."""
_MODEST = 0.1
_SAME_SLOPE = 0.3
"""Exponents of two kinds of setup that differ by more are told one by one."""
_MOST_WEIGHT = 2.0


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
        _kink(name, part, kind)
        for name, members in groups.items()
        for kind, part in _told_together(members).items()
        if any(one.course is Course.KINKED for one in part)
    ]


def _by_kind(members: Sequence[Growth]) -> dict[str, list[Growth]]:
    """By the coordinates that are no numbers: `backend=eager`."""
    groups: dict[str, list[Growth]] = defaultdict(list)
    for one in members:
        groups[place({name: value for name, value in one.line.fixed.items() if isinstance(value, str)})].append(one)
    return groups


def _told_together(members: Sequence[Growth]) -> dict[str, list[Growth]]:
    """All of them where every kind of setup has the same kinks and about the same exponents around them."""
    groups = _by_kind(members)
    kinks, slopes = set(), []
    for part in groups.values():
        kinked = [one for one in part if one.course is Course.KINKED]
        most = Counter(one.kinks for one in kinked).most_common(1)[0][0] if kinked else ()
        kinks.add(most)
        slopes.append(_medians([one for one in kinked if one.kinks == most]) if kinked else [])
    alike = len(kinks) == 1 and all(max(several) - min(several) <= _SAME_SLOPE for several in zip(*slopes, strict=True))
    return {"": list(members)} if alike else groups


def _medians(same: Sequence[Growth]) -> list[float]:
    """The exponent of each segment in the median of lines that have as many."""
    return [float(np.median([one.segments[part].exponent for one in same])) for part in range(len(same[0].segments))]


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
    one_sign = min(exponents) * max(exponents) > 0 or max(abs(one) for one in exponents) < _MODEST
    grows = _verb(middle, name, kinked=kinked) if one_sign else "Latency goes as "
    if max(exponents) - min(exponents) <= _MODEST:
        spread = span(f"{min(exponents):.2f}", f"{max(exponents):.2f}")
        return f"{grows}{power(name, middle)}{f' ({spread})' if spread else ''}{others} in {lines}"
    return f"{grows}{_by_coordinate(name, members)}{others}"


def _verb(exponent: float, name: str, *, kinked: bool) -> str:
    if abs(exponent) < FLAT:
        return f"Latency hardly depends on {name}: it goes as "
    return f"Latency {'grows' if exponent > 0 else 'falls'} {'on the whole ' if kinked else ''}as "


def _by_coordinate(name: str, members: Sequence[Growth]) -> str:
    """Exponents that differ: by what explains how, else by the kind of setup, or from the flattest to the steepest."""
    exponents = [one.exponent for one in members]
    for other in split_by(exponents, [one.line.fixed for one in members]):
        groups = dict.fromkeys(one.line.fixed.get(other) for one in members)
        parts = []
        for value in groups:
            middle = float(np.median([one.exponent for one in members if one.line.fixed.get(other) == value]))
            parts.append(f"{power(name, middle)} with {other}={value}")
        return f"{listed(parts)} (medians of {len(members)} lines)"
    kinds = {kind: [one.exponent for one in part] for kind, part in _by_kind(members).items()}
    middles = {kind: float(np.median(own)) for kind, own in kinds.items()}
    if max(middles.values()) - min(middles.values()) > _MODEST:
        parts = [
            f"{power(name, middles[kind])} ({min(own):.2f} to {max(own):.2f}) with {kind}"
            for kind, own in kinds.items()
        ]
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


def _kink(name: str, members: Sequence[Growth], kind: str) -> Finding:
    kinked = [one for one in members if one.course is Course.KINKED]
    misses = [one.line.fixed for one in members if one.course is not Course.KINKED]
    at, count = Counter(one.kinks for one in kinked).most_common(1)[0]
    alike = len(kinked) == 1 or count > len(kinked) / 2
    told = [one for one in kinked if one.kinks == at] if alike else kinked
    text = _same_kinks(name, members, kinked, told, kind) if alike else _different_kinks(name, members, kinked, kind)
    changes = [max(abs(b.exponent - a.exponent) for a, b in pairwise(one.segments)) for one in told]
    off = 1 + float(np.median([one.deviation for one in told]))
    return Finding(
        KINK,
        text,
        tuple(point.row.cell.key for one in told for point in one.line.points),
        {"change": float(np.median(changes))} | {f"kink_{part}": value for part, value in enumerate(at)},
        strength=Strength.SUGGESTED if told[0].low is None else Strength.SHOWN,
        weight=min(_MOST_WEIGHT, factor_weight(off, len(told), len(members))),
        count=len(told),
        of=len(members),
        exceptions=named(misses) if len(misses) < len(kinked) else (),
    )


def _same_kinks(
    name: str, members: Sequence[Growth], kinked: Sequence[Growth], same: Sequence[Growth], kind: str
) -> str:
    """Most of the lines that are kinked are so at the same values."""
    where = listed([f"{name}={kink:g}" for kink in same[0].kinks])
    growth = f"the growth changes at {where}: {', '.join(_stretches(name, same))}"
    if len(members) == 1:
        return sentence(kind, growth)
    if len(kinked) == 1:
        return sentence(place(same[0].line.fixed), f"{growth}, {none_other(len(members), 'line')}")
    every = [one.line.fixed for one in members]
    misses = [one.line.fixed for one in members if one.course is not Course.KINKED]
    few = f", {located([one.line.fixed for one in same], every, told=True)}" if len(same) <= len(members) / 2 else ""
    elsewhere = f"; elsewhere in {len(kinked) - len(same)} more" if len(kinked) > len(same) else ""
    lines = _lines(len(same), len(members), kind)
    return f"In {lines} {growth}{' (medians)' if len(same) > 1 else ''}{few}{elsewhere}{exceptions(misses, every)}"


def _lines(count: int, of: int, kind: str) -> str:
    return counted(count, of, "line") + (f" with {kind}" if kind else "")


def _different_kinks(name: str, members: Sequence[Growth], kinked: Sequence[Growth], kind: str) -> str:
    """The lines are kinked at different values: from which exponent to which, and where most often."""
    first, last = (float(np.median([one.segments[end].exponent for one in kinked])) for end in (0, -1))
    often = Counter(kink for one in kinked for kink in one.kinks).most_common(2)
    at = listed([f"{name}={kink:g} ({count} lines)" for kink, count in often])
    lines = _lines(len(kinked), len(members), kind)
    where = [one.line.fixed for one in members]
    misses = [one.line.fixed for one in members if one.course is not Course.KINKED]
    ends = f"{power(name, first)} at its start to {power(name, last)} at its end (medians)"
    return f"In {lines} the growth along {name} changes, from {ends}, most often at {at}{exceptions(misses, where)}"


def _stretches(name: str, same: Sequence[Growth]) -> list[str]:
    """The exponent of each segment: of one line with its interval, of several in the median."""
    parts = same[0].segments
    if len(same) == 1:
        slopes = [power(name, part.exponent, part.low, part.high) for part in parts]
    else:
        slopes = [power(name, middle) for middle in _medians(same)]
    return [f"{slope} {_stretch(part, last=part is parts[-1])}" for slope, part in zip(slopes, parts, strict=True)]


def _stretch(part: Segment, *, last: bool) -> str:
    return "above" if last else f"up to {part.stop:g}"
