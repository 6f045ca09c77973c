"""Tables that others made, pages to read, and whether this machine measures what it claims."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from stopwatt.extensions import unknown
from stopwatt.store import Access, open_store
from stopwatt.sweeping.grid import deadlines_of

if TYPE_CHECKING:
    from stopwatt.reporting.report import Written
    from stopwatt.reporting.selftest import SelfTestResult
    from stopwatt.store.foreign.bring import Brought


def import_table(
    path: str | Path, *, axis: str | Sequence[str] = (), tag: str = "", store: str | None = None, **columns: str
) -> "Brought":
    """Bring a table that somebody else made into the results database; a second time brings nothing new.

    Args:
        path: CSV, TSV, JSON lines or Parquet; the ending names the format.
        axis: Columns that say what was measured.
        tag: A name for the run.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.
        **columns: What the other columns mean: `time`, `trials`, `unit`, `round`, `count`, `sd`, `batch`, `backend`,
            `precision`, `device`, `threads`, `machine`, `name`, `by`, `separator`, `decimal`, as the command has them.

    Raises:
        UsageError: The file, a column, a unit or a line is not what it should be. Nothing is stored then.
        StoreError: The results cannot be saved.
    """
    from stopwatt.store.foreign.bring import bring_table, read_table
    from stopwatt.store.foreign.spec import TableSpec

    known = [field.name for field in fields(TableSpec)]
    for name in columns:
        if name not in known:
            raise unknown("argument of import_table", name, known)
    spec = TableSpec((axis,) if isinstance(axis, str) else tuple(axis), **columns)
    table = read_table(Path(path), spec, tag=tag)
    with open_store(store) as results:
        return bring_table(results, table)


def report(
    *runs: str,
    out: str | Path = "report.html",
    deadlines: Iterable[float] = (),
    store: str | None = None,
    overwrite: bool = False,
) -> "Written":
    """Write one page with findings, tables, figures and the distribution of every cell.

    Args:
        *runs: Ids of runs, tags, `last`, `last~1`; the latest run without any.
        out: The file. One that is a report is replaced; anything else only with `overwrite`.
        deadlines: Seconds; misses and their upper bound are shown beside those that a run was begun with.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.
        overwrite: Whether any file may be replaced.

    Returns:
        Where it is, its size and what was found.

    Raises:
        UsageError: No such run, a deadline out of range, a name that is taken, or more cells than a page holds.
        StoreError: The results cannot be read, or the page cannot be written.
    """
    from stopwatt.reporting.report import write_report  # with Altair: not for every command

    asked = deadlines_of(deadlines)
    with open_store(store, access=Access.READ) as results:
        return write_report(results, Path(out), runs, deadlines=asked, overwrite=overwrite)


def selftest(*only: str, device: str = "cpu", thorough: bool = False, store: str | None = None) -> "SelfTestResult":
    """Test that this machine, with this tool on it, measures what it claims: planted truths, measured and judged.

    Args:
        *only: Names of claims; all of the device without any.
        device: `cpu`; `cuda` or `cuda:1` adds the claims about that GPU.
        thorough: Take about ten minutes instead of one.
        store: Results database that keeps the claims; `$STOPWATT_STORE` or `./stopwatt.db` if absent.

    Returns:
        The claims with their verdicts; `raise_for_status()` raises if one fails.

    Raises:
        UsageError: No such claim or device.
        EnvironmentUnfit: There is no driver for the device.
        StoreError: The claims cannot be saved.
    """
    from stopwatt.selftesting.run import run_selftest

    return run_selftest(only, device=device, thorough=thorough, store=store, command="stopwatt.selftest()")
