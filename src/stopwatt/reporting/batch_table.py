"""What a batch brings each setup, as a table for people: knee, most samples/s, least energy, and where memory ends."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from stopwatt import units
from stopwatt.analyse.batches import LATENCY, BatchLine, Knee, batch_lines_of_rows
from stopwatt.analyse.memorylimit import MemoryLimit
from stopwatt.analyse.rate import Rate
from stopwatt.analyse.row import Row
from stopwatt.records import Scalar
from stopwatt.reporting.cells import SUSPECT, interval_cell
from stopwatt.reporting.console import MISSING
from stopwatt.reporting.energy import setup_name
from stopwatt.reporting.fitting import Fitting
from stopwatt.stats.saturation import DOUBLING, Course
from stopwatt.text import one_line
from stopwatt.workloads.params import short_label

_RATE = units.Scale(1.0, "")
_NOISY = 10
"""High / low end of an interval from which on its ends say nothing."""


def batch_tables(rows: Sequence[Row], facts: Mapping[str, Scalar]) -> Iterator[RenderableType]:
    """A table for each workload of which a setup was asked for in three batch sizes or more, a blank line after each.

    Args:
        rows: All of a bench.
        facts: Of the machine.
    """
    by_workload: dict[str, list[BatchLine]] = {}
    for one in batch_lines_of_rows(rows, facts):
        by_workload.setdefault(one.row.cell.workload.label, []).append(one)
    for found in by_workload.values():
        yield _heading(found)
        yield _table(found)
        yield from _remarks(found)
        yield Text()


def _heading(found: Sequence[BatchLine]) -> Text:
    sizes = sorted({point.row.cell.setup.batch for one in found for point in one.line.points})
    name = one_line(short_label(found[0].row.cell.workload))
    return Text.assemble((name, "bold"), f"\nover batch, {sizes[0]} to {sizes[-1]}")


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: its head, and what it says of a line."""

    head: str
    cell: Callable[[BatchLine], str]
    right: bool = True


def _table(found: Sequence[BatchLine]) -> Table:
    table = Fitting(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("backend", min_width=11, overflow="fold")
    table.add_column("", no_wrap=True)
    columns = [column for column in _columns(found) if any(column.cell(one) != MISSING for one in found)]
    for column in columns:
        table.add_column(column.head, justify="right" if column.right else "left", no_wrap=True)
    for one in sorted(found, key=lambda one: 0.0 if one.best is None else -one.best.value):
        setup = one.row.cell.setup
        table.add_row(setup.backend_label, str(setup.precision), *(column.cell(one) for column in columns))
    return table


def _columns(found: Sequence[BatchLine]) -> Iterator[_Column]:
    yield _Column("knee:\nbatch [95 %]", lambda one: knee_cell(one.knee))
    yield _Column("most\nsamples/s [95 %]", lambda one: MISSING if one.best is None else _rate(one.best))
    yield _Column("at\nbatch", lambda one: MISSING if one.best is None else str(one.best.batch))
    taken = [one.energy.estimate.value for one in found if one.energy is not None and one.energy.estimate.value]
    joules = units.scale_for(taken, "J")
    yield _Column(
        f"least {joules.label}\n/sample [95 %]",
        lambda one: MISSING if one.energy is None else interval_cell(one.energy.estimate, joules),
    )
    yield _Column("at\nbatch", lambda one: MISSING if one.energy is None else str(one.energy.batch))
    yield _Column("largest\nthat ran", lambda one: MISSING if one.memory.ran is None else str(one.memory.ran))
    yield _Column("did\nnot fit", lambda one: _failed_cell(one.memory), right=False)


def knee_cell(knee: Knee) -> str:
    """`16 [8, 32]`; where there is no knee, a word that the lines below the table explain."""
    if knee.batch is None:
        return MISSING if knee.course is Course.UNKNOWN else str(knee.course)
    if knee.course is Course.FLAT:
        return f"{knee.batch}, flat"
    return str(knee.batch) if knee.low == knee.high else f"{knee.batch} [{knee.low}, {knee.high}]"


def _rate(rate: Rate) -> str:
    if rate.low is None or rate.high is None:
        return units.column_value(rate.value, _RATE)
    return units.column_interval(rate.value, rate.low, rate.high, _RATE)


def _failed_cell(memory: MemoryLimit) -> str:
    """`128`, or `128 ?` where it was only killed, probably for lack of memory."""
    if memory.failed is None:
        return MISSING
    return f"{memory.failed}{SUSPECT if memory.probable else ''}"


def _remarks(found: Sequence[BatchLine]) -> Iterator[Text]:
    for course, says in _COURSES.items():
        of = [one for one in found if one.knee.course is course]
        if of:
            told = ", ".join(f"{setup_name(one.row)}{_growth(one.knee)}" for one in of)
            yield Text(f"{course}: {says}: {told}", style="quiet")
    unknown: dict[str, list[str]] = {}
    for one in found:
        if one.knee.course is Course.UNKNOWN:
            unknown.setdefault(one.knee.why, []).append(setup_name(one.row))
    for why, names in unknown.items():
        yield Text(f"no knee for {', '.join(names)}: {why}", style="quiet")
    if any(one.metric == LATENCY for one in found):
        yield Text("samples/s are batch / latency, of one call at a time", style="quiet")
    yield from _of_memory(found)


def _of_memory(found: Sequence[BatchLine]) -> Iterator[Text]:
    left = [one for one in found if one.memory.not_tried]
    if left:
        names = ", ".join(f"{setup_name(one.row)} {_listed(one.memory.not_tried)}" for one in left)
        yield Text(f"not tried, because a smaller batch did not fit into memory: {names}", style="quiet")
    if any(one.memory.probable for one in found):
        yield Text("? killed, probably by the kernel for lack of memory", style="quiet")
    told = [(one, one.memory.reach) for one in found if one.memory.reach.batch is not None]
    if told:
        names = ", ".join(f"{setup_name(one.row)} {full.batch} [{full.low}, {full.high}]" for one, full in told)
        yield Text(
            f"not measured: the batch at which memory would be full, by memory per sample: {names}", style="quiet"
        )


def _listed(batches: Sequence[int]) -> str:
    return str(batches[0]) if len(batches) == 1 else f"{batches[0]} to {batches[-1]}"


_COURSES = {
    Course.RISING: f"the last doubling of the batch brings at least {100 * DOUBLING:.0f} % more samples/s",
    Course.OPEN: "the intervals do not tell whether samples/s still rise; more rounds do",
    Course.FLAT: "a larger batch does not pay",
}


def _growth(knee: Knee) -> str:
    """What the last doubling brings; nothing where that is not the point."""
    if knee.course is Course.FLAT or knee.growth is None or knee.growth_low is None or knee.growth_high is None:
        return ""
    if knee.growth_high > _NOISY * knee.growth_low:
        return f" (not known to a factor of {_NOISY})"
    low, high = units.change(knee.growth_low), units.change(knee.growth_high)
    return f" ({units.change(knee.growth)} [{low}, {high}])"
