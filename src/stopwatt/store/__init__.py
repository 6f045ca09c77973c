"""The results database: SQLite by default, PostgreSQL by URL.

Everything that is measured goes in here once, one transaction a round, and is never changed afterwards.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stopwatt.store.model import Access, Entry, Run, RunStatus, Selection

if TYPE_CHECKING:
    from stopwatt.store.database import Store

__all__ = ["Access", "Entry", "Run", "RunStatus", "Selection", "Store", "open_store"]


def __getattr__(name: str) -> Any:
    """`Store`, imported when it is first used: `stopwatt --help` needs no SQLAlchemy (0.2 s)."""
    if name != "Store":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from stopwatt.store.database import Store

    return Store


def open_store(
    where: str | Path | None = None, *, access: Access = Access.WRITE, lock_timeout_s: float = 30.0
) -> "Store":
    """Open the results database.

    Args:
        where: A path, or a URL (`postgresql://user@host/database`, `sqlite:///path`). `None` takes `$STOPWATT_STORE`,
            else `./stopwatt.db`.
        access: `WRITE` creates a missing database and brings an older one to the present schema; `READ` needs one
            that is there, and is content with a read-only file.
        lock_timeout_s: Seconds to wait for another process that writes.

    Returns:
        A context manager; leaving it closes the database.

    Raises:
        StoreError: The database is damaged, something else, newer than this stopwatt, locked, read-only, full, out of
            reach or on a network file system. It is left exactly as it was.
        UsageError: Not a usable path or URL, or (with `READ`) nothing is there.
    """
    from stopwatt.store.database import Store
    from stopwatt.store.engine import connect

    return Store(*connect(where, access, lock_timeout_s))
