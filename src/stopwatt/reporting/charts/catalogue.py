"""All kinds of figures by name: what `stopwatt plot` draws and a report chooses from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stopwatt.analyse.analysis import Analysis, CellAnalysis
from stopwatt.analyse.grid import Axis
from stopwatt.analyse.shift import shift_of
from stopwatt.errors import UsageError
from stopwatt.extensions import unknown
from stopwatt.records import Scalar
from stopwatt.reporting.charts.batch import batch
from stopwatt.reporting.charts.boxes import boxes
from stopwatt.reporting.charts.deadline import DEADLINE
from stopwatt.reporting.charts.ecdf import ECDF
from stopwatt.reporting.charts.energy import energy
from stopwatt.reporting.charts.focus import focus_of
from stopwatt.reporting.charts.growth import growth
from stopwatt.reporting.charts.heat import LATENCY, MISSES, OUTLIERS, Slice, heat
from stopwatt.reporting.charts.histogram import HISTOGRAM
from stopwatt.reporting.charts.lag import LAG
from stopwatt.reporting.charts.modes import modes
from stopwatt.reporting.charts.panels import pairs
from stopwatt.reporting.charts.pareto import pareto
from stopwatt.reporting.charts.picture import CellFigure
from stopwatt.reporting.charts.sequence import SEQUENCE
from stopwatt.reporting.charts.setups import setups_of
from stopwatt.reporting.charts.shift import shift
from stopwatt.reporting.charts.spectrum import SPECTRUM
from stopwatt.reporting.charts.speedup import speedup
from stopwatt.reporting.charts.strip import STRIP, has_strips
from stopwatt.reporting.charts.survival import SURVIVAL
from stopwatt.reporting.charts.ways import ways
from stopwatt.reporting.ways_lines import measured, name

CELL_FIGURES: Mapping[str, CellFigure] = {
    figure.kind: figure for figure in (SEQUENCE, STRIP, HISTOGRAM, ECDF, SURVIVAL, SPECTRUM, LAG, DEADLINE)
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What a figure of a grid is to show.

    Attributes:
        x, y: Names of axes; empty for the first that suit.
        metric: Of growth and heat maps: name of an estimate; of these also `outliers`.
        setup: Of a heat map: name of one setup; empty for the first.
        focus: Values at which axes are held for which the figure has no place.
    """

    x: str = ""
    y: str = ""
    metric: str = LATENCY
    setup: str = ""
    focus: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GridFigure:
    """One kind of figure over many cells.

    Attributes:
        kind: Its name on the command line.
        line: What it shows, in one line.
        draw: Makes it; raises `UsageError` where the cells do not give it.
    """

    kind: str
    line: str
    draw: Callable[[Analysis, Choice], Any]


def numeric_axis(analysis: Analysis, name: str = "", without: tuple[str, ...] = ()) -> Axis:
    """The axis of that name, or the first numeric one.

    Raises:
        UsageError: There is none.
    """
    axes = [axis for axis in analysis.grid.axes if axis.numeric and axis.name not in without]
    return _axis(axes, name, "numeric axis")


def any_axis(analysis: Analysis, name: str = "", without: tuple[str, ...] = ()) -> Axis:
    """The axis of that name, or the first one.

    Raises:
        UsageError: There is none.
    """
    return _axis([axis for axis in analysis.grid.axes if axis.name not in without], name, "axis")


def _axis(axes: list[Axis], name: str, what: str) -> Axis:
    known = {axis.name: axis for axis in axes}
    if not known:
        raise UsageError(f"these measurements have no {what} to draw over", now="measure several sizes or setups")
    if name and name not in known:
        raise unknown(what, name, list(known))
    return known[name] if name else next(iter(known.values()))


def _growth(analysis: Analysis, choice: Choice) -> Any:
    known = {LATENCY, *(name for point in analysis.grid.points for name in point.row.estimates)}
    if choice.metric not in known:
        raise unknown("metric", choice.metric, sorted(known))
    return growth(analysis, numeric_axis(analysis, choice.x), choice.focus, choice.metric)


def _heat(analysis: Analysis, choice: Choice) -> Any:
    setups = setups_of(analysis)
    x = any_axis(analysis, choice.x, () if choice.x else setups.axes)
    y = any_axis(analysis, choice.y, (x.name,) if choice.y else (x.name, *setups.axes))
    known = {LATENCY, OUTLIERS, MISSES, *(name for point in analysis.grid.points for name in point.row.estimates)}
    if choice.metric not in known:
        raise unknown("metric", choice.metric, sorted(known))
    if choice.setup and choice.setup not in setups.names:
        raise unknown("setup", choice.setup, list(setups.names))
    drawn_over_setups = {x.name, y.name} & set(setups.axes)
    setup = "" if drawn_over_setups else choice.setup or setups.names[0]
    return heat(analysis, Slice(x, y, choice.metric, setup), choice.focus)


def _boxes(analysis: Analysis, choice: Choice) -> Any:
    return boxes(analysis, any_axis(analysis, choice.x), choice.focus)


def _shift(analysis: Analysis, _: Choice) -> Any:
    cells = [(cell, point) for cell, point in pairs(analysis) if cell.series]
    if len(cells) != 2:  # noqa: PLR2004  (A and B)
        raise UsageError(
            f"a shift compares two cells with trials, and here are {len(cells)}",
            now="name coordinates in which all but two differ, such as batch=1 hidden=200",
        )
    (a, at_a), (b, at_b) = cells
    shifts = shift_of(a.series, b.series)
    if not shifts:
        raise UsageError("the two cells have no round in common", now="measure them in one run")
    return shift(shifts, analysis.grid.label(at_a), analysis.grid.label(at_b))


def _batch(analysis: Analysis, choice: Choice) -> Any:
    numeric_axis(analysis, "batch")
    return batch(analysis, choice.focus)


def _ways(analysis: Analysis, _: Choice) -> Any:
    drawable = [study for study in analysis.studies if measured((*study.effects, *study.combined))]
    if not drawable:
        raise UsageError(
            "these measurements hold no way of measuring beside the reference",
            now="stopwatt protocol WORKLOAD measures some",
        )
    if len(drawable) > 1:
        raise UsageError(
            f"this figure shows one workload in one setup, and here are {len(drawable)}",
            when="; ".join(name(study) for study in drawable),
            now="name one, such as backend=eager, or write all of them with stopwatt report",
        )
    return ways(drawable[0])


GRID_FIGURES: Mapping[str, GridFigure] = {
    figure.kind: figure
    for figure in (
        GridFigure("growth", "latency (or --metric) along an axis (--x), with kinks and inversions marked", _growth),
        GridFigure("heat", "a metric (--metric) over two axes (--x, --y) of one setup (--setup)", _heat),
        GridFigure("boxes", "box plots along an axis (--x), with the outlier mass and its counts", _boxes),
        GridFigure("batch", "latency, samples/s and energy over batch, with knees and where memory ends", _batch),
        GridFigure("speedup", "speed-ups over fp32 eager with their intervals", lambda found, _: speedup(found)),
        GridFigure(
            "pareto",
            "which setups are beaten in neither latency nor deviation",
            lambda found, c: pareto(found, c.focus),
        ),
        GridFigure(
            "energy",
            "energy a sample over latency: which setups are beaten in neither, nor in deviation",
            lambda found, c: energy(found, c.focus),
        ),
        GridFigure("shift", "where in the distribution two cells differ: the ratio of their deciles", _shift),
        GridFigure(
            "modes", "the clusters of all cells: ratio to the usual latency, and mass", lambda found, _: modes(found)
        ),
        GridFigure("ways", "what each way of measuring reports against the reference, with intervals", _ways),
    )
}
KINDS: Mapping[str, str] = {
    **{name: figure.line for name, figure in GRID_FIGURES.items()},
    **{name: figure.line for name, figure in CELL_FIGURES.items()},
}
"""Every kind and what it shows."""


def default_cell(analysis: Analysis, kind: str = "") -> CellAnalysis:
    """The cell that is drawn where none is named.

    Args:
        analysis: Of all cells.
        kind: Of figure: strips take a cell beside which instruments were read.

    Raises:
        UsageError: No cell has trials, or none what the figure shows.
    """
    cell = focus_of(analysis)
    if cell is None:
        raise UsageError(
            "no cell has single trials to draw",
            now="growth, heat and batch need none, ways draws what stopwatt protocol measured; --run names another run",
        )
    if kind != STRIP.kind or has_strips(cell):
        return cell
    watched = next(filter(has_strips, analysis.cells), None)
    if watched is None:
        raise UsageError("no instrument was read beside these trials", now="measure them again with --telemetry on")
    return watched
