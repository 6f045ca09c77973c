"""Everything about one cell, as the page shows it when the cell is opened."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from stopwatt import units
from stopwatt.analyse.analysis import CellAnalysis
from stopwatt.analyse.energy import own_energy
from stopwatt.analyse.estimate import counted
from stopwatt.analyse.rounds import RoundRecord
from stopwatt.analyse.worst import WorstCase
from stopwatt.records import Status
from stopwatt.reporting.charts import marks
from stopwatt.reporting.charts.catalogue import CELL_FIGURES
from stopwatt.reporting.charts.frame import shortened
from stopwatt.reporting.charts.heat import NAMES
from stopwatt.reporting.charts.picture import Picture
from stopwatt.reporting.charts.sentences import about
from stopwatt.reporting.charts.sequence import sequence_of
from stopwatt.reporting.charts.strip import has_strips
from stopwatt.reporting.console import MISSING
from stopwatt.reporting.html.pack import packed_tables
from stopwatt.reporting.html.words import estimate_text, how, unbroken
from stopwatt.reporting.worst import labelled_line
from stopwatt.stats.autocorrelation import INDEPENDENCE_P

DRAWN = ("sequence", "strip", "histogram", "ecdf", "spectrum", "deadline")
"""Figures of an opened cell, in their order."""
_LOG = 4000
_ALWAYS = ("latency", "latency_p90", "latency_p99", "latency_p99.9", "latency_max")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A row of the table of clusters."""

    mark: int
    centre: str
    ratio: str
    share: str
    bounds: str
    count: str
    timing: str


@dataclass(frozen=True, slots=True)
class Details:
    """What an opened cell shows.

    Attributes:
        trouble: What happened, when and what to do; texts that may be empty.
        numbers: Name, value with interval, how it came about.
        rounds: Of each: number, beginning, status, n, median, largest, change of its level.
        deadlines: Metric, deadline, misses, bound.
        notes: Severity, text, what to do, rounds.
        logs: Round and last lines.
        pictures: What its figures show, as JSON.
    """

    key: str
    label: str
    about: str
    status: str
    trouble: tuple[str, ...]
    numbers: tuple[tuple[str, str, str], ...]
    clusters: tuple[Cluster, ...]
    rounds: tuple[tuple[str, ...], ...]
    deadlines: tuple[tuple[str, ...], ...]
    annexes: tuple[str, ...]
    notes: tuple[tuple[str, str, str, str], ...]
    logs: tuple[tuple[str, str], ...]
    pictures: dict[str, Any]


def details_of(cell: CellAnalysis, label: str, rounds: Sequence[RoundRecord], most_trials: int) -> Details:
    """An opened cell.

    Args:
        cell: Any cell, failed ones too.
        label: What tells it from the others.
        rounds: Its rounds.
        most_trials: Trials of its run sequence.
    """
    row = cell.row
    trouble = row.trouble
    return Details(
        row.cell.key,
        shortened(label, 200),
        about(cell),
        str(row.status).replace("_", " "),
        (trouble.what, trouble.when, trouble.now) if trouble is not None else (),
        tuple(_numbers(cell)),
        tuple(_clusters(cell)),
        tuple(_round(cell, one) for one in rounds),
        tuple(line for worst in cell.worst for line in _deadlines(worst)),
        tuple(line for worst in cell.worst for line in (_labelled(worst), worst.annex) if line),
        tuple((str(one.note.severity), one.note.text, one.note.now, counted(one.rounds, "round")) for one in row.notes),
        tuple(_logs(rounds)),
        pictures_of(cell, most_trials),
    )


def pictures_of(cell: CellAnalysis, most_trials: int) -> dict[str, Any]:
    """What each figure of a cell shows, packed."""
    if not cell.series:
        return {}
    makers: dict[str, Callable[[CellAnalysis], Picture]] = {kind: CELL_FIGURES[kind].picture for kind in DRAWN}
    makers["sequence"] = lambda one: sequence_of(one, most_trials)
    if not cell.worst:
        makers.pop("deadline")
    if not has_strips(cell):
        makers.pop("strip")
    return {kind: _packed(make(cell), about(cell)) for kind, make in makers.items()}


def _packed(picture: Picture, usual: str) -> dict[str, Any]:
    """A picture as JSON; its subtitle is left out where it is what stands at the head of the cell."""
    return {
        "title": unbroken(picture.title),
        "subtitle": "" if picture.subtitle == usual else picture.subtitle,
        "words": dict(picture.words),
        "params": dict(picture.params),
        "tables": packed_tables(picture.tables),
    }


def _numbers(cell: CellAnalysis) -> list[tuple[str, str, str]]:
    """Every number that there is, and those that people look for even where there is none."""
    what = cell.row.cell
    looked_for = (*_ALWAYS, own_energy(what.setup.device)) if what.protocol.energy is not None else _ALWAYS
    shown = []
    for name, estimate in cell.row.estimates.items():
        if estimate.value is not None or (name in looked_for and cell.row.status is Status.OK):
            shown.append((NAMES.get(name, name.replace("_", " ")), estimate_text(estimate), how(estimate)))
    return shown


def _clusters(cell: CellAnalysis) -> list[Cluster]:
    clusters, marked = marks.clusters_of(cell), marks.marks_of(cell)
    return [
        Cluster(
            mark,
            units.quantity(cluster.centre_s, "s"),
            units.ratio(cluster.ratio),
            units.percent(cluster.mass),
            f"{units.percent(cluster.mass_low)} to {units.percent(cluster.mass_high)}",
            f"{cluster.count:,}",
            "; ".join([_timing(cluster.period, cluster.bursty_p), *_together(cell, place)]) if mark else "",
        )
        for place, (cluster, mark) in enumerate(zip(clusters, marked, strict=False))
    ]


def _together(cell: CellAnalysis, place: int) -> list[str]:
    """`100 % power-capped, 23 % of the main mode`: what a cluster comes together with."""
    return [
        f"{units.percent(one.share)} {one.label}, {units.percent(one.other_share)} of the main mode"
        for one in cell.coincidences
        if one.cluster == place
    ]


def _timing(period: float | None, bursty_p: float) -> str:
    if period is not None:
        return f"every {period:.3g} calls"
    return "in bursts" if bursty_p < INDEPENDENCE_P else "at random"


def _round(cell: CellAnalysis, one: RoundRecord) -> tuple[str, ...]:
    drifts = [drift for drift in cell.shape.drifts if drift.round == one.number] if cell.shape is not None else []
    level = ", ".join(f"{units.change(1 + drift.change)}" for drift in drifts) or ("steady" if one.n else MISSING)
    reason = one.trouble.what if one.trouble is not None else ""
    return (
        str(one.number + 1),
        one.started_at.replace("T", " ")[:19],
        f"{str(one.status).replace('_', ' ')}: {reason}" if reason else str(one.status).replace("_", " "),
        f"{one.n:,}" if one.n else MISSING,
        units.quantity(one.median_s, "s") if one.median_s is not None else MISSING,
        units.quantity(one.max_s, "s") if one.max_s is not None else MISSING,
        level,
    )


def _logs(rounds: Sequence[RoundRecord]) -> list[tuple[str, str]]:
    """The last lines of the rounds; those of several rounds that printed the same once."""
    by_text: dict[str, list[str]] = {}
    for one in rounds:
        if one.log.strip():
            by_text.setdefault(one.log[-_LOG:], []).append(str(one.number + 1))
    return [(f"round {', '.join(numbers)}", text) for text, numbers in by_text.items()]


def _labelled(worst: WorstCase) -> str:
    """Under which conditions the trials of a tail ran."""
    line = labelled_line(worst)
    return f"{worst.metric}: {line}" if line else ""


def _deadlines(worst: WorstCase) -> list[tuple[str, ...]]:
    return [
        (
            worst.metric,
            units.exact(miss.deadline_s, "s"),
            f"{miss.misses:,} of {miss.n:,}",
            units.percent(miss.upper),
        )
        for miss in worst.deadlines
    ]
