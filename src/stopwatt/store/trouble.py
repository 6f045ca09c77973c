"""What goes wrong inside a database, as errors of three parts. The only place that knows the vendors' codes."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from stopwatt.errors import StoreError

_ELSEWHERE = "or name another one with --store"
_MEND = f"restore it from a copy, try `sqlite3 FILE .recover`, {_ELSEWHERE}; the file was not changed"
_AGAIN = "start the same command again: it goes on after the last saved round"
_FULL = f"free some space and {_AGAIN}"

# The beginning of SQLite's symbolic result code (sqlite.org/rescode.html) -> what, now.
_SQLITE = {
    "SQLITE_NOTADB": ("the file is not a results database", f"name another file with --store; {_MEND}"),
    "SQLITE_CORRUPT": ("the results database is damaged", _MEND),
    "SQLITE_FULL": ("the disk is full: the results database cannot grow", _FULL),
    "SQLITE_READONLY": ("the results database is read-only", f"make it and its folder writable, {_ELSEWHERE}"),
    "SQLITE_BUSY": ("the results database is locked by another process", "wait for it to end, then start again"),
    "SQLITE_LOCKED": ("the results database is locked by another process", "wait for it to end, then start again"),
    "SQLITE_CANTOPEN": ("the results database cannot be opened", f"check the path and its rights, {_ELSEWHERE}"),
    "SQLITE_PERM": ("the results database cannot be opened", f"check the path and its rights, {_ELSEWHERE}"),
    "SQLITE_IOERR": (
        "the results database cannot be read or written (disk full, file size limit or a failing disk)",
        "check free space, quota, `ulimit -f` and the disk, then start the same command again",
    ),
}
# The beginning of PostgreSQL's SQLSTATE (its manual, appendix A) -> what, now.
_POSTGRES = {
    "53100": ("the disk of the PostgreSQL server is full", _FULL),
    "53": ("the PostgreSQL server is out of resources", "free connections or memory there, then start again"),
    "28": ("the PostgreSQL server refuses this user", "check user and password of the URL"),
    "3D000": ("the PostgreSQL server has no such database", "create it there: createdb NAME"),
    "42501": ("the PostgreSQL user lacks a right", "let the owner grant CREATE on the database or schema stopwatt"),
    "25006": ("the PostgreSQL database is read-only", "connect to the primary server"),
    "55P03": ("the results database is locked by another process", "wait for it to end, then start again"),
    "57P": ("the PostgreSQL server ended the session", _AGAIN),
    "08": ("the connection to the PostgreSQL server broke", _AGAIN),
    "XX001": ("the results database is damaged", "restore it from a copy"),
}
_UNREACHABLE = (
    "no connection to the PostgreSQL server",
    "check host, port, user, password and database of the URL, and that the server runs",
)
_UNKNOWN = ("the results database refuses the operation", "start again with --debug and report what it prints")


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn the errors of drivers into `StoreError`s that name the database.

    Raises:
        StoreError: In place of any error of SQLAlchemy, sqlite3, psycopg or the operating system.
    """
    try:
        yield
    except OSError as error:
        what, now = _SQLITE["SQLITE_CANTOPEN"]
        raise StoreError(f"{what}: {error.strerror}", when=where, now=now) from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise store_error(error, where) from error


def store_error(error: Exception, where: str) -> StoreError:
    """The error of three parts for a driver's error."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    what, now = _explained(error, cause)
    detail = " ".join(str(cause).split())
    return StoreError(f"{what}: {detail}" if detail else what, when=where, now=now)


def _explained(error: Exception, cause: BaseException) -> tuple[str, str]:
    if isinstance(error, PoolTimeout):
        return _SQLITE["SQLITE_BUSY"]
    name = getattr(cause, "sqlite_errorname", None)
    if name:
        return _first(_SQLITE, name)
    if isinstance(cause, sqlite3.Error):
        return _UNKNOWN
    state = getattr(cause, "sqlstate", None)
    if state:
        return _first(_POSTGRES, state)
    disconnected = isinstance(error, InterfaceError) or type(cause).__name__ == "OperationalError"
    return _UNREACHABLE if disconnected else _UNKNOWN


def _first(table: dict[str, tuple[str, str]], code: str) -> tuple[str, str]:
    return next((entry for start, entry in table.items() if code.startswith(start)), _UNKNOWN)
