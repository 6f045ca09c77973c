"""What the figure over batch says in words: its title, what stands at the ends of lines, and what its signs mean."""

from collections.abc import Iterator, Sequence

from stopwatt.analyse.analysis import Analysis
from stopwatt.analyse.batches import LATENCY, BatchLine
from stopwatt.analyse.energy import shown_energy
from stopwatt.analyse.estimate import Trust
from stopwatt.analyse.grid import Point
from stopwatt.analyse.level import level_of
from stopwatt.records import Status
from stopwatt.reporting.charts.level import bars_of
from stopwatt.reporting.charts.sentences import extent, listed
from stopwatt.reporting.charts.setups import Setups
from stopwatt.stats.saturation import Course
from stopwatt.sweeping.toolarge import ran_out
from stopwatt.units import change, ratio

NO_ROOM, NO_RESULT = "\N{MULTIPLICATION SIGN}", "!"
"""Signs of batches that did not fit into memory, and of those without a result for another reason."""


def title(chosen: Sequence[BatchLine], setups: Setups) -> str:
    """One sentence about the line with the most samples/s."""
    known = [line for line in chosen if line.best is not None]
    if not known:
        return "Latency and samples/s over batch"
    line = max(known, key=lambda line: line.best.value if line.best is not None else 0.0)
    says = _says(line)
    if len(chosen) == 1:
        return says[:1].upper() + says[1:]
    return f"{setups.name(line.line.points[0])} gives the most samples/s; {says}"


def _says(line: BatchLine) -> str:
    """What its knee is, or why there is none."""
    knee, largest = line.knee, line.rates[-1].batch
    if knee.course is Course.FLAT:
        return f"a larger batch does not pay: batch {knee.batch} gives nearly the most samples/s"
    if knee.batch is not None:
        return f"batch {knee.batch} is the knee: {_gain(line, knee.batch)}"
    where = "the largest that fits" if line.memory.failed is not None else "the largest that was measured"
    if knee.course is Course.RISING and knee.growth is not None:
        return f"samples/s still rise at batch {largest}, {where}: {change(knee.growth)} by the last doubling"
    if knee.course is Course.OPEN:
        return f"whether samples/s still rise at batch {largest}, {where}, is open"
    most = line.best.batch if line.best is not None else largest
    return f"the most samples/s come at batch {most} of those measured"


def _gain(line: BatchLine, knee: int) -> str:
    """`3.1 x the samples/s of batch 1 for 1.2 x the latency`."""
    smallest = line.rates[0]
    at = next(rate for rate in line.rates if rate.batch == knee)
    levels = [level_of(line.point(batch).row) for batch in (smallest.batch, knee)]
    gain = f"{ratio(at.value / smallest.value)} the samples/s of batch {smallest.batch}"
    if knee == smallest.batch:
        return "it gives nearly the most samples/s"
    first, last = levels
    return gain if first is None or last is None else f"{gain} for {ratio(last.value / first.value)} the latency"


def knee_words(line: BatchLine, setups: Setups, *, many: bool) -> str:
    """`eager, knee 16 [8, 32]`: what stands at the end of a line of samples/s.

    Args:
        line: The line.
        setups: Name it.
        many: Whether there are other lines, so that it needs a name.
    """
    knee, name = line.knee, setups.name(line.line.points[0]) if many else ""
    words = str(knee.course) if knee.course in (Course.RISING, Course.FLAT) else ""
    if knee.batch is not None and knee.course is Course.KNEE:
        bounds = "" if knee.low == knee.high else f" [{knee.low}, {knee.high}]"
        words = f"knee {knee.batch}{bounds}"
    return ", ".join(part for part in (name, words) if part)


def stops(line: BatchLine) -> Iterator[tuple[Point, Point, str]]:
    """Cells without a result, each after the last one with a result, and its sign; of several too large, the first.

    A batch below every one with a result has no place in the figure.
    """
    last = None
    full = False
    for point in line.line.points:
        row = point.row
        if row.status is Status.OK:
            last, full = point, False
        elif last is not None and ran_out(row.status, row.trouble):
            if not full:
                yield last, point, NO_ROOM
            full = True
        elif last is not None:
            yield last, point, NO_RESULT


def subtitle(analysis: Analysis, chosen: Sequence[BatchLine], where: str, grey: str) -> str:
    """What the figure stands on and what its signs mean.

    Args:
        analysis: Of all cells.
        chosen: Lines in colour.
        where: Their place in the grid.
        grey: What the other lines are.
    """
    parts = [where, extent(analysis), bars_of(analysis.grid.points), *_signs(chosen), grey]
    return "; ".join(part for part in parts if part)


def _signs(chosen: Sequence[BatchLine]) -> Iterator[str]:
    if any(line.knee.batch is not None for line in chosen):
        yield "rings: knees"
    signs = {sign for line in chosen for _, _, sign in stops(line)}
    if NO_ROOM in signs:
        yield f"{NO_ROOM}: did not fit into memory"
    if NO_RESULT in signs:
        yield f"{NO_RESULT}: no result ({listed(_endings(chosen))})"
    if any(doubted(point) for line in chosen for point in line.line.points):
        yield "hollow: suspect energy"
    if any(line.metric == LATENCY for line in chosen):
        yield "samples/s: batch / latency, of one call at a time"


def _endings(chosen: Sequence[BatchLine]) -> list[str]:
    found = (point.row.status for line in chosen for _, point, sign in stops(line) if sign == NO_RESULT)
    return list(dict.fromkeys(map(str, found)))


def doubted(point: Point) -> bool:
    """Whether the energy of a cell is suspect."""
    metric = shown_energy([point.row])
    return bool(metric) and point.row.estimates[metric].verdict is Trust.SUSPECT
