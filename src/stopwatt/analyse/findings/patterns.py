"""Where larger problems are faster: everywhere, in a part of the grid that can be named, or here and there."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stopwatt.analyse.scaling import Scaling
from stopwatt.analyse.steps import RISK, Inversion, Step, size_axes, together
from stopwatt.records import Scalar
from stopwatt.stats.noise import Evidence
from stopwatt.stats.ratios import holm

_MOSTLY = 2 / 3


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """One step between two values of an axis, at all places of the grid.

    Attributes:
        axis: Its name.
        small, large: The two values.
        steps: One per place.
        inverted: Those that are inversions.
        evidence: On the mean ln(ratio) of all steps; `None` where rounds are missing.
        whole: Places of the grid that have such a step, these and others.
        having: Names and values (several of the last) of the coordinates that these places have and others have not.
    """

    axis: str
    small: Scalar
    large: Scalar
    steps: tuple[Step, ...]
    inverted: tuple[Inversion, ...]
    evidence: Evidence | None
    whole: int
    having: tuple[tuple[str, Any], ...] = ()

    @property
    def faster(self) -> tuple[Step, ...]:
        """The steps that make it faster, by whatever little."""
        return tuple(step for step in self.steps if step.ratio < 1)


def find_patterns(scaling: Scaling) -> tuple[list[Pattern], list[Pattern]]:
    """The steps along sizes that are inverted somewhere.

    Returns:
        Those that are so in the mean and at most places, of the whole grid or of a part of it; and those with what is
        left at single places.
    """
    patterns = _patterns(scaling)
    everywhere = _systematic(patterns)
    splits = {one: _splits(one, scaling) for one in patterns if one not in everywhere}
    shown = _systematic([part for several in splits.values() for split in several for part in split])
    repeated, left = [], []
    for one in patterns:
        if one in everywhere:
            repeated.append(one)
            continue
        told = _largest([[part for part in split if part in shown] for split in splits[one]])
        repeated += _joined(told, scaling)
        left.append(_without(one, told))
    return repeated, left


def _systematic(patterns: Sequence[Pattern]) -> set[Pattern]:
    """Those whose larger size is faster in the mean (Holm), and at most of several places."""
    tested = [2 * one.evidence.below(0.0) for one in patterns if one.evidence is not None]
    adjusted = iter(holm([min(1.0, p) for p in tested]))
    sure = [one for one in patterns if one.evidence is not None and next(adjusted) <= RISK]
    return {one for one in sure if len(one.steps) > 1 and len(one.faster) > _MOSTLY * len(one.steps)}


def _splits(pattern: Pattern, scaling: Scaling) -> list[list[Pattern]]:
    """The pattern split by the kind of setup, and within each kind by every other coordinate."""
    places = [step.fixed for step in pattern.steps]
    kinds = [name for name in places[0] if any(isinstance(where.get(name), str) for where in places)]
    splits = [kinds, *([*kinds, name] for name in places[0] if name not in kinds)]
    return [_split(pattern, names, scaling) for names in splits if names]


def _split(pattern: Pattern, names: Sequence[str], scaling: Scaling) -> list[Pattern]:
    groups: dict[tuple[Scalar | None, ...], list[Step]] = defaultdict(list)
    for step in pattern.steps:
        groups[tuple(step.fixed.get(name) for name in names)].append(step)
    if len(groups) == 1:
        return []
    return [_part(pattern, steps, scaling, dict(zip(names, values, strict=True))) for values, steps in groups.items()]


def _part(pattern: Pattern, steps: Sequence[Step], scaling: Scaling, having: Mapping[str, Any]) -> Pattern:
    ends = {_ends(step) for step in steps}
    inverted = tuple(one for one in pattern.inverted if _ends(one) in ends)
    return replace(
        pattern,
        steps=tuple(steps),
        inverted=inverted,
        evidence=together(steps, scaling.noise),
        having=tuple(having.items()),
    )


def _ends(one: Step | Inversion) -> tuple[str, str]:
    return one.small.row.cell.key, one.large.row.cell.key


def _largest(splits: Sequence[Sequence[Pattern]]) -> Sequence[Pattern]:
    """The split whose parts hold the most places; of equals the first, which has the fewest words."""
    return max(splits, key=lambda parts: sum(len(part.steps) for part in parts), default=())


def _joined(parts: Sequence[Pattern], scaling: Scaling) -> list[Pattern]:
    """Parts that differ in the last coordinate alone are told as one."""
    groups: dict[tuple[tuple[str, Any], ...], list[Pattern]] = defaultdict(list)
    for part in parts:
        groups[part.having[:-1]].append(part)
    whole = []
    for before, members in groups.items():
        name = members[0].having[-1][0]
        values = tuple(value for part in members for _, value in part.having[-1:])
        steps = [step for part in members for step in part.steps]
        inverted = tuple(sorted((one for part in members for one in part.inverted), key=_clearest))
        one = replace(members[0], inverted=inverted)
        whole.append(_part(one, steps, scaling, dict(before) | {name: values}))
    return whole


def _without(pattern: Pattern, told: Sequence[Pattern]) -> Pattern:
    """What is left to say where some parts were told: the places elsewhere that show it by themselves."""
    if not told:
        return pattern
    said = {_ends(step) for part in told for step in part.steps}
    left = tuple(one for one in pattern.inverted if one.shown and _ends(one) not in said)
    return replace(pattern, inverted=left)


def _clearest(one: Inversion) -> tuple[bool, float]:
    return not one.shown, one.ratio


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
        members = tuple(sorted((one for one in pairs if one is not None), key=_clearest))
        evidence = together(steps, scaling.noise)
        patterns.append(Pattern(axis, small, large, tuple(steps), members, evidence, len(steps)))
    return patterns
