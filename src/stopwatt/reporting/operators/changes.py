"""What was done to a model's graph, for people and programs: one line, a table, plain values."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from stopwatt.operators.changes import Change, Changes
from stopwatt.reporting.grid import Column, Row, grid
from stopwatt.reporting.operators.shortened import shortened
from stopwatt.text import printable
from stopwatt.units import quantity, ratio

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

MOST_ROWS = 12
"""Operators that get a row of their own."""
_MOST_NAMES = 3
"""Operators that a line names."""
SAME = "the same operators"


@dataclass(frozen=True, slots=True)
class Named:
    """Calls of one operator that are others now: in number, or in element type.

    Attributes:
        name: Without shapes.
        before, after: Calls in one call of the model, of the element types that changed.
        types_before, types_after: Those element types; empty where the runtime does not say.
    """

    name: str
    before: float
    after: float
    types_before: tuple[str, ...]
    types_after: tuple[str, ...]


def named(found: Changes) -> list[Named]:
    """Changes by the operator's name alone, those that most calls are lost or won of first."""
    of_name: dict[str, list[Change]] = {}
    for one in (*found.gone, *found.new, *found.fewer, *found.more):
        of_name.setdefault(one.name, []).append(one)
    rows = [
        Named(
            name,
            sum(one.before for one in parts),
            sum(one.after for one in parts),
            tuple(sorted(one.dtype for one in parts if one.before and one.dtype)),
            tuple(sorted(one.dtype for one in parts if one.after and one.dtype)),
        )
        for name, parts in of_name.items()
    ]
    return sorted(rows, key=lambda one: (-abs(one.after - one.before), -one.after, one.name))


def changes_document(found: Changes) -> dict[str, Any]:
    """The changes as plain values, by operator and element type (docs/json.md)."""
    return {**asdict(found), "any": found.any}


def changes_line(found: Changes) -> str:
    """The changes in one line: `69 -> 49 operators: batch_norm gone (20)`."""
    if not found.any:
        return "; ".join([SAME, *_sizes(found)])
    count = f"{_counted(found.calls_before, kernels=found.kernels_before, bare=found.comparable)} -> "
    count += _counted(found.calls_after, kernels=found.kernels_after)
    told = [*_names(found), *_fused(found), *_types(found), *_sizes(found)]
    return f"{count}: {'; '.join(told)}" if told else count


def changes_table(found: Changes, most: int = MOST_ROWS) -> "Table":
    """Operators of which another number, or another element type, is called."""
    rows = named(found)
    shown, rest = rows[:most], rows[most:]
    cells = [
        Row(
            [shortened(one.name), *_calls(one.before, one.after), " ".join(one.types_before), " ".join(one.types_after)]
        )
        for one in shown
    ]
    if rest:
        calls = _calls(sum(one.before for one in rest), sum(one.after for one in rest))
        cells.append(Row([f"and {len(rest)} other{'' if len(rest) == 1 else 's'}", *calls, " ", " "], quiet=True))
    head = "operator" if found.comparable and not found.kernels_after else "operator or kernel"
    return grid(
        "",
        [head, Column("before", right=True), Column("after", right=True), "type before", "type after"],
        cells,
    )


def render_changes(console: "Console", found: Changes, title: str = "") -> None:
    """Print one line, and below it the table if anything changed.

    Args:
        console: Where.
        found: What changed.
        title: Before the line: what was done.
    """
    line = changes_line(found)
    console.print(Text(printable(f"{title}: {line}" if title else line)))
    if found.any:
        console.print(changes_table(found))


def _counted(calls: float, *, kernels: bool, bare: bool = False) -> str:
    noun = "kernel" if kernels else "operator"
    return f"{calls:,.0f}" if bare else f"{calls:,.0f} {noun}{'' if calls == 1 else 's'}"


def _calls(before: float, after: float) -> tuple[str, str]:
    return f"{before:,.0f}", f"{after:,.0f}"


def _names(found: Changes) -> Iterator[str]:
    """Operators that are called by another number of times; nothing where the two sides have other names anyway."""
    if not found.comparable:
        return
    moved = [one for one in named(found) if one.before != one.after]
    for word, some in (
        ("gone", [one for one in moved if not one.after]),
        ("new", [one for one in moved if not one.before]),
        ("fewer", [one for one in moved if 0 < one.after < one.before]),
        ("more", [one for one in moved if 0 < one.before < one.after]),
    ):
        if some:
            yield f"{word}: {_listed((one.name, abs(one.after - one.before)) for one in some)}"


def _fused(found: Changes) -> Iterator[str]:
    if found.fused:
        yield f"{sum(found.fused.values()):,.0f} fused: {_listed(found.fused.items())}"
    if found.unnamed:
        yield f"no kernel's own: {_listed(found.unnamed.items())}"


def _types(found: Changes) -> Iterator[str]:
    """In which element types calls are made, if in others than before."""
    before, after = found.types_before, found.types_after
    if set(before) != set(after) and after:
        yield f"{_typed(before) or 'type unknown'} -> {_typed(after)}"


def _typed(types: Mapping[str, float]) -> str:
    total = sum(types.values())
    main = max(types, key=lambda one: types[one], default="")
    others = f" ({types[main]:,.0f} of {total:,.0f} calls)" if len(types) > 1 else ""
    return f"{main}{others}"


def _sizes(found: Changes) -> Iterator[str]:
    """Operations and weights, where they are others."""
    before, after = found.flops_before, found.flops_after
    if before and after and not _alike(before, after):
        yield f"{ratio(after / before)} the operations"
    held, holds = found.weight_bytes_before, found.weight_bytes_after
    if held and holds and not _alike(held, holds):
        yield f"weights {quantity(held, 'B')} -> {quantity(holds, 'B')}"


def _alike(before: float, after: float) -> bool:
    return abs(after - before) < 1e-3 * before


def _listed(counts: Iterable[tuple[str, float]]) -> str:
    """`relu (20), add (8), and 3 others`."""
    every = list(counts)
    words = [f"{shortened(name)} ({count:,.0f})" for name, count in every[:_MOST_NAMES]]
    left = len(every) - len(words)
    return ", ".join(words) + (f", and {left} other{'' if left == 1 else 's'}" if left else "")
