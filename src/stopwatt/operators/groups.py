"""Calls of a model put together by what they have in common: operator, family, module, kind of leaf module."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.capture import Capture
from stopwatt.operators.costs import CallCosts
from stopwatt.operators.roofs import Roofs
from stopwatt.operators.work import Work

WHOLE = "(model)"
OUTSIDE = "(outside leaf modules)"


class By(StrEnum):
    """What calls are grouped by."""

    OPERATOR = "operator"
    FAMILY = "family"
    MODULE = "module"
    LEAF = "leaf"


@dataclass(frozen=True, slots=True)
class _Name:
    name: str
    kind: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Calls with something in common.

    Attributes:
        name: What they have in common.
        kind: Of module groups the class, of operators the family; else empty.
        calls: How many.
        operators: Different ones among them.
        unknown: Calls without a time.
        all_s: Of all calls with a time; `None` where no call has one.
        each_s: Of one of them, on average.
        share: Of the reference time of the explanation.
        energy_j: Of all calls; `None` unless each has one.
        flops: Of all calls; `None` where some operator's are not known.
        bytes: At least moved by all calls.
        roofline_s: The least time that the device's ceilings allow all calls with a time; `None` without ceilings.
        bound: `compute` or `memory`: which ceiling that is, for most of the time; empty without ceilings.
        mode: The memory mode of most of the time; `mixed` where no mode has more than nine tenths.
        key: Of the operator; empty for other groups.
    """

    name: str
    kind: str
    calls: int
    operators: int
    unknown: int
    all_s: float | None
    each_s: float | None
    share: float | None
    energy_j: float | None
    flops: float | None
    bytes: float
    roofline_s: float | None = None
    bound: str = ""
    mode: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What groups are made from.

    Attributes:
        capture: Of the model.
        works: What each of its operators has to do.
        costs: Of each call.
        reference_s: What shares are shares of; `None` for no shares.
        roofs: Of each call; `None` where the device's ceilings are not known.
    """

    capture: Capture
    works: Sequence[Work]
    costs: CallCosts
    reference_s: float | None
    roofs: Roofs | None


def groups(seen: Seen, by: By) -> tuple[Group, ...]:
    """Groups by falling time; those without a time last."""
    places: dict[_Name, list[int]] = {}
    for call, name in enumerate(_NAMES[by](seen.capture, seen.works)):
        places.setdefault(name, []).append(call)
    found = [_group(name, np.array(calls), seen) for name, calls in places.items()]
    return tuple(sorted(found, key=lambda one: -1.0 if one.all_s is None else one.all_s, reverse=True))


def leaf_of_calls(capture: Capture) -> list[int]:
    """For each call the number of the leaf module that it ran in; -1 outside of all."""
    found = [-1] * int(capture.sequence.size)
    for leaf in capture.leaves:
        found[leaf.begin : leaf.end] = [leaf.module] * (leaf.end - leaf.begin)
    return found


def pattern(path: str) -> str:
    """`encoder.layer.*.attention`: modules that are repeated have one name."""
    return re.sub(r"(?<![^.])\d+(?![^.])", "*", path) or WHOLE


def _group(name: _Name, calls: NDArray[np.int64], seen: Seen) -> Group:
    works, costs, reference_s = seen.works, seen.costs, seen.reference_s
    numbers = seen.capture.sequence[calls].tolist()
    known = calls[costs.known[calls]]
    all_s = float(costs.time_s[known].sum()) if known.size else None
    energy = costs.energy_j[calls]
    flops = [works[number].flops for number in numbers]
    roofline_s, bound = _position(known, seen.roofs)
    return Group(
        name.name,
        name.kind,
        calls=int(calls.size),
        operators=len(set(numbers)),
        unknown=int(calls.size - known.size),
        all_s=all_s,
        each_s=None if all_s is None else all_s / known.size,
        share=None if all_s is None or not reference_s else all_s / reference_s,
        energy_j=float(energy.sum()) if np.isfinite(energy).all() else None,
        flops=None if None in flops else float(sum(one for one in flops if one is not None)),
        bytes=float(sum(works[number].bytes for number in numbers)),
        roofline_s=roofline_s,
        bound=bound,
        mode=_mode(known, costs),
        key=name.key,
    )


def _position(known: NDArray[np.int64], roofs: Roofs | None) -> tuple[float | None, str]:
    if roofs is None or not known.size:
        return None, ""
    least = roofs.least_s[known]
    if not np.isfinite(least).all() or not least.sum():
        return None, ""
    by_compute = float(least[roofs.compute_s[known] >= roofs.memory_s[known]].sum())
    return float(least.sum()), "compute" if by_compute > float(least.sum()) / 2 else "memory"


_MOST = 0.9


def _mode(known: NDArray[np.int64], costs: CallCosts) -> str:
    weights: dict[str, float] = {}
    for call in known.tolist():
        for mode, weight in costs.modes[call]:
            weights[mode] = weights.get(mode, 0.0) + weight * float(costs.time_s[call])
    total = sum(weights.values())
    return next((str(mode) for mode, weight in weights.items() if weight >= _MOST * total), "mixed") if total else ""


def _operators(capture: Capture, works: Sequence[Work]) -> list[_Name]:
    often = Counter(one.label for one in capture.operators)
    named = [
        _Name(f"{one.label} #{one.key[:4]}" if often[one.label] > 1 else one.label, str(work.family), one.key)
        for one, work in zip(capture.operators, works, strict=True)
    ]
    return [named[number] for number in capture.sequence.tolist()]


def _families(capture: Capture, works: Sequence[Work]) -> list[_Name]:
    return [_Name(str(works[number].family)) for number in capture.sequence.tolist()]


def _modules(capture: Capture, _: Sequence[Work]) -> list[_Name]:
    named = [_Name(pattern(one.path), one.kind) for one in capture.modules]
    return [named[place] for place in capture.places.tolist()]


def _leaves(capture: Capture, _: Sequence[Work]) -> list[_Name]:
    return [_Name(OUTSIDE if place < 0 else capture.modules[place].kind) for place in leaf_of_calls(capture)]


_NAMES: Mapping[By, Callable[[Capture, Sequence[Work]], list[_Name]]] = {
    By.OPERATOR: _operators,
    By.FAMILY: _families,
    By.MODULE: _modules,
    By.LEAF: _leaves,
}
