"""From a results database to a report, or to the part of it that a figure is drawn from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stopwatt.analyse.analysis import Analysis, analyse
from stopwatt.analyse.grid import coordinates
from stopwatt.analyse.rounds import RoundRecord, rounds_by_cell
from stopwatt.analyse.selftests import latest_selftest, line
from stopwatt.errors import UsageError
from stopwatt.extensions import unknown
from stopwatt.records import Cell, Finding, Measurement
from stopwatt.reporting.charts.renderer import Renderer
from stopwatt.reporting.html.page import render
from stopwatt.reporting.html.provenance import Source, now
from stopwatt.store import Run, Selection, Store
from stopwatt.store.atomic import replacing
from stopwatt.store.references import find_runs

LATEST = "last"
GENERATOR = b'<meta name="generator" content="stopwatt">'
_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Selected:
    """Measurements of a store, analysed."""

    analysis: Analysis
    rounds: Mapping[str, tuple[RoundRecord, ...]]
    source: Source


@dataclass(frozen=True, slots=True)
class Written:
    """A report that was written.

    Attributes:
        size: In bytes.
        findings: By falling weight.
        runs: Those that it shows.
        studies: Of ways of measuring; their cells are not counted among `cells`.
    """

    path: Path
    size: int
    cells: int
    findings: tuple[Finding, ...]
    runs: tuple[Run, ...]
    studies: int = 0


def select(
    store: Store, names: Sequence[str] = (), *, deadlines: Sequence[float] = (), where: Sequence[str] = ()
) -> Selected:
    """Read and analyse runs.

    Args:
        store: Open for reading.
        names: Ids of runs, tags, `last`, `last~1`; the latest run without any.
        deadlines: In seconds; those that a run was begun with count too.
        where: What cells to take: `hidden=200` (a coordinate), or the beginning of a cell's key. All of them must hold.

    Raises:
        UsageError: No such run, coordinate or cell.
    """
    runs = {run.id: run for name in names or (LATEST,) for run in find_runs(store, name)}
    found = [one for run in runs for one in store.measurements(Selection(run=run))]
    if where:
        found = _restricted(found, where)
    asked = {float(one) for run in runs.values() for one in run.request.get("deadlines", ())}
    analysis = analyse(found, deadlines=sorted(asked | set(deadlines)))
    devices = {cell.row.cell.machine: cell.row.cell.setup.device for cell in analysis.cells}
    selftests = tuple(line(latest_selftest(store, one), device) for one, device in devices.items() if one)
    return Selected(analysis, rounds_by_cell(found), Source(tuple(runs.values()), store.where, now(), selftests))


def write_report(
    store: Store,
    out: Path,
    names: Sequence[str] = (),
    *,
    deadlines: Sequence[float] = (),
    overwrite: bool = False,
) -> Written:
    """Write the page of some runs.

    Args:
        store: Open for reading.
        out: The file. One that is a report of ours is replaced; anything else only with `overwrite`.
        names: As in `select`.
        deadlines: As in `select`.
        overwrite: Whether any file may be replaced.

    Raises:
        UsageError: No such run, another file stands there, or there are more cells than a page holds.
        StoreError: The results cannot be read or the page cannot be written; nothing is left behind.
    """
    _check_target(out, overwrite=overwrite)
    with Renderer() as renderer:  # begins to work while the measurements are read and analysed
        selected = select(store, names, deadlines=deadlines)
        content = render(selected.analysis, selected.rounds, selected.source, renderer).encode()
    with replacing(out, overwrite=overwrite or is_report(out)) as file:
        file.write(content)
    analysis = selected.analysis
    counts = len(analysis.cells), len(analysis.studies)
    return Written(out, len(content), counts[0], analysis.findings, selected.source.runs, counts[1])


def is_report(path: Path) -> bool:
    """Whether a file is a page that stopwatt made."""
    try:
        with path.open("rb") as file:
            return GENERATOR in file.read(_HEAD)
    except OSError:
        return False


def _check_target(out: Path, *, overwrite: bool) -> None:
    """Refuse at once what could not be written at the end."""
    if out.is_dir():
        raise UsageError("the output is a folder", when=str(out), now="name a file in it")
    if not out.parent.is_dir():
        raise UsageError("the output's folder is not there", when=str(out), now=f"mkdir -p {out.parent}")
    if out.exists() and not overwrite and not is_report(out):
        raise UsageError(
            "the file is there already, and it is no report of stopwatt",
            when=str(out),
            now="name another one, or add --force",
        )


def _restricted(found: Sequence[Measurement], where: Sequence[str]) -> list[Measurement]:
    cells = {one.cell.key: one.cell for one in found}
    for word in where:
        cells = _holding(cells, word)
    return [one for one in found if one.cell.key in cells]


def _holding(cells: Mapping[str, Cell], word: str) -> dict[str, Cell]:
    name, equals, value = word.partition("=")
    if not equals:
        kept = {key: cell for key, cell in cells.items() if key.startswith(word.lower())}
        if not kept:
            raise UsageError(f"no cell's key begins with {word!r}", now="name a coordinate, such as hidden=200")
        return kept
    places = {key: coordinates(cell) for key, cell in cells.items()}
    known = _once(where for place in places.values() for where in place)
    if name not in known:
        raise unknown("coordinate", name, known)
    kept = {key: cell for key, cell in cells.items() if name in places[key] and _equal(places[key][name], value)}
    if not kept:
        values = _once(str(place[name]) for place in places.values() if name in place)
        raise UsageError(f"no cell has {name}={value}", now=f"there are {', '.join(values)}")
    return kept


def _equal(value: object, text: str) -> bool:
    """Whether a text means a value: numbers by their size, everything else as it is written."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(text) == value
        except ValueError:
            return False
    return str(value) == text


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
