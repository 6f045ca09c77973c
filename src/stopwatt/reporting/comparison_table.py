"""A comparison on a terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stopwatt import units
from stopwatt.analyse.comparison import Compared, Comparison, verdict_word
from stopwatt.analyse.observed import unit_of
from stopwatt.records import Severity
from stopwatt.reporting.comparison_lines import (
    about,
    counted,
    detectable_lines,
    ratio_text,
    watermark,
    what_differs,
)
from stopwatt.reporting.grid import Column, Row, grid
from stopwatt.stats.ratios import Ratio, Verdict
from stopwatt.text import one_line, printable

MOST_ROWS = 40
"""Cells that a terminal shows; the rest is counted."""


def render_comparison(console: Console, found: Comparison, run: str = "") -> None:
    """Print a comparison: what is compared, the cells that a reader has to act on first, what to know.

    Args:
        console: Where to.
        found: The comparison.
        run: Id of the run that was measured for it; empty for none.
    """
    named = found.named
    console.print(Text.assemble(("A ", "bold"), one_line(named.a), ("   B ", "bold"), one_line(named.b)))
    console.print(about(found))
    if mark := watermark(found):
        console.print(Text(printable(mark), style="failure"))
    if told := what_differs(found):
        console.print(Text(f"differs: {printable(told)}", style="quiet"))
    console.print(_table(found))
    for line in _below(found):
        console.print(line)
    if run:
        console.print(Text(f"stored as run {run[:8]}: stopwatt compare {run[:8]} shows it again", style="quiet"))


def _table(found: Comparison) -> Table:
    shown = found.worst_first()[:MOST_ROWS]
    scale = units.scale_for([half.value for cell in shown for half in (cell.a, cell.b)], unit_of(found.metric))
    heads: list[Column | str] = [
        "cell",
        Column(f"A {scale.label}", right=True, whole=True),
        Column(f"B {scale.label}", right=True, whole=True),
        Column("B / A [95 %]", right=True, whole=True),
        Column("verdict", whole=True),
    ]
    rows = [Row(_cells(cell, scale, found.metric), quiet=cell.ratio.verdict is Verdict.EQUIVALENT) for cell in shown]
    if found.overall is not None:
        mean = ratio_text(found.overall), _verdict(found.overall, found.metric)
        rows.append(Row([f"mean of {len(found.cells)} cells", "", "", *mean]))
    return grid("", heads, rows)


def _cells(cell: Compared, scale: units.Scale, metric: str) -> list[str]:
    values = [
        units.column_value(
            half.value, scale, half_width=(half.interval.high - half.interval.low) / 2 if half.interval else None
        )
        for half in (cell.a, cell.b)
    ]
    mark = " (forced)" if cell.unlike else ""
    return [one_line(cell.label) + mark, *values, ratio_text(cell.ratio), _verdict(cell.ratio, metric)]


def _verdict(ratio: Ratio, metric: str) -> str:
    return verdict_word(ratio.verdict, metric) if ratio.verdict else ""


def _below(found: Comparison) -> Iterator[Text]:
    hidden = found.worst_first()[MOST_ROWS:]
    if hidden:
        yield Text(f"and {len(hidden)} more cells; --json has all of them", style="quiet")
    yield Text(counted(found))
    for line in detectable_lines(found):
        yield Text(line)
    yield from _reasons(found.cells)
    for one in found.unmatched[:MOST_ROWS]:
        style = "failure" if one.failed else "quiet"
        yield Text.assemble(("not compared: ", style), printable(f"{one.label}: {one.why}"))
    for note in found.notes:
        now = f"\n  now: {printable(note.now)}" if note.now else ""
        style = "warning" if note.severity is Severity.WARNING else "quiet"
        yield Text(f"! {printable(note.text)}{now}" if style == "warning" else printable(note.text), style=style)


def _reasons(cells: Sequence[Compared]) -> Iterator[Text]:
    """Why cells are inconclusive, each reason once."""
    reasons: dict[str, int] = {}
    for cell in cells:
        if cell.ratio.why:
            reasons[cell.ratio.why] = reasons.get(cell.ratio.why, 0) + 1
    for why, count in reasons.items():
        yield Text(f"inconclusive ({count}): {why}", style="quiet")
