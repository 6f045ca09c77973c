"""The table of `bench`: one block per workload and batch, rows by latency, what failed below."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stopwatt import units
from stopwatt.analyse.best import Best, best_per_batch
from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.row import Row
from stopwatt.records import Precision, Severity, Status
from stopwatt.workloads.params import short_label

if TYPE_CHECKING:
    from stopwatt.api import BenchResult

MISSING = "-"


def render_bench(console: Console, result: "BenchResult") -> None:
    """Print a bench result: tables, what gave no result, what the reader must know, and where it is stored."""
    bests = best_per_batch(result.rows)
    for (label, batch), best in bests.items():
        rows = [row for row in result.rows if (row.cell.workload.label, row.cell.setup.batch) == (label, batch)]
        console.print(_heading(rows[0]))
        measured = sorted((row for row in rows if row.status is Status.OK), key=_latency)
        if measured:
            console.print(_table(measured, best))
        for line in _not_measured([row for row in rows if row.status is not Status.OK]):
            console.print(line)
        console.print()
    for line in _footnotes(result):
        console.print(line)


def _heading(row: Row) -> Text:
    setup = row.cell.setup
    rules = row.cell.protocol
    threads = f"{setup.threads} thread" + ("s" if setup.threads > 1 else "")
    about = f"batch {setup.batch}, {setup.device}, {threads}, {rules.rounds} rounds, boundary {rules.boundary}"
    return Text.assemble((short_label(row.cell.workload), "bold"), f"\n{about}")


def _table(rows: Sequence[Row], best: Best) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    latency = _scale(rows, "latency")
    tail = _scale(rows, "latency_p99")
    table.add_column("setup", no_wrap=False, max_width=25)
    table.add_column(f"latency {latency.label}\nmedian [95 %]", justify="right", no_wrap=True)
    table.add_column(f"p99\n{tail.label}", justify="right", no_wrap=True)
    table.add_column("through-\nput /s", justify="right", no_wrap=True)
    table.add_column("x fp32 eager\n[95 %]", justify="right", no_wrap=True)
    table.add_column("memory\nMiB", justify="right", no_wrap=True)
    table.add_column("devia-\ntion", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in rows:
        is_best = row.cell.key in best.keys and best.decided
        table.add_row(*_cells(row, latency, tail, best), style="best" if is_best else "")
    return table


def _cells(row: Row, latency: units.Scale, tail: units.Scale, best: Best) -> list[str]:
    found = row.estimates
    memory = found["device_memory"] if found["device_memory"].value is not None else found["host_memory"]
    return [
        f"{row.cell.setup.backend_label} {row.cell.setup.precision}" + _mark(row),
        _with_interval(found["latency"], latency),
        _tail(found["latency_p99"], tail),
        _plain(found["throughput"], units.Scale(1.0, "")),
        _speedup(row),
        _whole(memory, 2**20),
        _deviation(found["deviation"]),
        _verdict(row, best),
    ]


def _mark(row: Row) -> str:
    return " !" if any(counted.note.severity is Severity.WARNING for counted in row.notes) else ""


def _with_interval(estimate: Estimate, scale: units.Scale) -> str:
    if estimate.value is None:
        return MISSING
    if estimate.low is None or estimate.high is None:
        return _plain(estimate, scale)
    return units.column_interval(estimate.value, estimate.low, estimate.high, scale)


def _plain(estimate: Estimate, scale: units.Scale) -> str:
    if estimate.value is None:
        return MISSING
    half = None if estimate.low is None or estimate.high is None else (estimate.high - estimate.low) / 2
    return units.column_value(estimate.value, scale, half_width=half)


def _tail(estimate: Estimate, scale: units.Scale) -> str:
    if estimate.value is None:
        return f"needs {estimate.needs}" if estimate.needs is not None else MISSING
    return units.column_value(estimate.value, scale)


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
    if row.cell.key in best.keys and best.contenders > 1:
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
    """Setups that share a status and a reason share a line."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        trouble = row.trouble
        reason = (row.status.value, trouble.what if trouble else "", trouble.now if trouble else "")
        groups.setdefault(reason, []).append(f"{row.cell.setup.backend_label} {row.cell.setup.precision}")
    lines = []
    for (status, what, now), setups in groups.items():
        style = "quiet" if status == Status.UNSUPPORTED else "failure"
        lines.append(Text.assemble((f"{status}: ", style), f"{', '.join(setups)}: {what}"))
        if now:
            lines.append(Text(f"  now: {now}"))
    return lines


def _footnotes(result: "BenchResult") -> list[Text]:
    lines = [Text(f"! {text}", style="warning") for text in _warnings(result)]
    lines += [
        Text(f"! {note.text}\n  now: {note.now}", style="warning") for note in result.notes if _warns(note.severity)
    ]
    run = result.run.id[:8]
    lines.append(
        Text(
            f"run {run} in {result.where}: stopwatt show --run {run}; stopwatt export {run}.csv --run {run}",
            style="quiet",
        )
    )
    return lines


def _warns(severity: Severity) -> bool:
    return severity is Severity.WARNING


def _warnings(result: "BenchResult") -> list[str]:
    """Each warning once, with the setups that have it."""
    setups: dict[str, list[str]] = {}
    firsts: dict[str, str] = {}
    for row in result.rows:
        for counted in row.notes:
            note = counted.note
            if not _warns(note.severity):
                continue
            firsts.setdefault(note.kind, note.text + (f"\n  now: {note.now}" if note.now else ""))
            setups.setdefault(note.kind, []).append(row.cell.setup.label)
    return [f"{len(setups[kind])} of {len(result.rows)} setups: {text}" for kind, text in firsts.items()]
