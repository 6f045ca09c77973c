"""Which figures the page shows, in which order, and which of them is the evidence of a finding."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from stopwatt.analyse.analysis import Analysis, CellAnalysis
from stopwatt.analyse.energy import shown_energy
from stopwatt.analyse.grid import Axis
from stopwatt.analyse.shape import Form
from stopwatt.records import Finding, Scalar
from stopwatt.reporting.charts.catalogue import CELL_FIGURES, GRID_FIGURES, Choice
from stopwatt.reporting.charts.deadline import worst_case
from stopwatt.reporting.charts.energy import drawable
from stopwatt.reporting.charts.focus import focus_of, focus_place
from stopwatt.reporting.charts.heat import MISSES, OUTLIERS
from stopwatt.reporting.charts.panels import pairs
from stopwatt.reporting.charts.setups import Setups, setups_of
from stopwatt.reporting.charts.strip import has_strips
from stopwatt.reporting.charts.ways import ways
from stopwatt.reporting.html.figures import Figure, figure_of, paired
from stopwatt.reporting.html.ways import Block, blocks_of
from stopwatt.reporting.ways_lines import measured
from stopwatt.workloads.params import short_label

MOST_AXES = 4
MOST_MAPS = 4
_OF_CELL = ("sequence", "strip", "histogram", "ecdf", "survival", "spectrum", "lag", "deadline")


Send = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Section:
    """Figures under one heading.

    Attributes:
        id: Place in the page.
        lead: A sentence below the heading; may be empty.
        blocks: Of studies, each with its figure, instead of figures that stand alone.
    """

    id: str
    heading: str
    lead: str
    figures: tuple[Figure, ...]
    blocks: tuple[Block, ...] = ()


def sections_of(analysis: Analysis, send: Send) -> tuple[Section, ...]:
    """All sections that the measurements give.

    Args:
        analysis: What they are about.
        send: Is given each figure's document as soon as it is made, in the order of the page.
    """
    cell = focus_of(analysis)
    story = _Story(analysis, setups_of(analysis), focus_place(analysis), send)
    found = [
        _ways(analysis, send),
        Section("growth", "How latency grows", "", tuple(story.growth())),
        Section("grid", "Across the grid", "Every tile opens its cell.", tuple(story.maps())),
        Section("batch", "What a larger batch costs and brings", "", tuple(story.batch())),
        Section("setups", "Setups compared", "", tuple(story.setups_compared())),
        Section("distributions", "Distributions", "", tuple(story.distributions())),
        Section("one-cell", *_one_cell(analysis, cell, send)),
    ]
    numbers = count(1)
    return tuple(
        replace(section, figures=tuple(replace(figure, number=next(numbers)) for figure in section.figures))
        for section in found
        if section.figures or section.blocks
    )


def with_drawings(sections: Sequence[Section], svgs: Sequence[str]) -> tuple[Section, ...]:
    """The sections with every figure drawn; the markup in the order of the figures."""
    following = iter(svgs)
    drawn = [
        replace(section, figures=paired(figure.drawn(next(following)) for figure in section.figures))
        for section in sections
    ]
    return tuple(replace(section, blocks=_with_figures(section)) for section in drawn)


def _with_figures(section: Section) -> tuple[Block, ...]:
    """The blocks of a section, each with the figure that is called like it."""
    by_id = {figure.id: figure for figure in section.figures}
    return tuple(replace(block, figure=by_id.get(f"{_WAYS}{block.id}")) for block in section.blocks)


def evidence(finding: Finding, sections: tuple[Section, ...]) -> tuple[Figure, ...]:
    """The figures that show a finding; none for what only the table shows."""
    figures = [figure for section in sections for figure in section.figures]
    found = [figure for figure in figures if figure.id.startswith(_EVIDENCE.get(finding.kind, _NOWHERE))]
    along = [figure for figure in found if f"{figure.id.removeprefix('growth-')}=" in finding.text]
    of_study = [figure for figure in found if figure.id.endswith(finding.cells[:1])]
    return tuple(of_study or along or found)[:2]


_NOWHERE = ("-",)
_WAYS = "ways-"
_OF_SHAPE = ("clusters", "boxes-")
_EVIDENCE: Mapping[str, tuple[str, ...]] = {
    "growth": ("growth-",),
    "kink": ("growth-",),
    "inversion": ("growth-",),
    "least-energy": ("energy-front", "map-energy"),
    "energy-batch": ("map-energy",),
    "waiting-energy": ("map-energy",),
    "sweet-spot": ("batch-cost",),
    "within-bound": ("batch-cost",),
    "idle-gap": ("growth-idle",),
    "setup-difference": ("speed-ups",),
    "range": ("map-",),
    "outlier-clusters": _OF_SHAPE,
    "labelled-trials": ("cell-strip",),
    "coincidence": ("cell-strip", "cell-sequence"),
    "body-modes": ("cell-histogram",),
    "heavy-tail": ("boxes-",),
    "drift": ("cell-sequence",),
    "dependence": ("cell-lag",),
    "rounds-differ": ("cell-ecdf",),
    "deadline-misses": ("map-misses", "cell-deadline"),
    "overruns": ("cell-deadline",),
    "way-of-measuring": (_WAYS,),
    "way-without-effect": (_WAYS,),
}
"""Kind of finding -> how the ids of the figures begin that show it."""


@dataclass(frozen=True, slots=True)
class _Story:
    """Makes the figures of the sections."""

    analysis: Analysis
    setups: Setups
    focus: Mapping[str, Scalar]
    send: Send

    def growth(self) -> Iterator[Figure]:
        """One figure for each size."""
        for axis in self._sizes()[:MOST_AXES]:
            yield self._draw("growth", f"growth-{_slug(axis.name)}", x=axis.name)

    def maps(self) -> Iterator[Figure]:
        """Latency of each setup over two sizes, where the outliers are, and energy."""
        axes = [axis for axis in self.analysis.grid.axes if axis.name not in self.setups.axes]
        if len(axes) < 2:  # noqa: PLR2004  (a map has two axes)
            return
        x, y = axes[0].name, axes[1].name
        for place, setup in enumerate(self.setups.names[:MOST_MAPS]):
            yield self._draw("heat", f"map-{place}", x=x, y=y, setup=setup)
        for metric, number in ((OUTLIERS, _outliers), (MISSES, _misses)):
            setup = self._most(number)
            if setup:
                yield self._draw("heat", f"map-{metric}", x=x, y=y, setup=setup, metric=metric)

        metric = shown_energy([cell.row for cell in self.analysis.cells])
        setup = self._most(lambda cell: int(bool(metric) and cell.row.estimates[metric].value is not None))
        if setup:
            yield self._draw("heat", "map-energy", x=x, y=y, setup=setup, metric=metric)

    def batch(self) -> Iterator[Figure]:
        """The cost of batch."""
        if self.analysis.scaling.batches:
            yield self._draw("batch", "batch-cost")

    def setups_compared(self) -> Iterator[Figure]:
        """Speed-ups, and the Pareto fronts where answers differ and where energy was measured."""
        if any(cell.row.speedup.value is not None for cell in self.analysis.cells):
            yield self._draw("speedup", "speed-ups")
        if len(self.setups.names) > 1 and any(map(_deviates, self.analysis.cells)):
            yield self._draw("pareto", "pareto-front")
        if len(self.setups.names) > 1 and drawable(self.analysis, self.focus):
            yield self._draw("energy", "energy-front")

    def distributions(self) -> Iterator[Figure]:
        """Clusters over all cells, and box plots along one size or over the setups."""
        if not any(cell.series for cell in self.analysis.cells):
            return
        if any(cell.shape is not None and cell.shape.form is Form.CLUSTERS for cell in self.analysis.cells):
            yield self._draw("modes", "clusters")
        sizes = [axis.name for axis in self.analysis.grid.axes if axis.name not in self.setups.axes]
        over_setups = [name for name in self.setups.axes if self.analysis.grid.axis(name) is not None]
        for name in (sizes or over_setups)[:1]:
            yield self._draw("boxes", f"boxes-{_slug(name)}", x=name)

    def _sizes(self) -> list[Axis]:
        return [
            axis for axis in self.analysis.grid.axes if axis.numeric and axis.name not in ("batch", *self.setups.axes)
        ]

    def _most(self, number: Callable[[CellAnalysis], int]) -> str:
        """The setup with the most of something; empty where there is none of it."""
        counts = dict.fromkeys(self.setups.names, 0)
        for cell, point in pairs(self.analysis):
            counts[self.setups.name(point)] += number(cell)
        best = max(counts, key=lambda name: counts[name], default="")
        return best if best and counts[best] else ""

    def _draw(self, kind: str, name: str, **choice: Any) -> Figure:
        return _sent(self.send, name, GRID_FIGURES[kind].draw(self.analysis, Choice(focus=self.focus, **choice)))


def _ways(analysis: Analysis, send: Send) -> Section:
    """What the way of measuring does, for each workload and setup of which it is known."""
    blocks = blocks_of(analysis.studies)
    figures = tuple(
        _sent(send, f"{_WAYS}{block.id}", ways(study))
        for block, study in zip(blocks, analysis.studies, strict=True)
        if measured((*study.effects, *study.combined))
    )
    return Section("ways", "The way of measuring", _WAYS_LEAD if blocks else "", figures, blocks)


_WAYS_LEAD = (
    "The same model, measured as other people would have measured it, seconds before and after the reference in the "
    "same process: above 1 a way reports too long a time, below 1 too short a one."
)


def _one_cell(analysis: Analysis, cell: CellAnalysis | None, send: Send) -> tuple[str, str, tuple[Figure, ...]]:
    if cell is None:
        return "", "", ()
    kinds = [kind for kind in _OF_CELL if _has(cell, kind)]
    figures = [_sent(send, f"cell-{kind}", CELL_FIGURES[kind].chart(cell)) for kind in kinds]
    label = next((analysis.grid.label(point) for one, point in pairs(analysis) if one is cell), "")
    lead = "The table above opens the same figures for every cell." if len(analysis.cells) > 1 else ""
    return f"One cell in full: {label or short_label(cell.row.cell.workload)}", lead, tuple(figures)


def _sent(send: Send, name: str, chart: Any) -> Figure:
    figure = figure_of(name, chart)
    send(figure.document)
    return figure


def _has(cell: CellAnalysis, kind: str) -> bool:
    needs = {"deadline": bool(cell.worst), "strip": has_strips(cell)}
    return needs.get(kind, True)


def _deviates(cell: CellAnalysis) -> bool:
    return bool(cell.row.estimates["deviation"].value)


def _slug(name: str) -> str:
    return "".join(char if char.isalnum() and char.isascii() else "-" for char in name)[:40].strip("-") or "axis"


def _outliers(cell: CellAnalysis) -> int:
    return cell.shape.outliers if cell.shape is not None else 0


def _misses(cell: CellAnalysis) -> int:
    worst = worst_case(cell)
    return worst.deadlines[0].misses if worst is not None and worst.deadlines else 0
