"""The worst case for people: the longest trial first, then how often each deadline was and may be missed."""

from collections.abc import Iterator, Sequence
from itertools import chain

from rich.console import RenderableType
from rich.text import Text

from stopwatt import units
from stopwatt.analyse.findings.words import listed
from stopwatt.analyse.labels import RAN
from stopwatt.analyse.row import Row
from stopwatt.analyse.worst import Miss, WorstCase
from stopwatt.reporting.grid import Column, grid
from stopwatt.stats.extreme import LEAST_TRIALS

_WIDENED = " *"


def worst_lines(rows: Sequence[Row]) -> Iterator[RenderableType]:
    """Tables and footnotes for the rows that have worst cases; nothing where none has.

    Args:
        rows: Of one workload and batch: a setup tells them apart.
    """
    cases = [(_setup(row), case) for row in rows for case in row.worst]
    if not cases:
        return
    yield _maxima(cases)
    if any(case.deadlines for _, case in cases):
        yield Text()
        yield _deadlines(cases)
    yield from (Text(line, style="quiet") for line in dict.fromkeys(chain(*(_remarks(*one) for one in cases))))


def labelled_line(case: WorstCase) -> str:
    """`of the 3,000 trials 312 ran power-capped; the longest one ran power-capped`; empty where none has a label."""
    if not case.labelled:
        return ""
    told = listed([f"{count:,} {RAN[label]}" for label, count in case.labelled.items()])
    longest = listed([RAN[label] for label in case.max_labels]) if case.max_labels else "had none of these"
    return f"of the {case.n:,} trials {told}; the longest one {longest}"


def _setup(row: Row) -> str:
    return f"{row.cell.setup.backend_label} {row.cell.setup.precision}"


def _maxima(cases: Sequence[tuple[str, WorstCase]]) -> RenderableType:
    paced = _is_paced(cases)
    columns = [Column("worst case", whole=True), *_condition(paced=paced), *map(_number, ("max", "n", "over"))]
    columns += map(_number, ("longest call", "overruns")) if paced else []
    return grid("", columns, [[setup, *_maximum(case, paced=paced)] for setup, case in cases])


def _maximum(case: WorstCase, *, paced: bool) -> list[str]:
    numbers = [units.quantity(case.max_s, "s"), str(case.n), _time(case.seconds)]
    call = "" if case.longest_call_s is None else units.quantity(case.longest_call_s, "s")
    overruns = "" if case.overruns is None else str(case.overruns)
    return [case.metric, *([case.load] if paced else []), *numbers, *([call, overruns] if paced else [])]


def _deadlines(cases: Sequence[tuple[str, WorstCase]]) -> RenderableType:
    paced = _is_paced(cases)
    columns = [_number("deadline"), Column("", whole=True), *_condition(paced=paced)]
    columns += map(_number, ("missed", "share", "at most, 95 %"))
    lines = [
        (miss.deadline_s, [setup, case.metric, *([case.load] if paced else []), *_miss(miss)])
        for setup, case in cases
        for miss in case.deadlines
    ]
    lines.sort(key=lambda line: line[0])
    return grid("", columns, [[units.quantity(deadline, "s"), *cells] for deadline, cells in lines])


def _is_paced(cases: Sequence[tuple[str, WorstCase]]) -> bool:
    return any(case.overruns is not None for _, case in cases)


def _condition(*, paced: bool) -> list[Column]:
    return [Column("of", whole=True), *([Column("load")] if paced else [])]


def _number(name: str) -> Column:
    return Column(name, right=True, whole=True)


def _time(seconds: float) -> str:
    return units.duration(seconds) if seconds >= 1 else units.quantity(seconds, "s")


def _miss(miss: Miss) -> list[str]:
    mark = _WIDENED if miss.clustered else ""
    return [f"{miss.misses} of {miss.n}", units.percent(miss.share), f"{units.percent(miss.upper)}{mark}"]


def _remarks(setup: str, case: WorstCase) -> Iterator[str]:
    """What a reader of the tables must know, and the annex where there are enough trials to ask for it."""
    if any(miss.clustered for miss in case.deadlines):
        yield "* the longest trials come in bursts, which are fewer independent events: the bound is wider for it"
    if case.woken_late_s is not None:
        median, longest = (units.quantity(one, "s") for one in case.woken_late_s)
        yield f"{setup}: the waiting process was woken {median} late in the median, {longest} at most"
    under = f" under {case.load} load" if case.load else ""
    if labelled := labelled_line(case):
        yield f"{setup}, {case.metric}{under}: {labelled}"
    if case.n >= LEAST_TRIALS:
        yield f"{setup}, {case.metric}{under}: {case.annex}"
