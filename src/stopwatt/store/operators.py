"""The operator database: captures, replays, tables of others, specifications of devices, predictors.

Raw samples are kept as they were measured; medians are derived by whoever reads them.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Connection, delete, func, insert, select

from stopwatt.operators.capture import Capture
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Mode, Place, Replay
from stopwatt.operators.table import DeviceSpecs, Table
from stopwatt.operators.work import Family
from stopwatt.records import Setup, Workload, digest
from stopwatt.store import costs, tables
from stopwatt.store.database import put
from stopwatt.store.documents import packed, packed_bytes, unpacked, unpacked_bytes
from stopwatt.store.rows import column_text
from stopwatt.wire import from_document, to_document

_CHUNK = 200  # documents read at a time: bounded memory, and no reading transaction that stays open
_CAPTURE_AGAIN = "capture it again (stopwatt ops capture), which replaces it; everything else is intact"
_MEASURE_AGAIN = "restore the database from a copy; what was measured elsewhere (another device) can still be read"
_FIT_AGAIN = "fit it again (stopwatt ops fit), which replaces it"

Connecting = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class Kept:
    """A replay as it was saved.

    Attributes:
        place: Where it was measured.
        operator: What was measured.
        replay: What that gave.
        at: When it was saved, ISO 8601 in UTC.
        number: Rises with each replay that is saved.
    """

    place: Place
    operator: Operator
    replay: Replay
    at: str
    number: int


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """An imported table.

    Attributes:
        source: Where its rows are from.
        family: Of their operators.
        device: Hardware, as the source names it.
        rows: How many.
        powered: Those of them that have a power.
        at: When it was imported, ISO 8601 in UTC.
    """

    source: str
    family: Family
    device: str
    rows: int
    powered: int
    at: str


@dataclass(frozen=True, slots=True)
class PredictorInfo:
    """A predictor that is kept: its name, when it was saved, what was said of it, and its size in bytes."""

    name: str
    at: str
    summary: Mapping[str, Any]
    size: int


class OperatorShelf:
    """The operator tables of a store. Made by `Store.operators`.

    Every method raises `StoreError` where the database cannot be read or written, or holds something damaged.

    Args:
        read: Opens a reading transaction.
        write: Opens a writing one.
        where: Name of the database for messages.
    """

    def __init__(self, read: Connecting, write: Connecting, where: str) -> None:
        self._read = read
        self._write = write
        self.where = where

    def save_capture(self, capture: Capture) -> None:
        """Keep a capture. One of equal workload, setup, code, software and machine is replaced."""
        row = _capture_row(capture)
        with self._write() as connection:
            connection.execute(delete(tables.captures).where(tables.captures.c.key == row["key"]))
            connection.execute(insert(tables.captures).values(**row))

    def captures(
        self,
        *,
        workload: str | None = None,
        backend: str | None = None,
        precision: str | None = None,
        batch: int | None = None,
        device: str | None = None,
    ) -> list[Capture]:
        """The newest capture of each workload and setup, newest first; what is not given does not restrict."""
        named = tables.captures.c
        wanted = {"workload": workload, "backend": backend, "precision": precision, "batch": batch, "device": device}
        query = select(func.max(named.number)).group_by(named.identity)
        for name, value in wanted.items():
            if value is not None:
                query = query.where(named[name] == (column_text(value) if isinstance(value, str) else value))
        with self._read() as connection:
            numbers = sorted(connection.scalars(query), reverse=True)
        return [capture for chunk in _chunks(numbers) for capture in self._captures(chunk)]

    def capture_of(self, workload: Workload, setup: Setup) -> Capture | None:
        """The newest capture of a workload as a setup runs it; `None` where there is none."""
        named = tables.captures.c
        query = select(func.max(named.number)).where(named.identity == _identity(workload, setup))
        with self._read() as connection:
            number = connection.scalar(query)
        return None if number is None else self._captures([number])[0]

    def save_replays(self, place: Place, operators: Mapping[str, Operator], replays: Sequence[Replay]) -> None:
        """Keep replays in one transaction: all of them are on the disk when this returns, or none.

        Args:
            place: Where they were measured.
            operators: By key, all that the replays name.
            replays: In any order. Those of before stay: an operator may be measured often.
        """
        here = _place_row(place)
        known = {one.operator for one in replays}
        rows = [_replay_row(one, here["digest"]) for one in replays]
        with self._write() as connection:
            put(connection, tables.places, here)
            for key in sorted(known):  # sorted: two writers cannot wait for each other in a circle
                put(connection, tables.operators, _operator_row(operators[key]))
            if rows:
                connection.execute(insert(tables.replays), rows)

    def replays(
        self, *, place: Place | None = None, hardware: str | None = None, operators: Collection[str] | None = None
    ) -> list[Kept]:
        """Saved replays of any status, oldest first.

        Args:
            place: Only those that were measured there.
            hardware: Only those of that hardware, whatever the software was.
            operators: Only those of operators with these keys.
        """
        named = tables.replays.c
        query = select(named.number, named.operator).order_by(named.number)
        if place is not None:
            query = query.where(named.place == _digest_of(place))
        if hardware is not None:
            there = select(tables.places.c.digest).where(tables.places.c.hardware == column_text(hardware))
            query = query.where(named.place.in_(there))
        wanted = None if operators is None else set(operators)
        with self._read() as connection:
            found = [number for number, key in connection.execute(query) if wanted is None or key in wanted]
        reader = _Reader(self._read)
        return [kept for chunk in _chunks(found) for kept in reader.read(chunk)]

    def measured(self, place: Place) -> dict[tuple[str, Mode], int]:
        """How many replays of each operator (its key) and mode were saved at a place, whatever became of them."""
        named = tables.replays.c
        query = select(named.operator, named.mode, func.count()).where(named.place == _digest_of(place))
        with self._read() as connection:
            found = connection.execute(query.group_by(named.operator, named.mode)).all()
        return {(key, Mode(mode)): count for key, mode, count in found}

    def places(self) -> list[tuple[Place, dict[Mode, tuple[int, int]], str]]:
        """Where operators were measured, the latest last: `(operators with a time, all)` by mode, and when the last."""
        named = tables.replays.c
        good = func.count(func.distinct(named.operator)).filter(named.status == "ok")
        counts = func.count(func.distinct(named.operator))
        query = select(named.place, named.mode, good, counts, func.max(named.at)).group_by(named.place, named.mode)
        with self._read() as connection:
            found = connection.execute(query).all()
            known = {row.digest: _place(row.document) for row in connection.execute(select(tables.places))}
        by_place: dict[str, dict[Mode, tuple[int, int]]] = {}
        latest: dict[str, str] = {}
        for where, mode, ok, total, at in found:
            by_place.setdefault(where, {})[Mode(mode)] = (ok, total)
            latest[where] = max(at, latest.get(where, ""))
        return [(known[where], by_place[where], latest[where]) for where in sorted(by_place, key=latest.__getitem__)]

    def save_table(self, table: Table) -> int:
        """Keep rows of others in one transaction; those of before of the same source, family and device go.

        Returns:
            How many rows were saved.
        """
        now = _now()
        with self._write() as connection:
            for source, device, part in costs.parts(table):
                _put_costs(connection, column_text(source), column_text(device), part, now)
        return len(table)

    def tables(
        self, *, family: Family | None = None, device: str | None = None, source: str | None = None
    ) -> list[Table]:
        """Imported tables, one for each source, family and device, sorted by these; each is read by itself."""
        return list(self.each_table(family=family, device=device, source=source))

    def each_table(
        self, *, family: Family | None = None, device: str | None = None, source: str | None = None
    ) -> Iterator[Table]:
        """As `tables`, one after another: only one of them is in memory."""
        for head in self._heads(family, device, source):
            named = tables.cost_columns.c
            with self._read() as connection:
                query = select(tables.cost_columns).where(named.costs == head["number"])
                columns = {row["name"]: row for row in connection.execute(query).mappings()}
            yield costs.table_from(head, columns)

    def sources(self) -> list[SourceInfo]:
        """What was imported, sorted by source, family and device."""
        return [
            SourceInfo(
                head["source"], Family(head["family"]), head["device"], head["n"], head["powered"], str(head["at"])
            )
            for head in self._heads(None, None, None)
        ]

    def save_specs(self, specs: DeviceSpecs) -> None:
        """Keep what a device does at most; what was known of one of that name goes."""
        name = column_text(specs.name)
        document = json.dumps(to_document(specs))
        with self._write() as connection:
            connection.execute(delete(tables.device_specs).where(tables.device_specs.c.name == name))
            put(connection, tables.device_specs, {"name": name, "document": document})

    def specs(self) -> dict[str, DeviceSpecs]:
        """What devices do at most, by their names."""
        with self._read() as connection:
            rows = connection.execute(select(tables.device_specs).order_by(tables.device_specs.c.name)).all()
        return {row.name: from_document(DeviceSpecs, json.loads(row.document)) for row in rows}

    def save_predictor(self, name: str, content: bytes, summary: Mapping[str, Any]) -> None:
        """Keep a predictor and what there is to say of it (a JSON document); one of that name goes."""
        row = {"name": name, "at": _now(), "summary": json.dumps(dict(summary))} | packed_bytes(content)
        with self._write() as connection:
            connection.execute(delete(tables.predictors).where(tables.predictors.c.name == name))
            put(connection, tables.predictors, row)

    def predictor(self, name: str) -> tuple[bytes, Mapping[str, Any]] | None:
        """The predictor of that name and its summary; `None` where there is none."""
        with self._read() as connection:
            query = select(tables.predictors).where(tables.predictors.c.name == name)
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        return unpacked_bytes(row, f"predictor {name}", _FIT_AGAIN), json.loads(row["summary"])

    def predictors(self) -> list[PredictorInfo]:
        """The predictors that are kept, by name."""
        named = tables.predictors.c
        query = select(named.name, named.at, named.summary, named.n).order_by(named.name)
        with self._read() as connection:
            rows = connection.execute(query).all()
        return [PredictorInfo(row.name, row.at, json.loads(row.summary), row.n) for row in rows]

    def _captures(self, numbers: Sequence[int]) -> list[Capture]:
        named = tables.captures.c
        query = select(tables.captures).where(named.number.in_(numbers)).order_by(named.number.desc())
        with self._read() as connection:
            rows = connection.execute(query).mappings().all()
        return [unpacked(Capture, row, f"the capture of {row['workload']}", _CAPTURE_AGAIN) for row in rows]

    def _heads(self, family: Family | None, device: str | None, source: str | None) -> list[Mapping[str, Any]]:
        """Rows of `costs`, the newest for each source, family and device."""
        named = tables.costs.c
        query = select(func.max(named.number)).group_by(named.source, named.family, named.device)
        for name, value in (("family", family), ("device", device), ("source", source)):
            if value is not None:
                query = query.where(named[name] == str(value))
        order = (named.source, named.family, named.device)
        with self._read() as connection:
            found = connection.execute(select(tables.costs).where(named.number.in_(query)).order_by(*order))
            return [cast("Mapping[str, Any]", row) for row in found.mappings().all()]


class _Reader:
    """Reads replays a few at a time; places and operators, which many of them share, once each."""

    def __init__(self, read: Connecting) -> None:
        self._read = read
        self._places: dict[str, Place] = {}
        self._operators: dict[str, Operator] = {}

    def read(self, numbers: Sequence[int]) -> list[Kept]:
        query = select(tables.replays).where(tables.replays.c.number.in_(numbers)).order_by(tables.replays.c.number)
        with self._read() as connection:
            rows = connection.execute(query).mappings().all()
            self._learn_places(connection, {row["place"] for row in rows})
            self._learn_operators(connection, {row["operator"] for row in rows})
        return [
            Kept(
                self._places[row["place"]],
                self._operators[row["operator"]],
                unpacked(Replay, row, f"replay {row['number']}", _MEASURE_AGAIN),
                row["at"],
                row["number"],
            )
            for row in rows
        ]

    def _learn_places(self, connection: Connection, wanted: set[str]) -> None:
        query = select(tables.places).where(tables.places.c.digest.in_(wanted - self._places.keys()))
        self._places |= {row.digest: _place(row.document) for row in connection.execute(query)}

    def _learn_operators(self, connection: Connection, wanted: set[str]) -> None:
        query = select(tables.operators).where(tables.operators.c.key.in_(wanted - self._operators.keys()))
        for row in connection.execute(query).mappings():
            self._operators[row["key"]] = unpacked(Operator, row, f"operator {row['name']}", _MEASURE_AGAIN)


def _put_costs(connection: Connection, source: str, device: str, part: Table, now: str) -> None:
    named = tables.costs.c
    same = (named.source == source, named.family == str(part.family), named.device == device)
    connection.execute(delete(tables.costs).where(*same))
    powered = int((part.power_w > 0).sum())
    head = {"source": source, "family": str(part.family), "device": device, "n": len(part), "powered": powered}
    number = connection.scalar(insert(tables.costs).values(**head, at=now).returning(named.number))
    connection.execute(insert(tables.cost_columns), [{"costs": number} | row for row in costs.column_rows(part)])


def _capture_row(capture: Capture) -> dict[str, Any]:
    workload, setup = capture.workload, capture.setup
    identity = _identity(workload, setup)
    circumstances = {"code": capture.code, "software": dict(capture.software), "machine": capture.machine}
    return {
        "key": digest({"identity": identity} | circumstances),
        "identity": identity,
        "workload": column_text(workload.source),
        "backend": column_text(setup.backend),
        "precision": str(setup.precision),
        "batch": setup.batch,
        "device": column_text(setup.device),
        "at": _now(),
        **packed(capture),
    }


def _identity(workload: Workload, setup: Setup) -> str:
    return digest({"workload": to_document(workload), "setup": to_document(setup)})


def _place_row(place: Place) -> dict[str, Any]:
    document = json.dumps(to_document(place))
    return {"digest": _digest_of(place), "hardware": column_text(place.hardware), "document": document}


def _digest_of(place: Place) -> str:
    return digest(to_document(place))


def _place(document: str) -> Place:
    return from_document(Place, json.loads(document))


def _operator_row(operator: Operator) -> dict[str, Any]:
    return {"key": operator.key, "name": column_text(operator.name), **packed(operator)}


def _replay_row(replay: Replay, place: str) -> dict[str, Any]:
    facts = {"place": place, "operator": replay.operator, "mode": str(replay.mode), "status": str(replay.status)}
    return facts | {"at": _now()} | packed(replay)


def _chunks(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    return (numbers[start : start + _CHUNK] for start in range(0, len(numbers), _CHUNK))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
