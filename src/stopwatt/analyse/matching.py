"""Pairs of cells that are the same thing on both sides, and the cells that have no partner."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from stopwatt.analyse.likeness import kind_of, name_of
from stopwatt.analyse.observed import Observed, Side
from stopwatt.records import Cell


@dataclass(frozen=True, slots=True)
class Member:
    """One cell of a side, with the rounds that stand for it.

    Attributes:
        rounds: With a value, oldest first.
        failed: Rounds without one.
        why: Why the first of those has none.
    """

    cell: Cell
    rounds: tuple[Observed, ...]
    failed: int = 0
    why: str = ""


def members_of(side: Side) -> list[Member]:
    """The cells of a side, in the order in which they first appear.

    A cell that several runs measured, or that was measured in several versions of its code or software, is
    represented by its latest run that has a value.
    """
    groups: dict[Hashable, list[Observed]] = defaultdict(list)
    for one in side.rounds:
        groups[name_of(one.cell), kind_of(one.cell)].append(one)
    return [_latest(rounds) for rounds in groups.values()]


def match(a: Sequence[Member], b: Sequence[Member]) -> tuple[list[tuple[Member, Member]], list[Member], list[Member]]:
    """Pairs, in the order of the first side, and what is left of either side.

    Cells pair that agree in name and kind; of the rest those that are the only ones of their name, however unlike they
    are (`likeness.unlike` tells).
    """
    left_a, left_b = list(a), list(b)
    pairs = _pair(left_a, left_b, lambda cell: (name_of(cell), kind_of(cell))) + _pair(left_a, left_b, name_of)
    places = {id(member): place for place, member in enumerate(a)}
    return sorted(pairs, key=lambda pair: places[id(pair[0])]), left_a, left_b


def _latest(rounds: Sequence[Observed]) -> Member:
    runs = dict.fromkeys((one.run, one.cell.key) for one in rounds)
    with_value = {(one.run, one.cell.key) for one in rounds if one.value is not None}
    chosen = [run for run in runs if run in with_value] or list(runs)
    ours = [one for one in rounds if (one.run, one.cell.key) == chosen[-1]]
    failed = [one for one in ours if one.value is None]
    told = tuple(one for one in ours if one.value is not None)
    return Member(ours[0].cell, told, len(failed), failed[0].why if failed else "")


def _pair(a: list[Member], b: list[Member], key: Callable[[Cell], Hashable]) -> list[tuple[Member, Member]]:
    """Pairs of members that are alone with their key on both sides; they are taken out of the lists."""
    ours, theirs = _alone(a, key), _alone(b, key)
    pairs = [(member, theirs[name]) for name, member in ours.items() if name in theirs]
    taken = {id(member) for pair in pairs for member in pair}
    a[:] = [member for member in a if id(member) not in taken]
    b[:] = [member for member in b if id(member) not in taken]
    return pairs


def _alone(members: Sequence[Member], key: Callable[[Cell], Hashable]) -> dict[Hashable, Member]:
    groups: dict[Hashable, list[Member]] = defaultdict(list)
    for member in members:
        groups[key(member.cell)].append(member)
    return {name: group[0] for name, group in groups.items() if len(group) == 1}
