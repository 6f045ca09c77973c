"""What two sides have in common, and the refusal to compare what they have not."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from stopwatt.analyse.comparison import Unmatched
from stopwatt.analyse.grid import coordinates, place
from stopwatt.analyse.likeness import Differences, unlike
from stopwatt.analyse.matching import match, members_of
from stopwatt.analyse.observed import ONLY_MEAN, ONLY_TRIALS, Side
from stopwatt.analyse.stated import MEAN
from stopwatt.analyse.weighing import Pair, common_times
from stopwatt.errors import UsageError
from stopwatt.records import Cell
from stopwatt.workloads.params import short_label

_SHOWN = 3
"""Names in a message before it ends in an ellipsis."""


class _Kind(NamedTuple):
    """A kind of values: the metric that compares it, and what a side of the other kind says of itself."""

    metric: str
    other: str


_KINDS = {ONLY_MEAN: _Kind(MEAN, ONLY_TRIALS), ONLY_TRIALS: _Kind("latency", ONLY_MEAN)}

Label = Callable[[Cell], str]


@dataclass(frozen=True, slots=True)
class Common:
    """What can be compared, and what cannot.

    Attributes:
        pairs: Cells with a value on both sides.
        unlike: Of each pair, in what it is not alike.
        missing: Cells without a partner, or without a value.
        label: What tells a cell from the others.
    """

    pairs: tuple[Pair, ...]
    unlike: tuple[Differences, ...]
    missing: tuple[Unmatched, ...]
    label: Label


def find_common(a: Side, b: Side, *, force: bool) -> Common:
    """Match the cells of two sides.

    Args:
        a: The one.
        b: The other.
        force: Take also what is not alike.

    Raises:
        UsageError: No measurement, nothing in common, no value, or unlike things without `force`.
    """
    _check_measured(a, b)
    pairs, only_a, only_b = match(members_of(a), members_of(b))
    label = _labels([member.cell for pair in pairs for member in pair] + [one.cell for one in (*only_a, *only_b)])
    if not pairs:
        raise _nothing_common(a, b, label)
    usable = tuple(pair for pair in pairs if pair[0].rounds and pair[1].rounds)
    if not usable:
        raise _no_values(pairs[0], label)
    different = tuple(unlike(one.cell, other.cell, (a, b)) for one, other in usable)
    if any(different) and not force:
        raise _refusal(usable, different, label)
    left = [("A", one) for one in only_a] + [("B", one) for one in only_b]
    missing = (
        *(_valueless(pair, label) for pair in pairs if not (pair[0].rounds and pair[1].rounds)),
        *(Unmatched(label(one.cell), side, f"only in {side}") for side, one in left),
    )
    return Common(usable, different, missing, label)


def find_arms(a: Side, b: Side, metric: str) -> Common:
    """Two sides of one cell each that were measured in turn to be compared, however different they are.

    Args:
        a: The one.
        b: The other.
        metric: What the values are.

    Raises:
        UsageError: No round gave a value of both.
    """
    _check_measured(a, b)
    (one,), (other,) = members_of(a), members_of(b)
    sources = dict.fromkeys((one.cell.workload.source, other.cell.workload.source))

    def label(_: Cell) -> str:
        return " / ".join(sources)

    if not common_times((one, other), metric)[0].size:
        raise _no_values((one, other), label)
    return Common(((one, other),), ({},), (), label)


def merged(found: Iterable[Differences]) -> Differences:
    """What differs anywhere, with how often: `bf16 / fp32`, `2.12 / 2.13 (3 of 8 cells)`."""
    every = list(found)
    counts = Counter((name, text) for one in every for name, text in one.items())
    texts: dict[str, list[str]] = {}
    for (name, text), count in counts.items():
        share = "" if count == len(every) else f" ({count} of {len(every)} cells)"
        texts.setdefault(name, []).append(text + share)
    return {name: _some(one, "; ") for name, one in texts.items()}


def _labels(cells: Sequence[Cell]) -> Label:
    """What tells cells from the others; of one cell alone, what it is."""
    everywhere = [coordinates(cell) for cell in cells]
    names = dict.fromkeys(name for where in everywhere for name in where)
    varying = [name for name in names if len({where.get(name) for where in everywhere}) > 1]

    def label(cell: Cell) -> str:
        where = coordinates(cell)
        told = place({name: where[name] for name in varying if name in where})
        return told or f"{short_label(cell.workload)}, {cell.setup.label}"

    return label


def _check_measured(a: Side, b: Side) -> None:
    for name, side in (("A", a), ("B", b)):
        if not side.rounds:
            where = f"{side.word} in {side.where}"
            raise UsageError(f"{name} has no measurement", when=where, now="stopwatt show lists what there is")


def _valueless(pair: Pair, label: Label) -> Unmatched:
    """A cell that both sides have, and one of them without a value."""
    empty = [name for name, member in zip("AB", pair, strict=True) if not member.rounds]
    side = "both" if len(empty) != 1 else empty[0]
    return Unmatched(label(pair[0].cell), side, _why_valueless(pair), failed=True)


def _why_valueless(pair: Pair) -> str:
    reasons = [f"{name}: {one.why}" for name, one in zip("AB", pair, strict=True) if not one.rounds]
    return "; ".join(reasons) or "no round in common"


def _nothing_common(a: Side, b: Side, label: Label) -> UsageError:
    cells = [_some(list(dict.fromkeys(label(one.cell) for one in side.rounds)), "; ") for side in (a, b)]
    return UsageError(
        "A and B have nothing in common: they differ in workload, parameters, backend, batch, device or threads",
        when=f"A ({a.word}): {cells[0]}. B ({b.word}): {cells[1]}",
        now="name runs of the same setups; two different setups are compared with stopwatt compare --now",
    )


def _no_values(pair: Pair, label: Label) -> UsageError:
    whys = {member.why for member in pair if not member.rounds}
    first = f"the first: {label(pair[0].cell)}"
    what = "no cell has a value on both sides"
    if not whys or whys - _KINDS.keys():
        again = "measure what is missing (again, with more --trials, or another --metric)"
        why = f"{first}: {_why_valueless(pair)}"
        return UsageError(what, when=why, now=f"{again}; stopwatt show lists the rounds")
    (why, *_) = whys
    holds = [why if not member.rounds else _KINDS[why].other for member in pair]
    alike = f"compare them by --metric {_KINDS[why].metric}"
    unlike = "a mean is not a median: compare means with means, or import the trials (stopwatt import --trials)"
    return UsageError(
        what, when=f"{first}: A: {holds[0]}; B: {holds[1]}", now=alike if holds[0] == holds[1] else unlike
    )


def _refusal(pairs: Sequence[Pair], different: Sequence[Differences], label: Label) -> UsageError:
    told = "; ".join(f"{name} {text}" for name, text in merged(different).items())
    first = next(pair for pair, one in zip(pairs, different, strict=True) if one)
    return UsageError(
        f"A and B are not alike: {told}",
        when=f"{sum(map(bool, different))} of {len(pairs)} cells, the first: {label(first[0].cell)}",
        now="compare what was measured alike; --force compares them all the same, and marks the result",
    )


def _some(names: Sequence[str], joint: str) -> str:
    return joint.join(names[:_SHOWN]) + (f"{joint}..." if len(names) > _SHOWN else "")
