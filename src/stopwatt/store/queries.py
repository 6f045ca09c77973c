"""The queries that several operations share."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, select

from stopwatt.errors import UsageError
from stopwatt.store.model import Selection
from stopwatt.store.rows import column_text
from stopwatt.store.tables import cells, environments, rounds, runs

_SHOWN_CANDIDATES = 3
_LARGEST = 2**63 - 1


def run_columns() -> list[ColumnElement[Any]]:
    """What a `model.Run` consists of, by its field names."""
    saved = select(func.count()).where(rounds.c.run == runs.c.id).scalar_subquery()
    names = ("id", "command", "plan", "tag", "tool_version", "started_at", "finished_at", "status", "request")
    return [*(runs.c[name] for name in names), saved.label("rounds")]


def entries_query() -> Select[Any]:
    """What a `model.Entry` consists of, with the parts of its labels."""
    of_cell = [
        cells.c[name]
        for name in ("workload", "params", "backend", "variant", "techniques", "precision", "batch", "device")
    ]
    of_round = [rounds.c[name] for name in ("id", "run", "cell", "round", "status", "reason", "trials", "started_at")]
    return _joined(*of_round, runs.c.tag, *of_cell, cells.c.threads)


def measurements_query() -> Select[Any]:
    """What `rows.measurement_from` reads, without the samples."""
    return _joined(rounds, cells.c.document.label("cell_document"), environments.c.facts)


def phases_query() -> Select[Any]:
    """A measurement's cell, its trials and its document."""
    return _joined(rounds.c.trials, rounds.c.document, cells.c.key, cells.c.document.label("cell_document"))


def selected_numbers(selection: Selection) -> Select[int]:
    """Numbers of the selected rounds, the latest first.

    Raises:
        UsageError: A number that no round can have.
    """
    for name, number in {"batch": selection.batch, "limit": selection.limit}.items():
        if number is not None and not 0 < number <= _LARGEST:
            raise UsageError(f"--{name} {number} is out of range", now="use a positive number")
    query = _joined(rounds.c.number).where(*_conditions(selection))
    return query.order_by(rounds.c.number.desc()).limit(selection.limit)


def ids_beginning(table: Table, prefix: str) -> Select[str]:
    """Ids of a table that begin so, enough of them to see that there are several."""
    begins = table.c.id.startswith(prefix.lower(), autoescape=True)
    return select(table.c.id).where(begins).order_by(table.c.id).limit(_SHOWN_CANDIDATES)


def only(found: list[str], what: str, prefix: str) -> str:
    """The one id that was found.

    Raises:
        UsageError: None or several were.
    """
    if not found:
        raise UsageError(f"there is no {what} {prefix!r}", now="stopwatt show lists what there is")
    if len(found) > 1:
        near = ", ".join(found)
        raise UsageError(f"several ids of a {what} begin with {prefix!r}: {near} ...", now="write more of its digits")
    return found[0]


def _joined(*columns: Any) -> Select[Any]:
    tables = rounds.join(cells, rounds.c.cell == cells.c.key).join(runs, rounds.c.run == runs.c.id)
    tables = tables.join(environments, rounds.c.environment == environments.c.digest)
    return select(*columns).select_from(tables)


def _conditions(selection: Selection) -> Iterator[ColumnElement[bool]]:
    equal = {
        cells.c.workload: selection.workload,
        cells.c.backend: selection.backend,
        cells.c.precision: selection.precision,
        cells.c.batch: selection.batch,
        cells.c.device: selection.device,
        rounds.c.status: None if selection.status is None else str(selection.status),
        runs.c.tag: selection.tag,
    }
    for column, wanted in equal.items():
        if wanted is not None:
            yield column == (column_text(wanted) if isinstance(wanted, str) else wanted)
    if selection.run is not None:
        yield rounds.c.run.startswith(selection.run.lower(), autoescape=True)
    if selection.cell is not None:
        yield rounds.c.cell.startswith(selection.cell.lower(), autoescape=True)
