"""Bring a table that somebody else made into a store."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from stopwatt import __version__
from stopwatt.errors import UsageError
from stopwatt.records import Measurement, Note, Scalar
from stopwatt.store.database import Store
from stopwatt.store.foreign.build import build
from stopwatt.store.foreign.columns import Columns, bind
from stopwatt.store.foreign.files import TableFile, open_table
from stopwatt.store.foreign.spec import TableSpec, command_of
from stopwatt.store.model import Run, RunStatus
from stopwatt.store.rows import column_text

SOURCE = "imported:"
"""How the source of every imported workload begins."""

_NAME = r"\w[\w .+-]{0,99}"


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table, read and understood.

    Attributes:
        source: Of the workload.
        measurements: One for each cell and round, in the order of the lines.
        run: Under which they are stored: its id follows from theirs.
    """

    file: TableFile
    columns: Columns
    source: str
    measurements: tuple[Measurement, ...]
    run: Run

    @property
    def metric(self) -> str:
        """Of the times."""
        return "mean_latency" if self.columns.means else "latency"

    @property
    def cells(self) -> int:
        """How many different ones."""
        return len({measurement.cell.key for measurement in self.measurements})

    @property
    def trials(self) -> int:
        """Single times of all cells; 0 for a table of means."""
        return sum(m.samples["latency"].values.size for m in self.measurements if "latency" in m.samples)

    def values(self, name: str) -> list[Scalar]:
        """What stands in a column of `columns.keys`, each once; sorted if numbers."""
        found = dict.fromkeys(_value(measurement, name) for measurement in self.measurements)
        numbers = [value for value in found if isinstance(value, int | float)]
        return [*sorted(numbers)] if len(numbers) == len(found) else [*found]

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the table does not support; the same for all measurements."""
        return self.measurements[0].notes


@dataclass(frozen=True, slots=True)
class Brought:
    """What an import of a table did.

    Attributes:
        new: Measurements that it brought.
        known: Measurements that were there already.
        others: Runs in the store that come from the same file, read in another way.
    """

    table: Table
    new: int
    known: int
    others: tuple[Run, ...] = ()


def read_table(path: Path, spec: TableSpec, *, tag: str = "") -> Table:
    """Read a table without storing anything.

    Args:
        path: CSV, TSV, JSON lines or Parquet; the ending names the format.
        spec: Which column means what.
        tag: A name for the run.

    Raises:
        UsageError: The file, a column, a unit or a line is not what it should be.
    """
    source = SOURCE + _name(spec.name, path)
    file = open_table(path, spec.separator)
    columns = bind(spec, file)
    measurements = build(file, spec, columns, source)
    return Table(file, columns, source, tuple(measurements), _run(file, spec, measurements, tag))


def bring_table(store: Store, table: Table) -> Brought:
    """Save a table's measurements in one transaction. A second time brings nothing new.

    Raises:
        StoreError: The database cannot be written.
    """
    others = [run for run in store.runs() if run.plan == table.run.plan and run.id != table.run.id]
    new = store.import_all({table.run.id: (table.run, list(table.measurements))})
    return Brought(table, new, len(table.measurements) - new, tuple(others))


def _name(given: str, path: Path) -> str:
    """Of what was measured: part of names of files and of addresses in reports, so that not every text will do."""
    if not given:
        return re.sub(r"[^\w.+-]+", "_", path.stem).strip("._+-")[:100] or "table"
    if not re.fullmatch(_NAME, given):
        raise UsageError(
            f"{given!r} is no name for what was measured",
            now="give --name letters, digits, blanks and . + -, at most 100, the first a letter or a digit",
        )
    return given


def _value(measurement: Measurement, name: str) -> Scalar:
    cell = measurement.cell
    if name in cell.workload.params:
        return cell.workload.params[name]
    elsewhere = {"round": measurement.round, "machine": measurement.facts["stated.machine"]}
    value: Scalar = elsewhere[name] if name in elsewhere else getattr(cell.setup, name)
    return value


def _run(file: TableFile, spec: TableSpec, measurements: Sequence[Measurement], tag: str) -> Run:
    """The run of exactly these measurements: a second import of them is the same run."""
    brought_at = measurements[0].started_at
    ident = hashlib.sha256("".join(measurement.id for measurement in measurements).encode()).hexdigest()[:32]
    said = {name: value for name, value in asdict(spec).items() if value}
    return Run(
        id=ident,
        command=column_text(command_of(file.path, spec, tag)),
        plan=file.sha256,
        tag=column_text(tag),
        tool_version=__version__,
        started_at=brought_at,
        finished_at=brought_at,
        status=RunStatus.COMPLETE,
        request={"source": {"file": str(file.path), "sha256": file.sha256, **said}},
    )
