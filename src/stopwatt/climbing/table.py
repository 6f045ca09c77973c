"""A ladder, for people."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from stopwatt.analyse.estimate import Estimate, counted
from stopwatt.analyse.findings.words import listed
from stopwatt.analyse.row import Row as Summary
from stopwatt.climbing.rungs import Gain, Ladder, Marginal
from stopwatt.metrics import ACCURACY, ACCURACY_LOSS
from stopwatt.records import Note, Severity, Status
from stopwatt.reporting.accuracy import about_accuracy, accuracy_cell, accuracy_warnings, loss_cell
from stopwatt.reporting.cells import interval_cell, tail_cell
from stopwatt.reporting.console import MISSING
from stopwatt.reporting.energy import energy_lines
from stopwatt.reporting.grid import Column, Row, grid
from stopwatt.reporting.operators.changes import changes_line
from stopwatt.stats.ratios import Ratio, Verdict
from stopwatt.text import printable
from stopwatt.units import Scale, column_interval, column_value, interval, percent, scale_for
from stopwatt.workloads.params import short_label

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_TIMES = Scale(1.0, "")


def render_ladder(console: "Console", found: Ladder, notes: Sequence[Note], *, run: str, where: str) -> None:
    """Print the rungs, what they are together, and what overlaps."""
    if found.base is not None:
        setup = found.base.cell.setup
        about = f"{setup.label}, {counted(setup.threads, 'thread')}"
        console.print(Text(printable(f"{short_label(found.base.cell.workload)}, from {about}"), style="bold"))
    console.print(_gains(found))
    console.print()
    console.print(_measured(found))
    rows = [found.base, *(one.row for one in found.gains)]
    for line in energy_lines([row for row in rows if row is not None and row.status is Status.OK]):
        console.print(line)
    for part in _judged(found):
        console.print(part)
    _render_graphs(console, found)
    for sentence in sentences(found):
        console.print(Text(f"- {printable(sentence)}"))
    for note in (note for note in notes if note.severity is Severity.WARNING):
        now = f"; now: {note.now}" if note.now else ""
        console.print(Text(printable(f"! {note.text}{now}"), style="warning"))
    console.print()
    console.print(Text(f"stored as run {run} in {where}", style="quiet"))


def _render_graphs(console: "Console", found: Ladder) -> None:
    """What each step did to the graph, a line each."""
    told = [(one.step.name, one.graph) for one in found.gains if one.graph is not None]
    if not told:
        return
    console.print()
    rows = [Row([name, changes_line(graph.changes) if graph.changes else graph.why]) for name, graph in told]
    console.print(grid("", [Column("step", whole=True), Column("what it does to the graph")], rows))


def _gains(found: Ladder) -> "Table":
    heads = ("alone x", "on top x", "so far x", "share")
    whole = math.log(found.whole.value) if found.whole.value and found.whole.value != 1 else None
    rows = [
        Row(
            [
                one.step.name,
                _times(one.alone),
                _times(one.on_top),
                _times(one.so_far) if one.kept else "",
                _share(one, whole),
                "yes" if one.kept else "no",
            ],
            quiet=not one.kept,
        )
        for one in found.gains
    ]
    return grid("", [Column("step", whole=True), *(Column(head, right=True) for head in heads), "kept"], rows)


def _measured(found: Ladder) -> "Table":
    """What was measured of the base, and with the steps up to each one."""
    known = _known(found)
    medians = [row.estimates["latency"].value for _, row in known]
    time = scale_for([value for value in medians if value is not None], "s")
    heads = (f"latency {time.label}", f"p99 {time.label}", "peak MiB", "deviation")
    rows = [Row([name, *_cells(row, time)]) for name, row in known]
    return grid("", [Column("up to step", whole=True), *(Column(head, right=True) for head in heads)], rows)


def _known(found: Ladder) -> list[tuple[str, Summary]]:
    """The base, and each step with what was measured up to it."""
    steps = [("base", found.base), *((one.step.name, one.row) for one in found.gains)]
    return [(name, row) for name, row in steps if row is not None and row.status is Status.OK]


def _judged(found: Ladder) -> "Iterator[Table | Text]":
    """Accuracy up to each step, and what it is of; nothing where nobody asked for it."""
    known = [(name, row) for name, row in _known(found) if row.answers is not None]
    if not known:
        return
    rows = [Row([name, *_accuracy(row)]) for name, row in known]
    heads = (Column(head, right=True) for head in ("accuracy [95 %]", "lost to the base [95 %]"))
    yield Text()
    yield grid("", [Column("up to step", whole=True), *heads], rows)
    judged = [row for _, row in known]
    yield from (Text(line, style="quiet") for line in about_accuracy(judged))
    yield from accuracy_warnings(judged)


def _cells(row: Summary, time: Scale) -> Sequence[str]:
    found = row.estimates
    memory = found["device_memory"] if found["device_memory"].value is not None else found["host_memory"]
    latency, p99 = interval_cell(found["latency"], time), tail_cell(found["latency_p99"], time)
    return latency, p99, _bare(memory, 2.0**20), _bare(found["deviation"], 1.0)


def _accuracy(row: Summary) -> Sequence[str]:
    return accuracy_cell(row.estimates[ACCURACY]), loss_cell(row.estimates[ACCURACY_LOSS])


def _bare(found: Estimate, factor: float) -> str:
    if found.value is None:
        return MISSING
    return "0" if found.value == 0 else f"{found.value / factor:.3g}"


def _times(ratio: Ratio) -> str:
    if ratio.value is None:
        return MISSING
    if ratio.low is None or ratio.high is None:
        return column_value(ratio.value, _TIMES)
    return column_interval(ratio.value, ratio.low, ratio.high, _TIMES)


def _share(one: Gain, whole: float | None) -> str:
    return MISSING if one.share is None or whole is None else percent(one.share.mean / whole)


def sentences(found: Ladder) -> list[str]:
    """What a reader must know: the whole first."""
    said = [_whole(found), *_rival(found), *_alone_without_result(found), *_few_orders(found)]
    said += [
        f"{one.step.name} buys {_marginal(one.least)}, but {_marginal(one.most)}"
        for one in found.gains
        if one.overlaps and one.least is not None and one.most is not None
    ]
    lost = [f"{one.step.name} ({one.why_not})" for one in found.gains if not one.kept]
    said += [f"not kept: {'; '.join(lost)}"] if lost else []
    return said


def _rival(found: Ladder) -> Iterator[str]:
    """What is faster than the end: a ladder drops a step before it knows what comes after."""
    rival = found.rival
    if rival is not None:
        yield (
            f"measured on the way, and faster than this end: {rival.row.cell.setup.label}, "
            f"{_with_interval(rival.whole)} beside the base, {_with_interval(rival.ahead)} beside the end (a step that "
            "does not help on top of those before it may help under those after it: try another order)"
        )


def _alone_without_result(found: Ladder) -> Iterator[str]:
    """Why a step that was tried on top of others has no gain of its own."""
    lacking = [one for one in found.gains if one.alone.value is None and one.on_top.value is not None]
    if lacking:
        yield f"not measured alone: {'; '.join(f'{one.step.name} ({one.alone.why})' for one in lacking)}"


def _few_orders(found: Ladder) -> Iterator[str]:
    """Shares that are means over fewer orders than others: then they need not add up to the whole."""
    few: dict[int, list[str]] = {}
    for one in found.gains:
        if one.share is not None and one.share.orders < found.orders:
            few.setdefault(one.share.orders, []).append(one.step.name)
    for orders, names in few.items():
        yield (
            f"the share of {listed(names)} is that in {orders} of {counted(found.orders, 'order')}: the others pass "
            "through setups that gave no result, so that shares need not add up to the whole"
        )


def _marginal(found: Marginal) -> str:
    on = f"on top of {listed([one.name for one in found.on])}" if found.on else "on the base"
    return f"{_with_interval(found.ratio)} {on}"


def _with_interval(ratio: Ratio) -> str:
    if ratio.value is None:
        return MISSING
    if ratio.low is None or ratio.high is None:
        return f"{ratio.value:.3g} x"
    return interval(ratio.value, ratio.low, ratio.high, "x")


def _whole(found: Ladder) -> str:
    ratio = found.whole
    if ratio.value is None or found.end is None:
        return f"no gain of the whole is known: {ratio.why}"
    words = {Verdict.FASTER: "faster than", Verdict.SLOWER: "of the speed of", Verdict.EQUIVALENT: "as fast as"}
    word = words.get(ratio.verdict, "not told apart from") if ratio.verdict else "not judged beside"
    return f"{found.end.cell.setup.label}: {_with_interval(ratio)}, {word} the base"
