"""Where the results are: from what the user wrote to a path or a URL."""

import os
import re
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from stopwatt.errors import UsageError

DEFAULT = "stopwatt.db"
VARIABLE = "STOPWATT_STORE"

Location = Path | URL


def locate(where: str | Path | None) -> Location:
    """An absolute path of an SQLite file, or the URL of a PostgreSQL database.

    Raises:
        UsageError: An empty name, a malformed URL, or a URL of another kind of database.
    """
    if where is None:
        where = os.environ.get(VARIABLE) or DEFAULT
    text = os.fspath(where)
    if not text or "\0" in text:
        raise UsageError(f"{text!r} cannot name a results database", now="give a path or a URL with --store")
    if not isinstance(where, Path) and re.match(r"[A-Za-z][\w+.-]*://", text):
        return _from_url(text)
    return Path(text).expanduser().absolute()


def _from_url(text: str) -> Location:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        # The text may hold a password: it is not repeated.
        raise UsageError(
            "the URL of the results database cannot be read", now="write postgresql://USER@HOST/DATABASE"
        ) from error
    kind = url.get_backend_name()
    if kind == "sqlite" and url.database:
        return Path(url.database).expanduser().absolute()
    if kind not in {"postgresql", "postgres"}:
        raise UsageError(
            f"results cannot be kept in {kind!r}", now="give a path (SQLite) or postgresql://USER@HOST/DATABASE"
        )
    return url.set(drivername="postgresql+psycopg")


def shown(location: Location) -> str:
    """For messages: the path, or the URL without its password."""
    return str(location) if isinstance(location, Path) else location.render_as_string(hide_password=True)
