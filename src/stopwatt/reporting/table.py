"""The table of `bench`: one block per workload and batch, rows by latency, what failed below."""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from stopwatt import units
from stopwatt.analyse.best import Best, best_per_batch
from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.row import Row
from stopwatt.metrics import ACCURACY
from stopwatt.records import Note, Precision, Scalar, Severity, Status
from stopwatt.reporting.accuracy import accuracy_lines
from stopwatt.reporting.batch_table import batch_tables
from stopwatt.reporting.cells import interval_cell, rate_cell, share_cell, tail_cell
from stopwatt.reporting.console import MISSING
from stopwatt.reporting.energy import energy_lines
from stopwatt.reporting.fitting import Fitting
from stopwatt.reporting.worst import worst_lines
from stopwatt.text import one_line, printable
from stopwatt.workloads.params import short_label


def render_bench(
    console: Console,
    every: Sequence[Row],
    notes: Sequence[Note],
    *,
    run: str,
    where: str,
    facts: Mapping[str, Scalar] | None = None,
) -> None:
    """Print a bench result: tables, what gave no result, what the reader must know, and where it is stored.

    Args:
        console: Where to.
        every: All rows, in the order in which workloads and batches shall appear.
        notes: Of the machine: true for all rows.
        run: Id of the run, or its beginning.
        where: Name of the results database.
        facts: Of the machine.
    """
    bests = best_per_batch(every)
    for (label, batch), best in bests.items():
        rows = [row for row in every if (row.cell.workload.label, row.cell.setup.batch) == (label, batch)]
        console.print(_heading(rows[0]))
        measured = sorted((row for row in rows if row.status is Status.OK), key=_latency)
        if measured:
            console.print(_table(measured, best))
        below = (
            *_not_measured([row for row in rows if row.trouble is not None]),
            *_apart(worst_lines(measured)),
            *_apart(accuracy_lines(measured)),
            *_apart(energy_lines(measured)),
        )
        for line in below:
            console.print(line)
        console.print()
    for line in (*batch_tables(every, facts or {}), *warning_lines(every, notes)):
        console.print(line)
    console.print(Text(f"stored as run {run} in {where}", style="quiet"))
    console.print(Text(f"  now: stopwatt show --run {run}, or stopwatt export {run}.csv --run {run}", style="quiet"))


def _apart(found: Iterable[RenderableType]) -> list[RenderableType]:
    """A blank line before what was asked for beside the table, where there is any."""
    lines = list(found)
    return [Text(), *lines] if lines else []


def _heading(row: Row) -> Text:
    setup = row.cell.setup
    rules = row.cell.protocol
    counts = f"{_counted(setup.threads, 'thread')}, {_counted(rules.rounds, 'round')}"
    about = f"batch {setup.batch}, {setup.device}, {counts}, boundary {rules.boundary}"
    return Text.assemble((one_line(short_label(row.cell.workload)), "bold"), f"\n{about}")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _table(rows: Sequence[Row], best: Best) -> Table:
    table = Fitting(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    time = _scale(rows, "latency")
    table.add_column("backend", min_width=11, overflow="fold")
    table.add_column("", no_wrap=True)
    table.add_column(f"latency {time.label}\nmedian [95 %]", justify="right", no_wrap=True)
    table.add_column(f"p99\n{time.label}", justify="right", no_wrap=True)
    table.add_column("samples\n/s", justify="right", no_wrap=True)
    table.add_column("x fp32 eager\n[95 %]", justify="right", no_wrap=True)
    table.add_column("peak\nMiB", justify="right", no_wrap=True)
    table.add_column("devi-\nation", justify="right", no_wrap=True)
    judged = any(row.estimates[ACCURACY].value is not None for row in rows)
    if judged:
        table.add_column("accu-\nracy", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in rows:
        is_best = row.cell.key in best.keys and best.decided
        table.add_row(*_cells(row, time, best, judged=judged), style="best" if is_best else "")
    return table


def _cells(row: Row, time: units.Scale, best: Best, *, judged: bool) -> list[str]:
    found = row.estimates
    memory = found["device_memory"] if found["device_memory"].value is not None else found["host_memory"]
    return [
        row.cell.setup.backend_label,
        f"{row.cell.setup.precision}{_mark(row)}",
        interval_cell(found["latency"], time),
        tail_cell(found["latency_p99"], time),
        rate_cell(found["throughput"]),
        _speedup(row),
        _whole(memory, 2**20),
        _deviation(found["deviation"]),
        *([share_cell(found[ACCURACY])] if judged else []),
        _verdict(row, best),
    ]


def _mark(row: Row) -> str:
    return " !" if any(counted.note.severity is Severity.WARNING for counted in row.notes) else ""


def _whole(estimate: Estimate, factor: float) -> str:
    return MISSING if estimate.value is None else f"{estimate.value / factor:.0f}"


def _deviation(estimate: Estimate) -> str:
    if estimate.value is None:
        return MISSING
    return "0" if estimate.value == 0 else f"{estimate.value:.0e}".replace("e-0", "e-").replace("e+00", "")


def _speedup(row: Row) -> str:
    ratio = row.speedup
    if ratio.value is None:
        return "1" if row.cell.setup.backend_label == "eager" and _is_reference(row) else MISSING
    if ratio.low is None or ratio.high is None:
        return units.column_value(ratio.value, units.Scale(1.0, ""))
    return units.column_interval(ratio.value, ratio.low, ratio.high, units.Scale(1.0, ""))


def _is_reference(row: Row) -> bool:
    return row.cell.setup.backend_label == "eager" and row.cell.setup.precision is Precision.FP32


def _verdict(row: Row, best: Best) -> str:
    if row.cell.key in best.keys and best.contenders > 1 and (best.decided or len(best.keys) > 1):
        return "best" if best.decided else "tied best"
    if _is_reference(row):
        return "reference"
    return str(row.speedup.verdict) if row.speedup.verdict else MISSING


def _latency(row: Row) -> float:
    return row.estimates["latency"].value or 0.0


def _scale(rows: Sequence[Row], metric: str) -> units.Scale:
    values = [row.estimates[metric].value for row in rows]
    return units.scale_for([value for value in values if value is not None], "s")


def _not_measured(rows: Sequence[Row]) -> list[Text]:
    """What went wrong, of setups and of single rounds; those that share a status and a reason share a line."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        assert row.trouble is not None  # noqa: S101  (the caller chose such rows)
        partly = row.status is Status.OK
        status = (
            f"{row.rounds_failed} of {row.rounds_ok + row.rounds_failed} rounds failed" if partly else row.status.value
        )
        reason = (status, row.trouble.what, row.trouble.now)
        groups.setdefault(reason, []).append(f"{row.cell.setup.backend_label} {row.cell.setup.precision}")
    lines = []
    for (status, what, now), setups in groups.items():
        style = "quiet" if status == Status.UNSUPPORTED else "failure"
        lines.append(Text.assemble((f"{status}: ", style), f"{', '.join(setups)}: {printable(what)}"))
        if now:
            lines.append(Text(f"  now: {printable(now)}"))
    return lines


def warning_lines(rows: Sequence[Row], notes: Sequence[Note]) -> list[Text]:
    """Each warning once, with how many setups have it."""
    counts: dict[str, int] = {}
    texts: dict[str, Note] = {}
    for row in rows:
        for counted in row.notes:
            texts.setdefault(counted.note.kind, counted.note)
            counts[counted.note.kind] = counts.get(counted.note.kind, 0) + 1
    for note in notes:
        texts[note.kind], counts[note.kind] = note, len(rows)
    lines = []
    for kind, note in texts.items():
        if note.severity is Severity.WARNING:
            now = f"\n  now: {printable(note.now)}" if note.now else ""
            text = f"! {counts[kind]} of {len(rows)} setups: {printable(note.text)}{now}"
            lines.append(Text(text, style="warning"))
    return lines
