"""The table of the page: a row for each cell, its coordinates, its numbers, and a strip that shows its distribution."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from stopwatt import units
from stopwatt.analyse.analysis import Analysis, CellAnalysis
from stopwatt.analyse.energy import shown_energy
from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.grid import Axis, Point
from stopwatt.analyse.level import METRICS as LEVELS
from stopwatt.analyse.level import level_of
from stopwatt.analyse.shape import Form
from stopwatt.metrics import ACCURACY, ACCURACY_LOSS, CPU_ESTIMATE, METRICS
from stopwatt.records import Severity, Status
from stopwatt.reporting.cells import mark
from stopwatt.reporting.charts import marks
from stopwatt.reporting.charts.frame import shortened
from stopwatt.reporting.charts.panels import pairs
from stopwatt.reporting.console import MISSING
from stopwatt.reporting.html.strip import Strip, strips_of
from stopwatt.reporting.html.words import column_text, estimate_text, how, plain

MOST_CHOICES = 24
"""Values of an axis that a menu can offer."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column.

    Attributes:
        name: What stands in it.
        unit: In a second line.
        number: Whether it is aligned and sorted as a number.
        title: What it means, in full.
        axis: Name of the coordinate that the column holds; empty for all others.
        wraps: Whether its texts may be broken on paper.
        ticks: Of a column of strips: pixels and texts.
    """

    name: str
    unit: str = ""
    number: bool = False
    title: str = ""
    axis: str = ""
    wraps: bool = False
    ticks: tuple[tuple[float, str], ...] = ()

    @property
    def classes(self) -> str:
        """Of its fields in the style sheet."""
        return " ".join(name for name, given in (("n", self.number), ("w", self.wraps)) if given)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a row: its text, what it is sorted by, what else there is to know; or a strip instead of a text."""

    text: str
    order: str = ""
    note: str = ""
    strip: Strip | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One row.

    Attributes:
        key: Of the cell.
        mark: `failed` or nothing.
    """

    key: str
    fields: tuple[Field, ...]
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The table with its menus: axis -> values."""

    heads: tuple[Head, ...]
    lines: tuple[Line, ...]
    menus: dict[str, tuple[str, ...]]


def table_of(analysis: Analysis) -> Table:
    """Every cell of an analysis."""
    axes = analysis.grid.axes
    columns = [*(_coordinate(axis) for axis in axes), *_numbers(analysis)]
    lines = tuple(_line(columns, cell, point) for cell, point in pairs(analysis))
    offered = [axis for axis in axes if len(axis.values) <= MOST_CHOICES]
    menus = {axis.name: tuple(_shown(value) for value in axis.values) for axis in offered}
    return Table(tuple(column.head for column in columns), lines, menus)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: its head and what it takes from a cell."""

    head: Head
    field: Callable[[CellAnalysis, Point], Field]


def _shown(value: object) -> str:
    return shortened(str(value), 40)


def _coordinate(axis: Axis) -> _Column:
    order = {value: place for place, value in enumerate(axis.values)}

    def field(_: CellAnalysis, point: Point) -> Field:
        value = point.where.get(axis.name)
        return Field(MISSING, _FIRST) if value is None else Field(_shown(value), str(order[value]))

    return _Column(Head(axis.name, number=axis.numeric, axis=axis.name), field)


def _numbers(analysis: Analysis) -> Iterator[_Column]:
    cells = analysis.cells
    level = _level_metric(analysis)
    head = Head("latency", f"{_scale(cells, level).label} [95 %]", number=True, title=METRICS[level].meaning)
    yield _estimate(head, level, _scale(cells, level), bounded=True)
    trials = any(cell.series for cell in cells)
    strips, ticks = strips_of(analysis)
    by_key = {cell.row.cell.key: strip for cell, strip in zip(cells, strips, strict=True)}
    yield _Column(Head("distribution", ticks=ticks), lambda cell, _: Field("", strip=by_key[cell.row.cell.key]))
    if trials:
        yield _Column(Head("slow calls", "ratio and share", number=True, title=_SLOW, wraps=True), _clusters)
        for name, metric, title in (("p99", "latency_p99", _P99), ("max", "latency_max", "the slowest call")):
            scale = _scale(cells, metric)
            yield _estimate(Head(name, scale.label, number=True, title=title), metric, scale)
    if any(cell.row.estimates[THROUGHPUT].value is not None for cell in cells):
        yield _Column(Head("rate", "samples/s", number=True, title=METRICS[THROUGHPUT].meaning), _throughput)
    yield from _energies(cells)
    yield from _accuracies(cells)
    if any(cell.row.speedup.value is not None for cell in cells):
        yield _Column(Head("speed-up", "x eager [95 %]", number=True, title=_SPEEDUP), _speedup)
    yield _Column(Head("status", wraps=True), _status)


def _energies(cells: Sequence[CellAnalysis]) -> Iterator[_Column]:
    """Energy a sample and power of the scope that was measured; an estimate in a column of its own."""
    metric = shown_energy([cell.row for cell in cells])
    if metric:
        joules, watts, power = _scale(cells, metric, "J"), units.Scale(1.0, "W"), metric.replace("energy_", "power_")
        head = Head("energy", f"{joules.label} a sample [95 %]", number=True, title=METRICS[metric].meaning)
        yield _estimate(head, metric, joules, bounded=True)
        yield _estimate(Head("power", "W", number=True, title=METRICS[power].meaning), power, watts)
    if any(cell.row.estimates[CPU_ESTIMATE].value is not None for cell in cells):
        joules, about = _scale(cells, CPU_ESTIMATE, "J"), METRICS[CPU_ESTIMATE].meaning
        head = Head("estimated energy", f"{joules.label} a sample [low, high]", number=True, title=about)
        yield _estimate(head, CPU_ESTIMATE, joules, bounded=True)


def _accuracies(cells: Sequence[CellAnalysis]) -> Iterator[_Column]:
    """On labelled samples, and what is lost of it, where somebody measured that."""
    share = units.Scale(1.0, "")
    for metric, name in ((ACCURACY, "accuracy"), (ACCURACY_LOSS, "lost accuracy")):
        if any(cell.row.estimates[metric].value is not None for cell in cells):
            head = Head(name, "0 to 1 [95 %]", number=True, title=METRICS[metric].meaning)
            yield _estimate(head, metric, share, bounded=True)


THROUGHPUT = "throughput"
_P99 = "99 % of the calls are done within"
_SPEEDUP = "against fp32 eager of the same workload, batch, device and threads"
_SLOW = "clusters of calls slower than the usual ones; without clusters, the share of outliers"


def _level_metric(analysis: Analysis) -> str:
    """The metric of most cells' latency."""
    found = [level.metric for point in analysis.grid.points if (level := level_of(point.row)) is not None]
    return max(LEVELS, key=found.count)


def _scale(cells: Sequence[CellAnalysis], metric: str, unit: str = "s") -> units.Scale:
    values = [cell.row.estimates[metric].value for cell in cells if metric in cell.row.estimates]
    return units.scale_for([value for value in values if value is not None], unit)


def _estimate(head: Head, metric: str, scale: units.Scale, *, bounded: bool = False) -> _Column:
    def field(cell: CellAnalysis, _: Point) -> Field:
        estimate = cell.row.estimates.get(metric)
        if estimate is None:
            return Field(MISSING, _LAST)
        if estimate.value is None:
            return Field(column_text(estimate, scale), _LAST, estimate.why)
        text = column_text(estimate, scale) if bounded else units.column_value(estimate.value, scale) + mark(estimate)
        return Field(text, _order(estimate.value), _note(estimate, bounded=bounded))

    return _Column(head, field)


def _note(estimate: Estimate, *, bounded: bool) -> str:
    """How a number came about, and its interval where there is no room for it."""
    interval = "" if bounded or estimate.low is None else estimate_text(estimate)
    return "; ".join(part for part in (interval, how(estimate)) if part)


_LAST, _FIRST = "1e300", "-1"
"""What is missing stands last where less is better, and first where more is."""


def _order(value: float) -> str:
    """What a number is sorted by."""
    return f"{value:.6g}"


def _throughput(cell: CellAnalysis, _: Point) -> Field:
    value = cell.row.estimates[THROUGHPUT].value
    if value is None:
        return Field(MISSING, _FIRST, cell.row.estimates[THROUGHPUT].why)
    return Field(f"{value:,.0f}" if value >= 100 else f"{value:.3g}", _order(value))  # noqa: PLR2004  (three digits)


def _speedup(cell: CellAnalysis, _: Point) -> Field:
    ratio = cell.row.speedup
    if ratio.value is None:
        return Field(MISSING, _FIRST, ratio.why)
    one = units.Scale(1.0, "")
    bounded = ratio.low is not None and ratio.high is not None
    text = units.column_interval(ratio.value, ratio.low or 0, ratio.high or 0, one) if bounded else f"{ratio.value:.2f}"
    verdict = str(ratio.verdict) if ratio.verdict else ""
    return Field(text, _order(ratio.value), "; ".join(part for part in (verdict, ratio.why) if part))


def _clusters(cell: CellAnalysis, _: Point) -> Field:
    shape = cell.shape
    if shape is None or not shape.n:
        return Field(MISSING, _FIRST)
    if shape.form is not Form.CLUSTERS:
        text = {Form.ONE_MODE: "", Form.CLUSTERS: ""}.get(shape.form, f"{shape.form}, ")
        return Field(
            f"{text}{units.percent(shape.outliers / shape.n)} outliers", _order(shape.outliers / shape.n), shape.why
        )
    main = marks.main_place(shape.clusters)
    others = [cluster for place, cluster in enumerate(shape.clusters) if place != main]
    largest = sorted(sorted(others, key=lambda one: -one.mass)[:_CLUSTERS_SHOWN], key=lambda one: one.ratio)
    text = ", ".join(f"{units.ratio(one.ratio)} {units.percent(one.mass)}" for one in largest)
    more = f" +{len(others) - len(largest)}" if len(others) > len(largest) else ""
    return Field(text + more, _order(sum(one.mass for one in others)), shape.why)


_CLUSTERS_SHOWN = 2


def _status(cell: CellAnalysis, _: Point) -> Field:
    row = cell.row
    why = plain(row.trouble.what) if row.trouble else ""
    warnings = sum(counted.note.severity is Severity.WARNING for counted in row.notes)
    if row.status is Status.OK and row.rounds_failed:
        return Field(f"{row.rounds_failed} of {row.rounds_ok + row.rounds_failed} rounds failed", "1", why)
    if row.status is Status.OK:
        said = "; ".join(plain(counted.note.text) for counted in row.notes)
        return Field(f"ok, {warnings} warnings" if warnings > 1 else "ok, 1 warning" if warnings else "ok", "0", said)
    return Field(str(row.status).replace("_", " "), "2", why)


def _line(columns: Sequence[_Column], cell: CellAnalysis, point: Point) -> Line:
    fields = tuple(column.field(cell, point) for column in columns)
    mark = "failed" if cell.row.status is not Status.OK else ""
    return Line(cell.row.cell.key, fields, mark)
