"""What a sweep asks for: axes, some of which go together, and combinations that are left out.

A grid is a product of *blocks*. A block is one axis, or several axes of equal length whose values go together (a zip).
What is the same for all cells is an axis of one value. Nothing here knows what a name or a value means.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from math import inf, prod
from typing import Any, Self

from stopwatt.arguments import numbers, scalars
from stopwatt.errors import UsageError
from stopwatt.records import CLASSIC, Protocol, Scalar
from stopwatt.sweeping.ranges import expanded

MOST_CELLS = 2**17
"""Cells of a grid, at most, before exclusions: at a second a cell, a day and a half."""

Assignment = Mapping[str, Scalar]
"""Coordinate -> value."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A coordinate and the values that it takes, as they were written.

    Attributes:
        name: A workload parameter (of one workload: `lstm.hidden`), or a coordinate of the setup.
        values: In the order given.
        where: Where the axis was written (`grid.yaml, line 3`); may be empty.
        places: Where each value was; empty where that is not known.
    """

    name: str
    values: tuple[Scalar, ...]
    where: str = ""
    places: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, values: Scalar | Iterable[Scalar], where: str = "") -> Self:
        """An axis from one value or several, ranges such as `1..8` as the values that they stand for.

        Raises:
            UsageError: A range that is none, something that is no value, or more values than any grid may have.
        """
        found: list[Scalar] = []
        for value in islice(scalars(name, values), MOST_CELLS + 1):
            found += expanded(value) if isinstance(value, str) else [value]
        if len(found) > MOST_CELLS:
            raise UsageError(f"{name} has too many values", when=where, now=f"ask for {MOST_CELLS} cells at most")
        return cls(name, tuple(found), where)

    def place(self, number: int) -> str:
        """Where the value with this number was written."""
        return self.places[number] if self.places else self.where


Block = tuple[Axis, ...]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Cells to leave out: those that have one of the values of every condition.

    Attributes:
        conditions: Axes of the grid with some of their values.
        where: Where it was written.
        may_miss: Whether it may match nothing: an axis that it names was given other values later.
    """

    conditions: tuple[Axis, ...]
    where: str = ""
    may_miss: bool = False

    @property
    def label(self) -> str:
        """`layers=4, batch=4,8`."""
        return ", ".join(f"{one.name}={','.join(map(str, one.values))}" for one in self.conditions)


@dataclass(frozen=True, slots=True)
class Grid:
    """What a sweep asks for.

    Attributes:
        blocks: Each coordinate in one of them; `workload` too.
        exclude: What is left out.
        protocol: The rules; an axis `boundary` changes its own part of them.
        deadlines: Seconds that calls shall meet; they change what is said of the trials, not how they are measured.
        tag: A name for the run.
    """

    blocks: tuple[Block, ...]
    exclude: tuple[Exclusion, ...] = ()
    protocol: Protocol = field(default=CLASSIC)
    deadlines: tuple[float, ...] = ()
    tag: str = ""

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Of all blocks."""
        return tuple(axis for block in self.blocks for axis in block)

    def axis(self, name: str) -> Axis | None:
        """The axis of that name."""
        return next((axis for axis in self.axes if axis.name == name), None)

    def values(self, name: str) -> tuple[Scalar, ...]:
        """Of the axis of that name; empty without one."""
        axis = self.axis(name)
        return () if axis is None else axis.values

    def document(self) -> dict[str, Any]:
        """The axes, zips and exclusions as a grid file has them."""
        return {
            "axes": {block[0].name: list(block[0].values) for block in self.blocks if len(block) == 1},
            "zip": [{axis.name: list(axis.values) for axis in block} for block in self.blocks if len(block) > 1],
            "exclude": [{one.name: list(one.values) for one in exclusion.conditions} for exclusion in self.exclude],
        }


def deadlines_of(values: float | Iterable[float]) -> tuple[float, ...]:
    """Deadlines in seconds, rising, each once.

    Raises:
        UsageError: One is no number, not positive or not finite.
    """
    given = numbers("deadlines", values, "seconds, such as [0.0005]")
    for value in given:
        if not 0 < value < inf:
            raise UsageError(f"a deadline of {value:g} s cannot be met", now="give a time above 0, such as 0.0005")
    return tuple(sorted(set(given)))


def check_shape(grid: Grid) -> None:
    """Refuse what is no grid, whatever its names mean.

    Raises:
        UsageError: An axis without values, given twice, or zipped with one of another length.
    """
    seen: dict[str, Axis] = {}
    for axis in grid.axes:
        if not axis.values:
            raise UsageError(f"the axis {axis.name} has no values", when=axis.where, now="give it at least one")
        if axis.name in seen:
            places = " and ".join(dict.fromkeys(place for place in (seen[axis.name].where, axis.where) if place))
            raise UsageError(f"{axis.name} is given twice", when=places, now="give it once, with all of its values")
        seen[axis.name] = axis
    for first, *others in grid.blocks:
        for other in others:
            if len(other.values) != len(first.values):
                raise UsageError(
                    f"{first.name} and {other.name} go together, but have {len(first.values)} and "
                    f"{len(other.values)} values",
                    when=other.where,
                    now="give both as many, or make them axes of their own",
                )


def check_size(grid: Grid, blocks: Sequence[Sequence[Sequence[Assignment]]]) -> None:
    """Refuse a grid that is too large before any of its cells is made.

    Args:
        grid: As written.
        blocks: For each workload, the assignments of each block.

    Raises:
        UsageError: How many cells it would have.
    """
    size = sum(prod(len(block) for block in of_one) for of_one in blocks)
    if size > MOST_CELLS:
        lengths = (("+".join(axis.name for axis in block), len(block[0].values)) for block in grid.blocks)
        factors = " x ".join(f"{length} {name}" for name, length in lengths if length > 1)
        raise UsageError(
            f"{size} cells are too many for one sweep",
            when=f"{factors}, before exclusions",
            now=f"ask for {MOST_CELLS} at most: fewer values, axes that go together (zip), or several sweeps",
        )


def combinations(
    blocks: Sequence[Sequence[Assignment]], exclusions: Sequence[Mapping[str, frozenset[Scalar]]]
) -> Iterator[dict[str, Scalar]]:
    """All combinations that no exclusion matches, the last block's choice changing fastest.

    Args:
        blocks: The assignments of each, of which one is chosen.
        exclusions: Coordinate -> values, of which a combination must have one for every coordinate to be left out.
    """
    names = _names(blocks)
    applicable = [exclusion for exclusion in exclusions if exclusion.keys() <= names]
    masked = [[(choice, _mask(choice, applicable)) for choice in block] for block in blocks]
    everything = 2 ** len(applicable) - 1
    for chosen in product(*masked):
        left = everything
        for _, mask in chosen:
            left &= mask
        if not left:
            yield {name: value for choice, _ in chosen for name, value in choice.items()}


def matches(blocks: Sequence[Sequence[Assignment]], exclusion: Mapping[str, frozenset[Scalar]]) -> int:
    """How many combinations of the blocks an exclusion matches, without making them."""
    if not exclusion.keys() <= _names(blocks):
        return 0
    return prod(sum(_mask(choice, [exclusion]) for choice in block) for block in blocks)


def _names(blocks: Sequence[Sequence[Assignment]]) -> set[str]:
    return {name for block in blocks for name in block[0]}


def _mask(choice: Assignment, exclusions: Sequence[Mapping[str, frozenset[Scalar]]]) -> int:
    """One bit for each exclusion: whether the choice meets all of its conditions that concern it."""
    return sum(
        1 << place
        for place, conditions in enumerate(exclusions)
        if all(choice[name] in values for name, values in conditions.items() if name in choice)
    )
