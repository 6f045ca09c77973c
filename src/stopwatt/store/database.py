"""The store itself: runs are begun, rounds are saved, measurements are read."""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from itertools import groupby
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Connection, Engine, Select, Table, insert, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite

from stopwatt.errors import StoreError
from stopwatt.records import Cell, Measurement, Setup, Status
from stopwatt.store import rows
from stopwatt.store.engine import WRITES
from stopwatt.store.model import Entry, Run, RunStatus, Selection
from stopwatt.store.owner import is_alive, this_process
from stopwatt.store.queries import (
    entries_query,
    ids_beginning,
    measurements_query,
    only,
    phases_query,
    run_columns,
    selected_numbers,
)
from stopwatt.store.tables import cells, environments, rounds, runs, samples, traces
from stopwatt.store.trouble import translated
from stopwatt.wire import from_document

if TYPE_CHECKING:
    from stopwatt.store.operators import OperatorShelf

_EVERYTHING = Selection()
_CHUNK = 50  # measurements read at a time: bounded memory, and no reading transaction that stays open


class Store:
    """A results database. Made by `store.open_store`; a context manager.

    Args:
        engine: At the newest schema.
        where: Name of the database for messages.
    """

    def __init__(self, engine: Engine, where: str) -> None:
        self.where = where
        self._engine = engine
        self._writing = engine.execution_options(**WRITES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @cached_property
    def operators(self) -> "OperatorShelf":
        """Captures, replays, tables of others, specifications and predictors, in the same database."""
        from stopwatt.store.operators import OperatorShelf

        return OperatorShelf(self._read, self._write, self.where)

    def begin_run(
        self, command: str, plan: str, tag: str, tool_version: str, request: Mapping[str, Any] | None = None
    ) -> Run:
        """Begin a run, owned by this process.

        Raises:
            StoreError: As every method: the database is full, locked, damaged, read-only or out of reach.
        """
        known = (rows.column_text(command), plan, rows.column_text(tag), tool_version, _now())
        run = Run(uuid.uuid4().hex, *known, request=request or {})
        with self._write() as connection:
            connection.execute(insert(runs).values(**run_row(run), owner=this_process()))
        return run

    def find_unfinished(self, plan: str) -> Run | None:
        """The latest run of a plan, if it was not finished and no other living process works on it."""
        latest = select(*run_columns(), runs.c.owner).where(runs.c.plan == plan).order_by(runs.c.number.desc())
        with self._read() as connection:
            row = connection.execute(latest.limit(1)).mappings().first()
        if row is None or row["status"] not in {RunStatus.OPEN, RunStatus.INTERRUPTED}:
            return None
        return None if _is_of_another(row["owner"]) else _run(row)

    def find_finished(self, plan: str) -> Run | None:
        """The latest run of a plan that came to its end, whether or not cells of it failed."""
        ended = (RunStatus.COMPLETE, RunStatus.PARTLY_FAILED)
        latest = select(*run_columns()).where(runs.c.plan == plan, runs.c.status.in_(ended))
        with self._read() as connection:
            row = connection.execute(latest.order_by(runs.c.number.desc()).limit(1)).mappings().first()
        return None if row is None else _run(row)

    def continue_run(self, run: Run, command: str = "", request: Mapping[str, Any] | None = None) -> Run:
        """Take over a run of `find_unfinished`.

        Args:
            run: To go on with.
            command: How it is asked for now; kept instead of the first one unless empty.
            request: What is asked for now, kept likewise: equal measurements may be wanted with other deadlines.

        Raises:
            StoreError: Another process was faster.
        """
        with self._write() as connection:
            owner = connection.scalar(select(runs.c.owner).where(runs.c.id == run.id).with_for_update())
            if _is_of_another(owner or ""):
                raise StoreError(
                    f"run {run.id[:8]} is being continued by another process",
                    when=self.where,
                    now="wait for it to end, or start again to begin a run of its own",
                )
            taken = {"owner": this_process(), "status": str(RunStatus.OPEN), "finished_at": None}
            if command:
                taken["command"] = rows.column_text(command)
            if request is not None:
                taken["request"] = json.dumps(dict(request))
            connection.execute(update(runs).where(runs.c.id == run.id).values(taken))
        return self.run(run.id)

    def finish_run(self, run: Run, status: RunStatus) -> None:
        """Close a run. An `INTERRUPTED` one can still be continued."""
        ended = {"status": str(status), "finished_at": _now(), "owner": ""}
        with self._write() as connection:
            connection.execute(update(runs).where(runs.c.id == run.id).values(ended))

    def save(self, run: Run, measurement: Measurement) -> None:
        """Save one round in one transaction; it is on the disk when this returns. Saving it again changes nothing.

        Raises:
            StoreError: The round was not saved; what was saved before is intact.
        """
        with self._write() as connection:
            put(connection, cells, rows.cell_row(measurement.cell))
            put(connection, environments, rows.environment_row(measurement))
            put_round(connection, run.id, measurement)

    def import_all(self, found: Mapping[str, tuple[Run, list[Measurement]]]) -> int:
        """Save runs (by id) with their measurements in one transaction; those already there stay as they are.

        Returns:
            How many measurements were new.
        """
        measurements = [measurement for _, group in found.values() for measurement in group]
        environment_rows = {row["digest"]: row for row in map(rows.environment_row, measurements)}
        cell_rows = {row["key"]: row for row in (rows.cell_row(m.cell) for m in measurements)}
        with self._write() as connection:
            # Sorted, and in the order of tables that `save` has: two writers cannot wait for each other in a circle.
            for key in sorted(cell_rows):
                put(connection, cells, cell_rows[key])
            for key in sorted(environment_rows):
                put(connection, environments, environment_rows[key])
            for key in sorted(found):
                put(connection, runs, run_row(found[key][0]) | {"owner": ""})
            return sum(put_round(connection, run.id, m) for run, group in found.values() for m in group)

    def rounds_done(self, run: Run) -> dict[tuple[str, int], Status]:
        """How each `(cell key, round)` of a run ended; without the interrupted ones, which are to be measured again."""
        query = select(rounds.c.cell, rounds.c.round, rounds.c.status).where(
            rounds.c.run == run.id, rounds.c.status != str(Status.INTERRUPTED)
        )
        with self._read() as connection:
            return {(row.cell, row.round): Status(row.status) for row in connection.execute(query)}

    def runs(self, limit: int | None = None) -> list[Run]:
        """The latest runs (all of them without a limit), oldest first."""
        query = select(*run_columns()).order_by(runs.c.number.desc()).limit(limit)
        with self._read() as connection:
            return [_run(row) for row in connection.execute(query).mappings()][::-1]

    def run(self, prefix: str) -> Run:
        """The run whose id begins so.

        Raises:
            UsageError: None or several do.
        """
        with self._read() as connection:
            ident = only(list(connection.scalars(ids_beginning(runs, prefix))), "run", prefix)
            return _run(connection.execute(select(*run_columns()).where(runs.c.id == ident)).mappings().one())

    def has_run(self, prefix: str) -> bool:
        """Whether the id of some run begins so."""
        with self._read() as connection:
            return connection.scalar(ids_beginning(runs, prefix)) is not None

    def entries(self, selection: Selection = _EVERYTHING) -> list[Entry]:
        """What was measured, oldest first, without the measurements themselves."""
        with self._read() as connection:
            numbers = list(connection.scalars(selected_numbers(selection)))
            return [
                _entry(row)
                for chunk in _chunks(sorted(numbers))
                for row in connection.execute(_in_order(entries_query(), chunk)).mappings()
            ]

    def phases(self, selection: Selection = _EVERYTHING) -> Iterator[tuple[Cell, int, Mapping[str, float]]]:
        """The cell of each measurement, its trials, and the seconds of its phases; no samples are read.

        Raises:
            StoreError: As every method.
        """
        with self._read() as connection:
            numbers = list(connection.scalars(selected_numbers(selection)))
        found: dict[str, Cell] = {}
        for chunk in _chunks(sorted(numbers)):
            with self._read() as connection:
                lines = connection.execute(_in_order(phases_query(), chunk)).all()
            for line in lines:
                if line.key not in found:
                    found[line.key] = from_document(Cell, json.loads(line.cell_document))
                yield found[line.key], line.trials, json.loads(line.document).get("phases", {})

    def measurements(self, selection: Selection = _EVERYTHING) -> Iterator[Measurement]:
        """The measurements in the order in which they were saved, read a few at a time.

        An array that does not fit its checksum is left out and named in a note (`damaged-samples`).

        Raises:
            StoreError: A measurement's document is damaged; the message names it.
        """
        return (measurement for _, measurement in self.with_runs(selection))

    def with_runs(self, selection: Selection = _EVERYTHING) -> Iterator[tuple[str, Measurement]]:
        """As `measurements`, each with the id of its run."""
        with self._read() as connection:
            numbers = list(connection.scalars(selected_numbers(selection)))
        for chunk in _chunks(sorted(numbers)):
            with self._read() as connection:
                found = connection.execute(_in_order(measurements_query(), chunk)).mappings().all()
                ids = [row["id"] for row in found]
                arrays, channels = _arrays(connection, samples, ids), _arrays(connection, traces, ids)
            for row in found:
                ident = row["id"]
                yield row["run"], rows.measurement_from(row, arrays.get(ident, []), channels.get(ident, []))

    def measurement(self, prefix: str) -> Measurement:
        """The measurement whose id begins so.

        Raises:
            UsageError: None or several do.
        """
        with self._read() as connection:
            ident = only(list(connection.scalars(ids_beginning(rounds, prefix))), "measurement", prefix)
            row = connection.execute(measurements_query().where(rounds.c.id == ident)).mappings().one()
            arrays, channels = _arrays(connection, samples, [ident]), _arrays(connection, traces, [ident])
        return rows.measurement_from(row, arrays.get(ident, []), channels.get(ident, []))

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with translated(self.where), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with translated(self.where), self._writing.begin() as connection:
            yield connection


def put(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless one with its key is there. Whether it was new."""
    statement = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
    # What an insertion returns says whether it happened; not every driver counts the rows of one.
    inserted = statement.values(**row).on_conflict_do_nothing().returning(literal_column("1"))
    return connection.execute(inserted).first() is not None


def put_round(connection: Connection, run: str, measurement: Measurement) -> bool:
    """Insert a round with its samples and traces unless it is there. Its cell and its environment must be."""
    if not put(connection, rounds, rows.round_row(run, measurement)):
        return False
    for table, arrays in ((samples, rows.sample_rows(measurement)), (traces, rows.trace_rows(measurement))):
        if arrays:
            connection.execute(insert(table), arrays)
    return True


def run_row(run: Run) -> dict[str, Any]:
    """Row of `runs`, without its owner."""
    names = ("id", "command", "plan", "tag", "tool_version", "started_at", "finished_at")
    known = {name: getattr(run, name) for name in names}
    return known | {"status": str(run.status), "request": json.dumps(dict(run.request))}


def _is_of_another(owner: str) -> bool:
    return is_alive(owner) and owner != this_process()


def _run(row: rows.Row) -> Run:
    known = {name: value for name, value in row.items() if name != "owner"}
    return Run(**known | {"status": RunStatus(row["status"]), "request": json.loads(row["request"])})


def _entry(row: rows.Row) -> Entry:
    values = dict(row)
    techniques = tuple(filter(None, values.pop("techniques").split("+")))
    setup = Setup(values["backend"], values.pop("variant"), techniques=techniques)
    readable = {"params": json.loads(values["params"]), "backend": setup.backend_label}
    return Entry(**values | readable | {"status": Status(values["status"])})


def _arrays(connection: Connection, table: Table, measurements: list[str]) -> dict[str, list[rows.Row]]:
    """Rows of `samples` or `traces` by measurement."""
    query = select(table).where(table.c.measurement.in_(measurements)).order_by(table.c.measurement)
    found = connection.execute(query).mappings().all()
    return {key: list(group) for key, group in groupby(found, key=lambda row: row["measurement"])}


def _in_order(query: Select[Any], numbers: list[int]) -> Select[Any]:
    return query.where(rounds.c.number.in_(numbers)).order_by(rounds.c.number)


def _chunks(numbers: list[int]) -> Iterator[list[int]]:
    return (numbers[start : start + _CHUNK] for start in range(0, len(numbers), _CHUNK))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
