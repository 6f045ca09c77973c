"""The history of the schema: numbered steps, each in a transaction of its own. Steps are added, never changed.

Schema 1 (stopwatt 0.1): runs, environments, cells, rounds, samples.
Schema 2: what a run was asked for (`runs.request`, a JSON document).
Schema 3: what instruments said beside a round (`traces`).
Schema 4: operators (`captures`, `operators`, `places`, `replays`), tables of others (`costs`, `cost_columns`), and what
is known and learnt of devices (`device_specs`, `predictors`).
Schema 5: what is done to a model before its backend gets it (`cells.techniques`).
"""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, func, insert, inspect, select, text

from stopwatt.errors import StoreError
from stopwatt.store import tables

_SCHEMA_1 = """
CREATE TABLE runs (
    number {serial},
    id TEXT NOT NULL UNIQUE,
    command TEXT NOT NULL,
    plan TEXT NOT NULL,
    tag TEXT NOT NULL,
    tool_version TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    status TEXT NOT NULL,
    owner TEXT NOT NULL
);
CREATE INDEX runs_plan ON runs (plan);
CREATE TABLE environments (
    digest TEXT NOT NULL PRIMARY KEY,
    facts TEXT NOT NULL
);
CREATE TABLE cells (
    key TEXT NOT NULL PRIMARY KEY,
    workload TEXT NOT NULL,
    params TEXT NOT NULL,
    backend TEXT NOT NULL,
    variant TEXT NOT NULL,
    precision TEXT NOT NULL,
    batch BIGINT NOT NULL,
    device TEXT NOT NULL,
    threads BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX cells_workload ON cells (workload);
CREATE TABLE rounds (
    number {serial},
    id TEXT NOT NULL UNIQUE,
    run TEXT NOT NULL REFERENCES runs (id),
    cell TEXT NOT NULL REFERENCES cells (key),
    environment TEXT NOT NULL REFERENCES environments (digest),
    round BIGINT NOT NULL,
    planned_rounds BIGINT NOT NULL,
    timeout_s DOUBLE PRECISION NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    trials BIGINT NOT NULL,
    started_at TEXT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX rounds_run ON rounds (run);
CREATE INDEX rounds_cell ON rounds (cell);
CREATE TABLE samples (
    measurement TEXT NOT NULL REFERENCES rounds (id),
    metric TEXT NOT NULL,
    unit TEXT NOT NULL,
    dtype TEXT NOT NULL,
    n BIGINT NOT NULL,
    crc32 BIGINT NOT NULL,
    data {blob} NOT NULL,
    PRIMARY KEY (measurement, metric)
);
CREATE TABLE stopwatt_schema (
    version BIGINT NOT NULL PRIMARY KEY,
    applied_at TEXT NOT NULL
)
"""
_WORDS = {
    "sqlite": {"serial": "INTEGER PRIMARY KEY AUTOINCREMENT", "blob": "BLOB"},
    "postgresql": {"serial": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "blob": "BYTEA"},
}


def _to_schema_1(connection: Connection) -> None:
    for statement in _SCHEMA_1.format(**_WORDS[connection.dialect.name]).split(";"):
        connection.exec_driver_sql(statement)


def _to_schema_2(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN request TEXT NOT NULL DEFAULT '{}'")


_SCHEMA_3 = """
CREATE TABLE traces (
    measurement TEXT NOT NULL REFERENCES rounds (id),
    place BIGINT NOT NULL,
    channel TEXT NOT NULL,
    unit TEXT NOT NULL,
    dtype TEXT NOT NULL,
    n BIGINT NOT NULL,
    crc32 BIGINT NOT NULL,
    data {blob} NOT NULL,
    PRIMARY KEY (measurement, place, channel)
)
"""


def _to_schema_3(connection: Connection) -> None:
    connection.exec_driver_sql(_SCHEMA_3.format(**_WORDS[connection.dialect.name]))


# `captures` and `costs` have no unique key: the newest row of a key counts, so that two processes that replace the same
# one at once neither wait for each other nor fail.
_SCHEMA_4 = """
CREATE TABLE captures (
    number {serial},
    key TEXT NOT NULL,
    identity TEXT NOT NULL,
    workload TEXT NOT NULL,
    backend TEXT NOT NULL,
    precision TEXT NOT NULL,
    batch BIGINT NOT NULL,
    device TEXT NOT NULL,
    at TEXT NOT NULL,
    n BIGINT NOT NULL,
    crc32 BIGINT NOT NULL,
    data {blob} NOT NULL
);
CREATE INDEX captures_identity ON captures (identity);
CREATE INDEX captures_key ON captures (key);
CREATE TABLE operators (
    key TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    n BIGINT NOT NULL,
    crc32 BIGINT NOT NULL,
    data {blob} NOT NULL
);
CREATE TABLE places (
    digest TEXT NOT NULL PRIMARY KEY,
    hardware TEXT NOT NULL,
    document TEXT NOT NULL
);
CREATE TABLE replays (
    number {serial},
    place TEXT NOT NULL REFERENCES places (digest),
    operator TEXT NOT NULL REFERENCES operators (key),
    mode TEXT NOT NULL,
    status TEXT NOT NULL,
    at TEXT NOT NULL,
    n BIGINT NOT NULL,
    crc32 BIGINT NOT NULL,
    data {blob} NOT NULL
);
CREATE INDEX replays_place ON replays (place, operator, mode);
CREATE TABLE costs (
    number {serial},
    source TEXT NOT NULL,
    family TEXT NOT NULL,
    device TEXT NOT NULL,
    n BIGINT NOT NULL,
    powered BIGINT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX costs_family ON costs (family, device, source);
CREATE TABLE cost_columns (
    costs BIGINT NOT NULL REFERENCES costs (number) ON DELETE CASCADE,
    name TEXT NOT NULL,
    texts TEXT,
    n BIGINT NOT NULL,
    crc32 BIGINT NOT NULL,
    data {blob} NOT NULL,
    PRIMARY KEY (costs, name)
);
CREATE TABLE device_specs (
    name TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
);
CREATE TABLE predictors (
    name TEXT NOT NULL PRIMARY KEY,
    at TEXT NOT NULL,
    summary TEXT NOT NULL,
    n BIGINT NOT NULL,
    crc32 BIGINT NOT NULL,
    data {blob} NOT NULL
)
"""


def _to_schema_4(connection: Connection) -> None:
    for statement in _SCHEMA_4.format(**_WORDS[connection.dialect.name]).split(";"):
        connection.exec_driver_sql(statement)


def _to_schema_5(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE cells ADD COLUMN techniques TEXT NOT NULL DEFAULT ''")


MIGRATIONS: list[Callable[[Connection], None]] = [
    _to_schema_1,
    _to_schema_2,
    _to_schema_3,
    _to_schema_4,
    _to_schema_5,
]


def newest() -> int:
    """The schema that this stopwatt writes."""
    return len(MIGRATIONS)


def check_version(connection: Connection, where: str) -> int:
    """The schema of a database; 0 for an empty one.

    Raises:
        StoreError: The database belongs to a newer stopwatt, or to another program.
    """
    inspector = inspect(connection)
    if not inspector.has_table(tables.schema.name):
        if connection.dialect.name == "sqlite" and inspector.get_table_names():
            raise StoreError(
                "the file is a database of another program", when=where, now="name another file with --store"
            )
        return 0
    version = int(connection.scalar(select(func.max(tables.schema.c.version))) or 0)
    if version > newest():
        raise StoreError(
            f"the results database has schema {version}; this stopwatt knows up to {newest()}",
            when=where,
            now="pip install --upgrade stopwatt, or name another one with --store; the database was not changed",
        )
    return version


def migrate(writing: Engine, where: str) -> None:
    """Bring a database to the newest schema. Several processes may do so at once.

    Args:
        writing: Its transactions hold the write lock from their beginning.
        where: For messages.

    Raises:
        StoreError: As `check_version`.
    """
    done = False
    while not done:
        with writing.begin() as connection:
            _lock(connection)
            version = check_version(connection, where)
            done = version == newest()
            if not done:
                MIGRATIONS[version](connection)
                now = datetime.now(UTC).isoformat(timespec="seconds")
                connection.execute(insert(tables.schema).values(version=version + 1, applied_at=now))


def _lock(connection: Connection) -> None:
    """One migrating process at a time; SQLite's write transaction already is one."""
    if connection.dialect.name != "postgresql":
        return
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('stopwatt'))"))
    # CREATE SCHEMA IF NOT EXISTS asks for the right to create even where it has nothing to do.
    if not connection.scalar(text("SELECT 1 FROM pg_namespace WHERE nspname = 'stopwatt'")):
        connection.execute(text("CREATE SCHEMA stopwatt"))
