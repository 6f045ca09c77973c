"""The cell that a report shows first: the one whose distribution has the most to say."""

from collections.abc import Mapping

from stopwatt.analyse.analysis import Analysis, CellAnalysis
from stopwatt.records import Scalar, Status
from stopwatt.reporting.charts.panels import pairs


def focus_of(analysis: Analysis) -> CellAnalysis | None:
    """The cell with trials that the weightiest finding about distributions names first.

    Without such a finding the one with the largest share of outliers; `None` where no cell has trials.
    """
    with_trials = {cell.row.cell.key: cell for cell in analysis.cells if cell.series and cell.row.status is Status.OK}
    if not with_trials:
        return None
    of_shape = [key for finding in analysis.findings if finding.kind in SHAPE_KINDS for key in finding.cells]
    named = next((with_trials[key] for key in of_shape if key in with_trials), None)
    return named or max(with_trials.values(), key=_outliers)


SHAPE_KINDS = frozenset(
    {"outlier-clusters", "coincidence", "body-modes", "heavy-tail", "drift", "dependence", "rounds-differ"}
)
"""Kinds of findings that are about the distribution of a cell."""


def _outliers(cell: CellAnalysis) -> float:
    return cell.shape.outliers / cell.shape.n if cell.shape is not None and cell.shape.n else 0.0


def focus_place(analysis: Analysis) -> Mapping[str, Scalar]:
    """Coordinates of the cell in focus; of the middle one where no cell has trials."""
    points = analysis.grid.points
    if not points:
        return {}
    cell = focus_of(analysis)
    of_cell = (point for one, point in pairs(analysis) if one is cell)
    return next(of_cell, points[len(points) // 2]).where
