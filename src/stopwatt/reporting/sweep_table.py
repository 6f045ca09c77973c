"""What is printed after a sweep: few cells one by one, many by the axes that matter most. At most 40 lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from stopwatt import units
from stopwatt.analyse.analysis import Analysis
from stopwatt.analyse.energy import scope_name, shown_energy
from stopwatt.analyse.estimate import Estimate, counted
from stopwatt.analyse.findings import about, trouble
from stopwatt.analyse.grid import Grid, Point, place, shown
from stopwatt.analyse.pivot import Effect, effects_of, pivot_of
from stopwatt.metrics import ACCURACY
from stopwatt.records import Note, Status
from stopwatt.reporting.accuracy import about_accuracy
from stopwatt.reporting.cells import interval_cell, rate_cell, share_cell, tail_cell
from stopwatt.reporting.console import MISSING
from stopwatt.reporting.energy import scale_of
from stopwatt.reporting.findings import print_findings
from stopwatt.reporting.grid import Column
from stopwatt.reporting.grid import grid as listed
from stopwatt.reporting.pivot_table import LATENCY, Shown, pivot_lines, shortened
from stopwatt.reporting.sweep_energy import sweep_energy_lines
from stopwatt.reporting.table import warning_lines
from stopwatt.text import one_line, printable

MOST_LISTED = 20
"""Cells up to which each has a line."""
_MOST_COLUMNS = 6
_MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class Ending:
    """Where the results are.

    Attributes:
        run: Id of the run, or its beginning.
        where: Name of the results database.
    """

    run: str
    where: str


def render_sweep(console: Console, analysis: Analysis, notes: Sequence[Note], ending: Ending) -> None:
    """Print the result of a sweep: the grid, what was found, what failed, and the next command.

    Args:
        console: Where to.
        analysis: Of all cells.
        notes: Of the machine.
        ending: Where the results are.
    """
    found = analysis.grid
    measured = [point for point in found.points if point.row.status is Status.OK]
    console.print(_heading(found, len(measured)))
    if measured:
        for table in [_every(found, measured)] if len(measured) <= MOST_LISTED else _tables(found, measured):
            console.print(table)
        for text in about_accuracy([point.row for point in measured])[:_MOST_REASONS]:
            console.print(Text(text, style="quiet"))
        for line in sweep_energy_lines(found, measured):
            console.print(line)
        said = [finding for finding in analysis.findings if about(finding) not in _SAID_BELOW]
        console.print(Text("\nFindings", style="bold"))
        print_findings(console, said, more=f"all of them: stopwatt report --run {ending.run}")
    for line in (*_troubles(found), *warning_lines([point.row for point in found.points], notes)):
        console.print(line)
    console.print(Text(f"stored as run {ending.run} in {printable(ending.where)}", style="quiet"))
    console.print(
        Text(f"  now: stopwatt report --run {ending.run}, or stopwatt show --run {ending.run}", style="quiet")
    )


_SAID_BELOW = frozenset({trouble.NO_RESULT, trouble.ROUNDS_LOST, trouble.WARNING})
"""Findings that have lines of their own, with the remedy."""


def _heading(found: Grid, measured: int) -> Text:
    fixed = {name: value for name, value in found.fixed.items() if name in _SAID}
    axes = " x ".join(f"{len(axis.values)} {axis.name}" for axis in found.axes)
    cells = counted(len(found.points), "cell")
    counts = f"{measured} of {cells} measured" if measured < len(found.points) else cells
    about = ", ".join(filter(None, (counts + (f": {axes}" if axes else ""), place(fixed))))
    source = str(found.fixed.get("workload", "several workloads"))
    return Text.assemble((one_line(source), "bold"), f"\n{one_line(about)}")


_SAID = ("backend", "precision", "batch", "device", "threads", "boundary")


def _every(found: Grid, points: Sequence[Point]) -> Table:
    """A line a cell, in the order of the axes."""
    scale = _scale(points)
    order = {axis.name: {value: number for number, value in enumerate(axis.values)} for axis in found.axes}
    ordered = sorted(points, key=lambda point: [order[name].get(point.where.get(name, ""), -1) for name in order])
    names = [Column(axis.name, right=axis.numeric) for axis in found.axes]
    metric = shown_energy([point.row for point in points])
    joules = scale_of([point.row for point in points], metric, "J")
    heads = [f"latency {scale.label} [95 %]", f"p99 {scale.label}", "samples/s"]
    heads += [f"{scope_name(metric)} {joules.label}/sample [95 %]"] if metric else []
    judged = _judged(points)
    heads += ["accuracy"] if judged else []
    lines = [
        [
            *(
                str(shown(axis.name, point.where.get(axis.name, ""))) if axis.name in point.where else ""
                for axis in found.axes
            ),
            interval_cell(point.row.estimates["latency"], scale),
            tail_cell(point.row.estimates["latency_p99"], scale),
            rate_cell(point.row.estimates["throughput"]),
            *([interval_cell(point.row.estimates[metric], joules)] if metric else []),
            *([share_cell(point.row.estimates[ACCURACY])] if judged else []),
        ]
        for point in ordered
    ]
    return listed(
        "", (*names, *(Column(head, right=True, whole=True) for head in heads)), shortened(lines, MOST_LISTED)
    )


def _tables(found: Grid, points: Sequence[Point]) -> Iterator[RenderableType]:
    """What a reader chooses between as columns, against what matters most; then the two axes that matter most.

    Where energy was measured it takes the place of the latter, by the axes of the former: a screen holds no more.
    """
    effects = effects_of(found)
    sizes = [effect for effect in effects if effect.axis.numeric]
    choices = [effect for effect in effects if not effect.axis.numeric and len(effect.axis.values) <= _MOST_COLUMNS]
    pairs = [(sizes[0], choices[0])] if sizes and choices else []
    if len(sizes) > 1:
        shorter, longer = sorted(sizes[:2], key=lambda effect: (len(effect.axis.values), effect.span))
        pairs.append((longer, shorter))
    if not pairs:
        yield _every(found, points)
    metric = shown_energy([point.row for point in points])
    for rows, columns in pairs[:1] if metric else pairs:
        yield from pivot_lines(pivot_of(found, rows, _thinned(columns)), LATENCY, of=len(columns.axis.values))
    for rows, columns in pairs[:1] if metric else []:
        shown = pivot_of(found, rows, _thinned(columns), lambda row: row.estimates[metric].measured)
        of_energy = Shown(f"energy a sample, {scope_name(metric)},", "J")
        yield from pivot_lines(shown, of_energy, of=len(columns.axis.values))
    yield Text()
    yield _extremes(found, points)


def _thinned(effect: Effect) -> Effect:
    """With so many values as there is room for columns, evenly spread, the first and the last among them."""
    values, last = effect.axis.values, _MOST_COLUMNS - 1
    if len(values) <= _MOST_COLUMNS:
        return effect
    chosen = tuple(values[round(number * (len(values) - 1) / last)] for number in range(_MOST_COLUMNS))
    return replace(effect, axis=replace(effect.axis, values=chosen))


def _extremes(found: Grid, points: Sequence[Point]) -> Table:
    """The fastest and the slowest cell, and that with the most samples/s; each in a unit of its own."""
    chosen = {
        "lowest latency": min(points, key=lambda point: _value(point, "latency", inf)),
        "highest latency": max(points, key=lambda point: _value(point, "latency", 0.0)),
        "most samples/s": max(points, key=lambda point: _value(point, "throughput", 0.0)),
    }
    names = ["latency [95 %]", "p99", "samples/s"]
    judged = _judged(points)
    if judged:
        chosen["most accurate"] = max(points, key=lambda point: _value(point, ACCURACY, -1.0))
        names.append("accuracy")
    lines = [
        (
            what,
            found.label(point),
            _latency(point),
            _tail(point.row.estimates["latency_p99"]),
            rate_cell(point.row.estimates["throughput"]),
            *([share_cell(point.row.estimates[ACCURACY])] if judged else []),
        )
        for what, point in chosen.items()
    ]
    return listed("", ("", "cell", *(Column(head, right=True, whole=True) for head in names)), lines)


def _judged(points: Sequence[Point]) -> bool:
    """Whether accuracy was measured."""
    return any(point.row.answers is not None for point in points)


def _value(point: Point, metric: str, missing: float) -> float:
    value = point.row.estimates[metric].value
    return missing if value is None else value


def _latency(point: Point) -> str:
    found = point.row.estimates["latency"]
    if found.value is None:
        return MISSING
    if found.low is None or found.high is None:
        return units.quantity(found.value, "s")
    return units.interval(found.value, found.low, found.high, "s")


def _tail(estimate: Estimate) -> str:
    return tail_cell(estimate, _ANY) if estimate.value is None else units.quantity(estimate.value, "s")


_ANY = units.Scale(1.0, "s")


def _scale(points: Sequence[Point]) -> units.Scale:
    values = [point.row.estimates["latency"].value for point in points]
    return units.scale_for([value for value in values if value is not None], "s")


def _troubles(found: Grid) -> list[Text]:
    """Why cells gave no result, in all of their rounds or in some: reasons by how often they occur."""
    groups: dict[tuple[str, str, str], list[Point]] = {}
    for point in found.points:
        cause = point.row.trouble
        if cause is not None:
            status = "some rounds failed" if point.row.status is Status.OK else str(point.row.status)
            groups.setdefault((status, cause.what, cause.now), []).append(point)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    lines = []
    for (status, what, now), points in ordered[:_MOST_REASONS]:
        style = "quiet" if status == Status.UNSUPPORTED else "failure"
        example = f"{'such as ' if len(points) > 1 else ''}{one_line(found.label(points[0]))}: "
        lines.append(
            Text.assemble((f"{status}: ", style), f"{counted(len(points), 'cell')}, {example}", printable(what))
        )
        if now:
            lines.append(Text(f"  now: {printable(now)}"))
    if len(ordered) > _MOST_REASONS:
        rest = sum(len(points) for _, points in ordered[_MOST_REASONS:])
        reasons = counted(len(ordered) - _MOST_REASONS, "more reason")
        lines.append(Text(f"{reasons}, {counted(rest, 'cell')}", style="failure"))
    return lines
