"""Energy for people: a small table for each scope of which something was measured, and a line where nothing was."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from stopwatt import units
from stopwatt.analyse.best import Best, least_energy
from stopwatt.analyse.energy import scopes_of
from stopwatt.analyse.estimate import NOT_MEASURED, Estimate, Trust
from stopwatt.analyse.row import Row
from stopwatt.energy import SCOPES, Scope
from stopwatt.metrics import CPU_ESTIMATE
from stopwatt.reporting.cells import SUSPECT, interval_cell, value_cell
from stopwatt.reporting.fitting import Fitting
from stopwatt.text import printable


def energy_lines(rows: Sequence[Row]) -> Iterator[RenderableType]:
    """Tables and lines of energy, a blank line between two tables; nothing where nobody asked for it.

    Args:
        rows: Measured ones of one workload, batch and device: a setup tells them apart.
    """
    asked = [row for row in rows if row.cell.protocol.energy is not None]
    scopes = scopes_of(asked[0].cell.setup.device) if asked else ()
    blocks = [list(_of_scope(asked, scope, own=scope is scopes[0])) for scope in scopes]
    blocks.append(list(_estimated([row for row in rows if row.cell.protocol.cpu_watts is not None])))
    before = False
    for block in blocks:
        has_table = any(isinstance(line, Table) for line in block)
        yield from ([Text()] if before and has_table else [])
        yield from block
        before = before or bool(block)


def unavailable_lines(rows: Sequence[Row], metric: str, what: str) -> Iterator[Text]:
    """Why a metric is missing: a line for each reason, with the setups where it is not that of all."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.estimates[metric].value is None:
            reasons.setdefault(row.estimates[metric].why, []).append(setup_name(row))
    for why, setups in reasons.items():
        whose = f" for {', '.join(dict.fromkeys(setups))}" if len(setups) < len(rows) else ""
        yield Text(f"{what}: unavailable{whose} ({printable(why)})", style="quiet")


def suspect_lines(rows: Sequence[Row], metric: str, what: str) -> Iterator[Text]:
    """Why values of a metric are marked: a line for each reason, with the setups where it is not that of all."""
    doubts: dict[str, list[str]] = {}
    for row in rows:
        if row.estimates[metric].verdict is Trust.SUSPECT:
            doubts.setdefault(row.estimates[metric].doubt, []).append(setup_name(row))
    for doubt, setups in doubts.items():
        whose = f" of {', '.join(dict.fromkeys(setups))}" if len(setups) < len(rows) else ""
        yield Text(f"? {what}{whose}: suspect, and not compared: {printable(doubt)}", style="warning")


def setup_name(row: Row) -> str:
    """`eager fp32`: what tells a row from the others of its workload and batch."""
    return f"{row.cell.setup.backend_label} {row.cell.setup.precision}"


def _of_scope(rows: Sequence[Row], scope: Scope, *, own: bool) -> Iterator[RenderableType]:
    """A table, or why there is none; of what is not the device's `own` nothing where its meters said nothing."""
    metric, what = f"energy_{scope}", f"energy, {SCOPES[scope]}"
    known = [row for row in rows if row.estimates[metric].value is not None]
    if known:
        yield _table(rows, scope)
        yield from suspect_lines(rows, metric, what)
        net = f"energy_net_{scope}"
        yield from unavailable_lines([row for row in known if _says_why(row, net)], net, f"net {what}")
    silent = not own and all(row.estimates[metric].why == NOT_MEASURED for row in rows)
    if known or not (silent or scope is Scope.DRAM):  # few machines have a meter of their memory
        yield from unavailable_lines(rows, metric, what)


def _says_why(row: Row, metric: str) -> bool:
    """Whether a metric was looked for; memory has no net energy."""
    return metric in row.estimates and row.estimates[metric].why != NOT_MEASURED


@dataclass(frozen=True, slots=True)
class _Number:
    """A column of numbers: the metric that it shows, and how."""

    metric: str
    head: str
    cell: Callable[[Estimate], str]


def _table(rows: Sequence[Row], scope: Scope) -> Table:
    """Those with a measured energy first, the least before; then what is suspect, then what is missing."""
    metric = f"energy_{scope}"
    numbers = [number for number in _numbers(rows, scope) if _known(rows, number.metric)]
    ordered = sorted(rows, key=lambda row: _order(row.estimates[metric]))
    table = _headed(f"energy,\n{SCOPES[scope]}")
    for number in numbers:
        table.add_column(number.head, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    columns = [_aligned([number.cell(row.estimates[number.metric]) for row in ordered]) for number in numbers]
    best = least_energy(rows, metric)
    for row, *cells in zip(ordered, *columns, strict=True):
        verdict = _verdict(row, metric, best)
        table.add_row(*_setup(row), *cells, verdict, style="best" if verdict == _LEAST else "")
    return table


_LEAST = "least"


def _verdict(row: Row, metric: str, best: Best) -> str:
    if row.cell.key in best.keys and best.contenders > 1 and (best.decided or len(best.keys) > 1):
        return _LEAST if best.decided else f"tied {_LEAST}"
    return str(row.estimates[metric].verdict)


def _headed(head: str) -> Table:
    """A table with the columns of setups, as that of `bench` has them."""
    table = Fitting(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column(head, min_width=11, overflow="fold")
    table.add_column("", no_wrap=True)
    return table


def _setup(row: Row) -> tuple[str, str]:
    return row.cell.setup.backend_label, str(row.cell.setup.precision)


def _aligned(cells: Sequence[str]) -> list[str]:
    """With room for the mark of suspect values behind those that have none."""
    if not any(cell.endswith(SUSPECT) for cell in cells):
        return list(cells)
    return [cell if cell.endswith(SUSPECT) else cell + " " * len(SUSPECT) for cell in cells]


def _numbers(rows: Sequence[Row], scope: Scope) -> Iterator[_Number]:
    joules = scale_of(rows, f"energy_{scope}", "J")
    yield _Number(f"energy_{scope}", f"{joules.label}/sample\n[95 %]", lambda one: interval_cell(one, joules))
    yield _Number(f"energy_net_{scope}", f"net\n{joules.label}", lambda one: value_cell(one, joules))
    yield _Number(f"power_{scope}", "power\nW", lambda one: value_cell(one, _WATTS))
    yield _Number(f"efficiency_{scope}", "samples\n/J", lambda one: value_cell(one, _PLAIN))
    delay = scale_of(rows, f"energy_delay_{scope}", "J s")
    yield _Number(f"energy_delay_{scope}", f"energy-delay\n{delay.label}", lambda one: value_cell(one, delay))


_WATTS = units.Scale(1.0, "W")
_PLAIN = units.Scale(1.0, "")


def _known(rows: Sequence[Row], metric: str) -> bool:
    return any(metric in row.estimates and row.estimates[metric].value is not None for row in rows)


def _order(estimate: Estimate) -> tuple[int, float]:
    places = (Trust.MEASURED, Trust.SUSPECT, Trust.ESTIMATED, Trust.UNAVAILABLE)
    return places.index(estimate.verdict), estimate.value or 0.0


def scale_of(rows: Sequence[Row], metric: str, unit: str) -> units.Scale:
    """The unit of a column of a metric."""
    values = [row.estimates[metric].value for row in rows if metric in row.estimates]
    return units.scale_for([value for value in values if value is not None], unit)


def _estimated(rows: Sequence[Row]) -> Iterator[RenderableType]:
    """What follows from data sheets, never beside what was measured."""
    known = [row for row in rows if row.estimates[CPU_ESTIMATE].value is not None]
    if known:
        joules = scale_of(known, CPU_ESTIMATE, "J")
        table = _headed("energy,\nCPU")
        head = Text(f"estimated {joules.label}/sample\n[low, high]")  # a text: brackets before a letter are markup
        table.add_column(head, justify="right", no_wrap=True)
        for row in known:
            table.add_row(*_setup(row), interval_cell(row.estimates[CPU_ESTIMATE], joules))
        yield table
        for how in dict.fromkeys(row.estimates[CPU_ESTIMATE].method for row in known):
            yield Text(f"estimated, not measured: {printable(how)}", style="quiet")
    yield from unavailable_lines(rows, CPU_ESTIMATE, "energy, CPU, estimated")
