"""Operators that could be measured next.

captured   called by a captured model, and without a time: shapes of real models are the best guess at other models
neighbour  one of those with a batch, a sequence or a hidden size halved, doubled, or in between
poor       the same around an operator whose time is predicted badly by all that was not learnt from it
space      points that fill what lies between the sizes of captured operators evenly
basis      operators that belong to no model (`predicting.basis`): what a model may call that is like none captured
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.stats import qmc

from stopwatt.errors import Unsupported
from stopwatt.operators.formulas import work_of
from stopwatt.operators.formulas.touched import is_floating
from stopwatt.operators.operator import Operator
from stopwatt.operators.rows import shape_of
from stopwatt.operators.synthesis import MADE, operator_of
from stopwatt.operators.work import Family, Work
from stopwatt.predicting.basis import Basic
from stopwatt.predicting.scaling import FREEDOM, moved, placed

FACTORS = (0.5, 2**-0.5, 2**0.5, 2.0)
"""Of neighbours: an octave, and between."""
HEAVIEST = 60
"""Captured operators whose neighbours are looked at, by their share of time."""
POINTS = 32
"""Of a family, kind and type, that fill its space; a power of two, as Sobol sequences want it."""


class Why(StrEnum):
    """Why an operator is a candidate."""

    CAPTURED = "captured"
    NEIGHBOUR = "neighbour"
    POOR = "poor"
    SPACE = "space"
    BASIS = "basis"


@dataclass(frozen=True, slots=True)
class Called:
    """An operator of captured models.

    Attributes:
        operator: It.
        work: What it has to do.
        share: Of the time of all captured models' operators, each model counting the same.
        open: Whether it has no time yet, and could have one.
    """

    operator: Operator
    work: Work
    share: float
    open: bool


@dataclass(frozen=True, slots=True)
class Poor:
    """A measured operator that is predicted badly.

    Attributes:
        label: For people.
        work: What it has to do.
        error: Logarithm of the ratio, without its sign.
    """

    label: str
    work: Work
    error: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """An operator that could be measured.

    Attributes:
        operator: It.
        work: What it has to do.
        why: Where it comes from.
        of: Label of the operator that it lies beside; empty for none.
        error: How wrong the prediction of that one was; 0 for none.
        worth: Of one of the basis, beside the others of it; 0 for all others.
    """

    operator: Operator
    work: Work
    why: Why
    of: str = ""
    error: float = 0.0
    worth: float = 0.0


def candidates_of(
    called: Sequence[Called],
    measured: Collection[str] = (),
    poor: Sequence[Poor] = (),
    basis: Iterable[Basic] = (),
    *,
    most_bytes: float,
    seed: int = 0,
) -> list[Candidate]:
    """Everything that could be measured next, each once.

    Args:
        called: Operators of captured models.
        measured: Identities (`identity_of`) of what has a time already.
        poor: Measured operators that are predicted badly.
        basis: Operators that belong to no model.
        most_bytes: Nothing larger is made around captured ones and between them.
        seed: Of the points that fill the space.
    """
    found = [Candidate(one.operator, one.work, Why.CAPTURED) for one in called if one.open]
    known = {*measured, *(identity_of(one.work) for one in called)}
    made = (*_neighbours(called), *_around(poor), *_between(called, seed))
    generic = (Candidate(one.operator, one.work, Why.BASIS, worth=one.worth) for one in basis)
    for candidate in (*(one for one in made if one.work.bytes <= most_bytes), *generic):
        identity = identity_of(candidate.work)
        if identity not in known:
            known.add(identity)
            found.append(candidate)
    return found


def identity_of(work: Work) -> str:
    """What equal sizes have in common: family, kind, type and sizes."""
    return f"{work.family} {work.dtype} {shape_of(work)}"


def _neighbours(called: Sequence[Called]) -> Iterator[Candidate]:
    heavy = sorted(_makeable(called), key=lambda one: one.share, reverse=True)[:HEAVIEST]
    for one in heavy:
        for operator, work in _moves(one.work):
            yield Candidate(operator, work, Why.NEIGHBOUR, one.operator.label)


def _around(poor: Sequence[Poor]) -> Iterator[Candidate]:
    for one in sorted(poor, key=lambda one: one.error, reverse=True):
        for operator, work in _moves(one.work):
            yield Candidate(operator, work, Why.POOR, one.label, one.error)


def _moves(work: Work) -> Iterator[tuple[Operator, Work]]:
    """All neighbours of a piece of work that can be made."""
    if work.family in FREEDOM:
        for names in FREEDOM[work.family].moves:
            for factor in FACTORS:
                dims = moved(work.family, work.dims, factor, names)
                yield from _made(work, dims)


def _between(called: Sequence[Called], seed: int) -> Iterator[Candidate]:
    """Points of the box that the free sizes of a family, kind and type span: Sobol points (1967), scrambled."""
    groups: dict[tuple[Family, str, str], list[Work]] = {}
    for one in _makeable(called):
        groups.setdefault((one.work.family, one.work.kind, one.work.dtype), []).append(one.work)
    for (family, _, _), works in groups.items():
        low, high = _box([FREEDOM[family].free(work.dims) for work in works])
        names = [name for name in low if low[name] < high[name]]
        if not names:
            continue
        points = qmc.Sobol(len(names), rng=np.random.default_rng(seed)).random(POINTS)
        for number, point in enumerate(points.tolist()):
            base = works[number % len(works)]
            free = {name: low[name] * (high[name] / low[name]) ** at for name, at in zip(names, point, strict=True)}
            for operator, work in _made(base, placed(family, base.dims, free)):
                yield Candidate(operator, work, Why.SPACE)


def _box(points: Sequence[Mapping[str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Smallest and largest value of each size that all points have."""
    names = [name for name in points[0] if all(name in one for one in points)]
    values = {name: [max(one[name], 1.0) for one in points] for name in names}
    return {name: min(all_) for name, all_ in values.items()}, {name: max(all_) for name, all_ in values.items()}


def _made(base: Work, dims: Mapping[str, float] | None) -> Iterator[tuple[Operator, Work]]:
    """An operator of a work's kind with other sizes, if there is one."""
    if dims is None:
        return
    try:
        operator = operator_of(base.family, base.kind, dims, base.dtype)
    except Unsupported:
        return
    yield operator, work_of(operator)


def _makeable(called: Iterable[Called]) -> Iterator[Called]:
    for one in called:
        work = one.work
        if work.family in FREEDOM and work.kind in MADE[work.family] and is_floating(work.dtype) and _has_sizes(work):
            yield one


def _has_sizes(work: Work) -> bool:
    return all(size >= 1 for name, size in work.dims.items() if name not in {"causal", "window"})
