"""Energy below the tables of a sweep: the least, and of how many cells it is suspect, missing or estimated."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from rich.text import Text

from stopwatt import units
from stopwatt.analyse.energy import own_energy, scope_name, shown_energy
from stopwatt.analyse.estimate import Estimate, counted
from stopwatt.analyse.grid import Grid, Point
from stopwatt.analyse.row import Row
from stopwatt.records import CPU_ESTIMATE
from stopwatt.text import one_line, printable


def sweep_energy_lines(grid: Grid, points: Sequence[Point]) -> Iterator[Text]:
    """What a grid's energies are besides its tables: the least, and how many are suspect, missing or estimated.

    Args:
        grid: The cells that were asked for.
        points: Those that were measured.
    """
    asked = [point for point in points if point.row.cell.protocol.energy is not None]
    metric = shown_energy([point.row for point in asked]) or (
        own_energy(asked[0].row.cell.setup.device) if asked else ""
    )
    known = [point for point in asked if point.row.estimates[metric].measured is not None]
    if known:
        least = min(known, key=lambda point: point.row.estimates[metric].value or 0.0)
        taken = least.row.estimates[metric]
        bounds = (taken.low, taken.high)
        text = units.quantity(taken.value or 0.0, "J") if None in bounds else _bounded(taken)
        where = one_line(grid.label(least))
        yield Text(f"least energy, {scope_name(metric)}: {text} a sample{f' at {where}' if where else ''}")
    of = f"of {counted(len(asked), 'cell')}"
    for doubt, cells in _counts(asked, lambda row: row.estimates[metric].doubt):
        text = f"? energy, {scope_name(metric)}: suspect in {cells} {of}, and not compared: {printable(doubt)}"
        yield Text(text, style="warning")
    for why, cells in _counts(asked, lambda row: _why_missing(row, metric)):
        some = f" in {cells} {of}" if cells < len(asked) else ""
        yield Text(f"energy, {scope_name(metric)}: unavailable{some} ({printable(why)})", style="quiet")
    estimated = [point.row for point in points if point.row.estimates[CPU_ESTIMATE].value is not None]
    if estimated:
        count = counted(len(estimated), "cell")
        yield Text(f"energy, CPU, estimated for {count}: stopwatt report and --json have it", style="quiet")


def _why_missing(row: Row, metric: str) -> str:
    return row.estimates[metric].why if row.estimates[metric].value is None else ""


def _counts(points: Sequence[Point], said: Callable[[Row], str]) -> list[tuple[str, int]]:
    """Each text that is not empty, with how many cells say it; the most frequent first."""
    return Counter(text for point in points if (text := said(point.row))).most_common(_MOST_REASONS)


_MOST_REASONS = 3


def _bounded(estimate: Estimate) -> str:
    """`117.8 mJ [117.0, 118.6]`."""
    return units.interval(estimate.value or 0.0, estimate.low or 0.0, estimate.high or 0.0, estimate.unit)
