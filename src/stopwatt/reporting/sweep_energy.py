"""Energy below the tables of a sweep: the least, and of how many cells it is suspect, missing or estimated."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from rich.text import Text

from stopwatt import units
from stopwatt.analyse.energy import own_energy, scope_name
from stopwatt.analyse.estimate import Estimate, counted
from stopwatt.analyse.grid import Grid, Point
from stopwatt.analyse.row import Row
from stopwatt.metrics import CPU_ESTIMATE
from stopwatt.text import one_line, printable


def sweep_energy_lines(grid: Grid, points: Sequence[Point]) -> Iterator[Text]:
    """What a grid's energies are besides its tables: the least, and how many are suspect, missing or estimated.

    Args:
        grid: The cells that were asked for.
        points: Those that were measured.
    """
    by_metric: dict[str, list[Point]] = {}
    for point in points:
        if point.row.cell.protocol.energy is not None:
            by_metric.setdefault(own_energy(point.row.cell.setup.device), []).append(point)
    for metric, asked in by_metric.items():
        yield from _of_scope(grid, asked, metric)
    estimated = [point.row for point in points if point.row.estimates[CPU_ESTIMATE].value is not None]
    if estimated:
        cells = counted(len(estimated), "cell")
        yield Text(f"energy, CPU, estimated for {cells}: stopwatt report and --json have it", style="quiet")


def _of_scope(grid: Grid, asked: Sequence[Point], metric: str) -> Iterator[Text]:
    """Of the cells on one kind of device, by its own energy."""
    known = [point for point in asked if point.row.estimates[metric].measured is not None]
    what, of = f"energy, {scope_name(metric)}", f"of {counted(len(asked), 'cell')}"
    if known:
        least = min(known, key=lambda point: point.row.estimates[metric].value or 0.0)
        where = one_line(grid.label(least))
        yield Text(f"least {what}: {_taken(least.row.estimates[metric])} a sample{f' at {where}' if where else ''}")
    for doubt, cells in _counts(asked, lambda row: row.estimates[metric].doubt):
        text = f"? {what}: suspect in {cells} {of}, and not compared: {printable(doubt)}"
        yield Text(text, style="warning")
    for why, cells in _counts(asked, lambda row: _why_missing(row, metric)):
        some = f" in {cells} {of}" if cells < len(asked) else ""
        yield Text(f"{what}: unavailable{some} ({printable(why)})", style="quiet")


def _why_missing(row: Row, metric: str) -> str:
    return row.estimates[metric].why if row.estimates[metric].value is None else ""


def _counts(points: Sequence[Point], said: Callable[[Row], str]) -> list[tuple[str, int]]:
    """Each text that is not empty, with how many cells say it; the most frequent first.

    Those that differ in their figures alone, or in how often they say the same, are one, of which an example stands.
    """
    texts: dict[frozenset[str], list[str]] = defaultdict(list)
    for text in (said(point.row) for point in points):
        if text:
            texts[_alike(text)].append(text)
    most = sorted(texts.values(), key=len, reverse=True)[:_MOST_REASONS]
    return [(f"for example {same[0]}" if len(set(same)) > 1 else same[0], len(same)) for same in most]


def _alike(text: str) -> frozenset[str]:
    """What a reason says, without its figures and without the rounds that it is about."""
    reasons = _ROUNDS.sub("", text).split("; ")
    return frozenset(_FIGURE.sub("#", reason) for reason in reasons)


_MOST_REASONS = 3
_ROUNDS = re.compile(r"^(unavailable )?in \d+ of \d+ rounds?: ")
_FIGURE = re.compile(r"[+-]?\d+(\.\d+)?")


def _taken(estimate: Estimate) -> str:
    """`117.8 mJ [117.0, 118.6]`."""
    value, low, high = estimate.value or 0.0, estimate.low, estimate.high
    return units.quantity(value, "J") if low is None or high is None else units.interval(value, low, high, "J")
