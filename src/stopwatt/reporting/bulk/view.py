"""Two results side by side, whatever they are of: what is said of them on a terminal and on a page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stopwatt.reporting.grid import Column, grid
from stopwatt.text import one_line, printable

SCHEMA = 1
"""Version of the documents."""
MOST_ROWS = 10
"""Worst images on a terminal."""
_FACTS = ("model", "backend", "precision")

Row = tuple[str, str, str, str]
"""Name, A, B and the difference."""


@dataclass(frozen=True, slots=True)
class Differing:
    """An image that both do not see alike.

    Attributes:
        image_id: As the results call it.
        said: What differs.
        weight: How much.
    """

    image_id: int
    said: str
    weight: str


@dataclass(frozen=True, slots=True)
class View:
    """A comparison, for people.

    Attributes:
        headline: How much is the same.
        share: The same as a number; `None` where there is nothing.
        sides: Name of each, and what its run says of itself.
        rows: Figures of both.
        lines: What else a reader must know.
        worst: Images that differ most, the worst first.
    """

    headline: str
    share: float | None
    sides: tuple[tuple[str, str], tuple[str, str]]
    rows: tuple[Row, ...]
    lines: tuple[str, ...]
    worst: tuple[Differing, ...]


def render_view(console: Console, view: View, names: Mapping[int, str]) -> None:
    """Print what is the same, the figures of each, and where they differ most.

    Args:
        console: Where to.
        view: The comparison.
        names: Of images, by id, where they are known.
    """
    for letter, (name, about) in zip("AB", view.sides, strict=True):
        console.print(Text.assemble((f"{letter} ", "bold"), one_line(name), (f"  {about}" if about else "", "quiet")))
    console.print(Text(view.headline, style="best" if view.share == 1 else ""))
    console.print()
    numbers = [Column(name, right=True, whole=True) for name in ("A", "B", "B - A")]
    console.print(grid("", [Column(""), *numbers], view.rows))
    for line in view.lines:
        console.print(Text(printable(line), style="quiet"))
    if view.worst:
        console.print()
        console.print(_worst(view.worst, names))


def facts_line(facts: Mapping[str, Any]) -> str:
    """What a run says of itself."""
    return one_line(" ".join(str(facts[name]) for name in _FACTS if facts.get(name)))


def counts(pairs: Iterable[tuple[str, int, int]]) -> tuple[Row, ...]:
    """Rows of numbers of things."""
    return tuple(
        (name, f"{one:,}", f"{other:,}", f"{other - one:+,}" if other != one else "0") for name, one, other in pairs
    )


def scores(pairs: Iterable[tuple[str, float | None, float | None]]) -> tuple[Row, ...]:
    """Rows of figures from 0 to 1, to three decimals."""
    return tuple(
        (name, "", "", "")
        if one is None or other is None
        else (name, f"{one:.3f}", f"{other:.3f}", _signed(other - one))
        for name, one, other in pairs
    )


def _signed(difference: float) -> str:
    return f"{difference:+.3f}" if round(difference, 3) else "0"


def _worst(worst: Sequence[Differing], names: Mapping[int, str]) -> Table:
    heads: Sequence[Column | str] = (Column("image", whole=True), "file", "what differs", Column("weight", right=True))
    listed = [
        (str(one.image_id), one_line(names.get(one.image_id, "")), one.said, one.weight) for one in worst[:MOST_ROWS]
    ]
    return grid("Images that differ most", heads, listed)
