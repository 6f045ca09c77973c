"""Connections: what is checked before a database is touched, and the promises each connection makes."""

import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event

from stopwatt.errors import StoreError, UsageError
from stopwatt.store.location import VARIABLE, locate, shown
from stopwatt.store.migrations import check_version, migrate, newest
from stopwatt.store.model import Access
from stopwatt.store.mounts import network_file_system_of
from stopwatt.store.trouble import translated

WRITES = {"stopwatt_writes": True}
"""Execution option of transactions that write: they take SQLite's write lock at their beginning, not at their first
write, where waiting for another writer is no longer possible."""


_HEADER_SIZE = 100


def connect(where: str | Path | None, access: Access, lock_timeout_s: float) -> tuple[Engine, str]:
    """An engine at the newest schema, and the database's name for messages. Errors: as `store.open_store`."""
    location = locate(where)
    name = shown(location)
    with translated(name):
        if isinstance(location, Path):
            return _open_sqlite(location, access, lock_timeout_s), name
        return _open_postgres(location, access, lock_timeout_s), name


def _open_sqlite(path: Path, access: Access, lock_timeout_s: float) -> Engine:
    _check_file(path, access)
    version = _look(path, lock_timeout_s)
    if access is Access.READ and version == newest():
        return _sqlite_engine(_reader(path, lock_timeout_s))
    engine = _sqlite_engine(_opener(_uri(path, "mode=rwc"), lock_timeout_s))
    try:
        with engine.connect() as connection:
            _use_write_ahead_log(connection)
        migrate(engine.execution_options(**WRITES), str(path))
    except BaseException:
        engine.dispose()
        raise
    return engine


def _check_file(path: Path, access: Access) -> None:
    """What can be known without opening the file; some of it hangs or harms when it is opened."""
    if not path.parent.is_dir():
        raise UsageError(
            "the folder of the results database is not there", when=str(path), now=f"mkdir -p {path.parent}"
        )
    if access is Access.READ and not path.exists():
        raise UsageError(
            "there is no results database",
            when=str(path),
            now=f"measure something first (stopwatt bench), or name one with --store or ${VARIABLE}",
        )
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        kind = "a folder" if path.is_dir() else "not a regular file"
        raise StoreError(f"the results database is {kind}", when=str(path), now="name a file with --store")
    if path.exists() and path.stat().st_size and not _begins_as_sqlite(path):
        raise StoreError(
            "the file is not a results database",
            when=str(path),
            now="name another file with --store; it was not changed",
        )
    if path.exists() and not path.stat().st_size and _has_log(path):
        raise StoreError(
            "the results database is empty although a log of changes lies beside it: it was truncated",
            when=str(path),
            now="restore it from a copy, or name another one with --store; nothing was changed",
        )
    if network := network_file_system_of(path):
        raise StoreError(
            f"the results database lies on a network file system ({network}), where SQLite is not safe",
            when=str(path),
            now="name a file on a local disk with --store, or a PostgreSQL database by URL",
        )


def _begins_as_sqlite(path: Path) -> bool:
    """Whether a file has a whole header (sqlite.org/fileformat.html). SQLite overwrites a file that is shorter."""
    with path.open("rb") as file:
        head = file.read(_HEADER_SIZE)
    return len(head) == _HEADER_SIZE and head.startswith(b"SQLite format 3\0")


def _look(path: Path, lock_timeout_s: float) -> int:
    """The schema's version, read in a way that cannot change the file."""
    if not path.exists() or not path.stat().st_size:
        return 0
    engine = _sqlite_engine(_looker(path, lock_timeout_s))
    try:
        with engine.connect() as connection:
            return check_version(connection, str(path))
    finally:
        engine.dispose()


def _looker(path: Path, lock_timeout_s: float) -> Callable[[], sqlite3.Connection]:
    # Beside a database in use, SQLite keeps an index of its log; where none can be made and there is no log to index,
    # the file cannot change and may be read as it is.
    frozen = not os.access(path.parent, os.W_OK, effective_ids=True) and not _has_log(path)
    return _opener(_uri(path, "immutable=1" if frozen else "mode=ro"), lock_timeout_s)


def _reader(path: Path, lock_timeout_s: float) -> Callable[[], sqlite3.Connection]:
    # A connection that may write tidies the log away when it closes; one that may not leaves its files behind.
    if os.access(path, os.W_OK, effective_ids=True) and os.access(path.parent, os.W_OK, effective_ids=True):
        return _opener(_uri(path, "mode=rw"), lock_timeout_s, "PRAGMA query_only=ON")
    return _looker(path, lock_timeout_s)


def _has_log(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def _uri(path: Path, options: str) -> str:
    return f"file:{quote(os.fsencode(path))}?{options}"


def _opener(uri: str, lock_timeout_s: float, *pragmas: str) -> Callable[[], sqlite3.Connection]:
    def open_connection() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, timeout=lock_timeout_s, isolation_level=None, check_same_thread=False
        )
        try:
            for pragma in ("PRAGMA foreign_keys=ON", "PRAGMA synchronous=FULL", *pragmas):
                connection.execute(pragma)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    return open_connection


def _sqlite_engine(opener: Callable[[], sqlite3.Connection]) -> Engine:
    engine = create_engine("sqlite://", creator=opener, poolclass=QueuePool)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    """Python's driver begins no transaction before a change of the schema; we always do, ourselves."""
    writes = connection.get_execution_options().get("stopwatt_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _use_write_ahead_log(connection: Connection) -> None:
    """So that readers and a writer do not wait for each other. Stays with the file; no transaction can set it."""
    driver: Any = connection.connection.driver_connection
    if driver.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        driver.execute("PRAGMA journal_mode=WAL")


def _open_postgres(url: URL, access: Access, lock_timeout_s: float) -> Engine:
    try:
        engine = create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    except ModuleNotFoundError as error:
        raise UsageError(
            f"PostgreSQL needs a package that is not installed: {error.name}", now="pip install 'stopwatt[postgres]'"
        ) from error
    event.listen(engine, "connect", lambda connection, _: _prepare_postgres(connection, lock_timeout_s))
    try:
        with engine.connect() as connection:
            version = check_version(connection, shown(url))
        _check_holds_results(version, access, shown(url))
        if version < newest():
            migrate(engine.execution_options(**WRITES), shown(url))
    except BaseException:
        engine.dispose()
        raise
    return engine


def _check_holds_results(version: int, access: Access, where: str) -> None:
    if access is Access.READ and not version:
        raise UsageError("there are no results in this database", when=where, now="measure something first")


def _prepare_postgres(connection: Any, lock_timeout_s: float) -> None:
    """Settings of the session, made in autocommit so that no rollback takes them back."""
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SET search_path TO stopwatt")
        cursor.execute("SET synchronous_commit TO on")
        cursor.execute(f"SET lock_timeout TO {round(lock_timeout_s * 1000)}")
    connection.autocommit = False
