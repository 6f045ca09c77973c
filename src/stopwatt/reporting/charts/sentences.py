"""What a figure of one cell says, as a sentence."""

from collections import Counter
from collections.abc import Iterable, Sequence

from stopwatt import units
from stopwatt.analyse.analysis import Analysis, CellAnalysis
from stopwatt.analyse.shape import Cluster, Form, Shape
from stopwatt.reporting.charts.frame import shortened
from stopwatt.stats.autocorrelation import INDEPENDENCE_P
from stopwatt.workloads.params import short_label

_NAMED = 3
_LISTED = 4


def shape_sentence(cell: CellAnalysis) -> str:
    """What the distribution looks like."""
    shape = cell.shape
    if shape is None or shape.form is Form.TOO_FEW:
        return "Too few trials to say what their distribution looks like"
    usual = _usual(cell, shape)
    if shape.form is Form.RESOLUTION_LIMITED:
        return f"The clock's tick hides how calls differ: they take {usual}"
    if shape.form is Form.CLUSTERS and len(shape.clusters) > 1:
        return clusters_sentence(shape, usual)
    if shape.form is Form.BODY_MODES and shape.body_modes_s:
        modes = " and ".join(units.quantity(centre, "s") for centre in shape.body_modes_s)
        return f"The usual calls fall into {len(shape.body_modes_s)} modes close together, at {modes}"
    tail = "with a heavy tail" if shape.form is Form.HEAVY_TAIL else "with one mode"
    share = units.percent(shape.outliers / shape.n)
    return f"Calls take {usual} {tail}; {share} of them are outliers"


def clusters_sentence(shape: Shape, usual: str) -> str:
    """`5.0 % of the calls take 1.25 x and 5.1 % take 2.0 x the usual 1.32 ms`."""
    others = sorted(_others(shape), key=lambda cluster: -cluster.mass)
    named = sorted(others[:_NAMED], key=lambda cluster: cluster.ratio)
    first, *more = [f"take {units.ratio(cluster.ratio)}" for cluster in named]
    masses = [units.percent(cluster.mass) for cluster in named]
    parts = [
        f"{masses[0]} of the calls {first}",
        *(f"{mass} {text}" for mass, text in zip(masses[1:], more, strict=True)),
    ]
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    left = len(others) - len(named)
    further = f"; {left} smaller clusters more" if left else ""
    return f"{listed} the usual {usual}{further}"


def time_sentence(cell: CellAnalysis) -> str:
    """How the calls behave over time: the level of each round, and when the slow ones come."""
    shape = cell.shape
    if shape is None:
        return "The calls in the order of time"
    level = "The level is steady"
    if shape.drifts:
        most = max(shape.drifts, key=lambda drift: abs(drift.change))
        level = f"The level of round {most.round + 1} changes by {units.change(1 + most.change)}"
    others = _others(shape) if shape.clusters else []
    regular = next((cluster for cluster in others if cluster.period is not None), None)
    bursty = next((cluster for cluster in others if cluster.bursty_p < INDEPENDENCE_P), None)
    if regular is not None:
        return f"{level}; every {regular.period:.3g} calls one takes {units.ratio(regular.ratio)}"
    if bursty is not None:
        return f"{level}; calls of {units.ratio(bursty.ratio)} come in bursts"
    return f"{level}; slow calls come at random times" if others else f"{level} over {counts(cell)}"


def _others(shape: Shape) -> list[Cluster]:
    main = max(shape.clusters, key=lambda cluster: cluster.count)
    return [cluster for cluster in shape.clusters if cluster is not main]


def _usual(cell: CellAnalysis, shape: Shape) -> str:
    if shape.clusters:
        return units.quantity(max(shape.clusters, key=lambda cluster: cluster.count).centre_s, "s")
    median = cell.row.estimates["latency"].value
    return units.quantity(median, "s") if median is not None else "-"


def about(cell: CellAnalysis) -> str:
    """What was measured, and how often: `lstm(hidden=64) · eager fp32 batch 1 cpu, 2 threads · 3 rounds, n = 3,000`."""
    setup = cell.row.cell.setup
    threads = f"{setup.threads} thread" + ("" if setup.threads == 1 else "s")
    return f"{shortened(short_label(cell.row.cell.workload))} · {setup.label}, {threads} · {counts(cell)}"


def counts(cell: CellAnalysis) -> str:
    """`3 rounds, n = 3,000`."""
    rounds = len(cell.series)
    n = sum(series.values.size for series in cell.series)
    return f"{rounds} round{'' if rounds == 1 else 's'}, n = {n:,}"


def extent(analysis: Analysis) -> str:
    """What a figure of the whole grid stands on: `64 cells, 3 rounds each, n = 19,200 trials`."""
    cells = len(analysis.cells)
    n = sum(series.values.size for cell in analysis.cells for series in cell.series)
    most = max((len(cell.series) for cell in analysis.cells), default=0)
    each = f", up to {most} rounds each" if most > 1 else ""
    trials = f", n = {n:,} trials" if n else ", without single trials"
    return f"{cells:,} cells{each}{trials}"


def ends_of(cell: CellAnalysis) -> list[float]:
    """The smallest and the largest trial of each round, in seconds."""
    return [float(end) for series in cell.series for end in (series.values.min(), series.values.max())]


def link(cell: CellAnalysis) -> str:
    """Where a page shows a cell in full."""
    return f"#cell={cell.row.cell.key}"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b, c, d and 3 more`."""
    shown = list(names[:_LISTED])
    if len(names) > _LISTED:
        return f"{', '.join(shown)} and {len(names) - _LISTED} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else "nothing"


def reasons(texts: Iterable[str], most: int = 2) -> str:
    """Why nothing can be drawn, the most frequent reasons first; of the others how many they are."""
    counts = Counter(text for text in texts if text).most_common()
    left = len(counts) - most
    told = [text for text, _ in counts[:most]]
    return "; ".join([*told, f"and {left} more reason{'s' * (left > 1)}"] if left > 0 else told)
