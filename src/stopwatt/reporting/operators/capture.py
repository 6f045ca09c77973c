"""What `ops capture` returns, in every form in which people look at it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stopwatt import units
from stopwatt.operators.capture import Capture
from stopwatt.operators.formulas import work_of
from stopwatt.operators.operator import Operator
from stopwatt.operators.summary import counts_of
from stopwatt.records import Cell, Status, Trouble
from stopwatt.reporting.grid import Column, grid
from stopwatt.reporting.operators.capture_document import captures_document
from stopwatt.reporting.operators.explain_sentences import counted
from stopwatt.reporting.operators.shown import Shown
from stopwatt.reporting.result import PartlyFailed, TimedOut
from stopwatt.text import one_line, printable
from stopwatt.workloads.params import short_label

MOST_ROWS = 18
"""Kinds of operators, modules or kernels that get a row of their own."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A capture that did not come about."""

    cell: Cell
    status: Status
    trouble: Trouble
    log: str = ""


@dataclass(frozen=True, slots=True)
class CaptureResult(Shown):
    """What `ops capture` returns.

    Attributes:
        captures: In the order in which they were asked for.
        failed: What could not be captured.
        files: Summary files that were written.
    """

    captures: tuple[Capture, ...]
    failed: tuple[Failed, ...] = ()
    files: tuple[str, ...] = field(default=(), kw_only=True)

    def __iter__(self) -> Iterator[Capture]:
        """The captures.

        Raises:
            PartlyFailed: One of them did not come about.
        """
        self.raise_for_status(strict=True)
        return iter(self.captures)

    def print_to(self, console: Console) -> None:
        """Print on a console."""
        for capture in self.captures:
            _show(console, capture)
        for one in self.failed:
            label = f"{short_label(one.cell.workload)} · {one.cell.setup.label}"
            console.print(Text(one_line(f"{label}: {one.status} - {one.trouble.what}"), style="failure"))
        for name in self.files:
            console.print(Text(f"written: {printable(name)}", style="quiet"))
        if self.captures:
            console.print(Text("next: stopwatt ops measure", style="quiet"))

    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        failed = [
            {"workload": one.cell.workload.label, "setup": one.cell.setup.label, "status": str(one.status)}
            | {"what": one.trouble.what, "when": one.trouble.when, "now": one.trouble.now}
            for one in self.failed
        ]
        return captures_document(self.captures) | {"failed": failed, "files": list(self.files)}

    def raise_for_status(self, *, strict: bool = False) -> None:
        """Raise if a capture failed that could have been made, or if there is none at all.

        Args:
            strict: Also where a backend does not support what was asked for.

        Raises:
            PartlyFailed: Which, and why the first of them failed.
        """
        bad = [one for one in self.failed if strict or one.status is not Status.UNSUPPORTED]
        bad = bad or (list(self.failed) if not self.captures else [])
        if not bad:
            return
        kind = TimedOut if all(one.status is Status.TIMEOUT for one in bad) else PartlyFailed
        first = bad[0]
        what = first.trouble.what
        if len(self.failed) + len(self.captures) > 1:
            what = f"{len(bad)} of {len(self.failed) + len(self.captures)} captures failed; the first: {what}"
        when = ", ".join(filter(None, (first.cell.label, first.trouble.when)))
        now = first.trouble.now.removesuffix("the traceback stands at the end of its log: stopwatt show ID")
        raise kind(what, when=when, now=now or _last_lines(first.log))


def _last_lines(log: str) -> str:
    """Where the model's own code failed."""
    lines = [line for line in log.strip().splitlines() if line.strip().startswith("File ") and "/stopwatt/" not in line]
    return f"see {lines[-1].strip()}" if lines else "call the model once by hand with the inputs of the workload"


def _show(console: Console, capture: Capture) -> None:
    calls, distinct = int(capture.sequence.size), len(capture.operators)
    found = [f"{calls} calls of {distinct} different operators"] if calls else []
    found += [f"{sum(one.count for one in capture.kernels):g} kernels"] if capture.kernels else []
    head = f"{short_label(capture.workload)} · {capture.setup.label}"
    console.print(Text(printable(f"{head}: {', '.join(found) or 'nothing was seen'}"), style="table.title"))
    for there, table in (
        (capture.operators, _operators_table),
        (capture.leaves, _modules_table),
        (capture.kernels, _kernels_table),
    ):
        if there:
            console.print()
            console.print(table(capture))
    console.print()
    for line in _lines(capture):
        console.print(Text(printable(line)))
    console.print()


def _operators_table(capture: Capture) -> Table:
    """Operators by name, those that are called most often first."""
    named: dict[str, list[tuple[Operator, int]]] = {}
    for one, count in zip(capture.operators, counts_of(capture), strict=True):
        named.setdefault(_short(one), []).append((one, count))
    total = max(1, int(capture.sequence.size))
    ranked = sorted(named.items(), key=lambda item: -sum(count for _, count in item[1]))
    rows = [_operator_row(name, found, total) for name, found in ranked[:MOST_ROWS]]
    rest = [pair for _, found in ranked[MOST_ROWS:] for pair in found]
    if rest:
        rows.append(_operator_row(f"{len(ranked) - MOST_ROWS} others", rest, total, family=""))
    columns: list[Column | str] = [
        "operator", "family", Column("calls", right=True), Column("% of calls", right=True),
        Column("different", right=True), "cannot be called by itself",
    ]  # fmt: skip
    if not any(one.obstacle for one in capture.operators):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    return grid("", columns, rows)


def _operator_row(
    name: str, found: Sequence[tuple[Operator, int]], total: int, family: str | None = None
) -> tuple[str, ...]:
    calls = sum(count for _, count in found)
    family = str(work_of(found[0][0]).family) if family is None else family
    obstacles = ", ".join(dict.fromkeys(one.obstacle for one, _ in found if one.obstacle))
    return name, family or " ", str(calls), f"{100 * calls / total:.1f}", str(len(found)), obstacles or " "


def _short(operator: Operator) -> str:
    """`linear` of `aten.linear.default`, `mine.twist` of `mine.twist.default`."""
    return operator.name.removesuffix(".default").removeprefix("aten.")


def _modules_table(capture: Capture) -> Table:
    """Calls of leaf modules by class."""
    kinds = Counter(capture.modules[one.module].kind for one in capture.leaves)
    inside: Counter[str] = Counter()
    different: dict[str, set[int]] = {}
    for one in capture.leaves:
        inside[capture.modules[one.module].kind] += one.end - one.begin
        different.setdefault(capture.modules[one.module].kind, set()).add(one.module)
    total = max(1, int(capture.sequence.size))
    rows = [
        (kind, str(count), str(len(different[kind])), str(inside[kind]), f"{100 * inside[kind] / total:.1f}")
        for kind, count in kinds.most_common(MOST_ROWS)
    ]
    hidden = len(kinds) - len(rows)
    if hidden > 0:
        rows.append((f"{hidden} others", "", "", "", ""))
    outside = int(capture.sequence.size) - sum(inside.values())
    rows.append(("outside of all leaf modules", " ", " ", str(outside), f"{100 * outside / total:.1f}"))
    columns = (
        "leaf module", Column("calls", right=True), Column("modules", right=True),
        Column("operators inside", right=True), Column("% of operator calls", right=True),
    )  # fmt: skip
    return grid("", columns, rows)


def _kernels_table(capture: Capture) -> Table:
    """Kernels by kind, the slowest first."""
    kinds: dict[str, list[float]] = {}
    for one in capture.kernels:
        known = kinds.setdefault(one.kind, [0.0, 0.0])
        known[0] += one.count
        known[1] += one.seconds
    total = sum(seconds for _, seconds in kinds.values()) or 1.0
    ranked = sorted(kinds.items(), key=lambda item: -item[1][1])
    scale = units.scale_for([seconds for _, seconds in kinds.values()], "s")
    rows = [
        (kind, f"{count:g}", units.column_value(seconds, scale), f"{100 * seconds / total:.1f}")
        for kind, (count, seconds) in ranked[:MOST_ROWS]
    ]
    if len(ranked) > MOST_ROWS:
        count, seconds = (sum(values[place] for _, values in ranked[MOST_ROWS:]) for place in (0, 1))
        share = f"{100 * seconds / total:.1f}"
        rows.append((f"{len(ranked) - MOST_ROWS} others", f"{count:g}", units.column_value(seconds, scale), share))
    columns = (
        "kernel, as the runtime's own profiler has it",
        Column("calls", right=True),
        Column(scale.label, right=True),
        Column("%", right=True),
    )
    return grid("", columns, rows)


def _lines(capture: Capture) -> Iterator[str]:
    """What is to be said in words."""
    if capture.gaps_ns.size:
        gaps_s = float(capture.gaps_ns.sum()) / 1e9
        share = gaps_s / capture.seconds["forward"]
        yield (
            f"Between operators, on the host: {units.quantity(gaps_s, 's')} a call, "
            f"{units.percent(share)} of a plain call ({units.quantity(capture.seconds['forward'], 's')})"
        )
    barred = [(one, count) for one, count in zip(capture.operators, counts_of(capture), strict=True) if one.obstacle]
    if barred:
        calls = sum(count for _, count in barred)
        which = f"{counted(len(barred), 'operator')}, {counted(calls, 'call')}"
        yield f"Cannot be called by themselves, so there are no times for them: {which}"
    for note in capture.notes:
        yield f"note: {note}"
