"""`stopwatt import`: exported measurements, or a table that somebody else made, into the results database."""

import json as json_format
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from stopwatt.errors import UsageError
from stopwatt.store import open_store
from stopwatt.store.foreign.spec import TableSpec

COLUMNS = Group("What a table's columns mean", sort_key=1)
SCHEMA = 1
"""Version of what `--json` prints for an export; `reporting.imported` has that for a table."""


def import_(
    file: Path,
    /,
    *,
    table: Annotated[TableSpec | None, Parameter(name="*", group=COLUMNS, negative="", show_default=False)] = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    tag: str = "",
    store: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Bring measurements into the results database: an export of stopwatt's, or a table that somebody else made.

    Three examples:

        stopwatt import results.json

        stopwatt import examples/made-up-means.csv --axis Layers --axis "Hidden size" --axis Batch --time "Mean (s)"

        stopwatt import examples/made-up-trials.csv --axis hidden --round round --trials "t*" --unit us --dry-run

    Args:
        file: A .json file written by `stopwatt export`; or a table: .csv, .tsv, .txt, .jsonl, .ndjson or .parquet.
        table: What a table's columns mean.
        dry_run: Show what a table would bring, and store nothing.
        tag: A name for the run of a table.
        store: Results database: a path or a URL. Default: $STOPWATT_STORE, else ./stopwatt.db.
        json: Print what was brought as JSON.

    """
    from stopwatt.store.foreign.files import ENDINGS

    if file.suffix.lower() in ENDINGS:
        _import_table(file, table or TableSpec(), dry_run=dry_run, tag=tag, store=store, json=json)
    elif table is not None or dry_run:
        raise UsageError(
            "only a table has columns to name, and a dry run",
            when=str(file),
            now=f"give a table ({', '.join(ENDINGS)}), or leave the options out for an export of stopwatt's",
        )
    else:
        _import_export(file, store=store, json=json)


def _import_export(file: Path, *, store: str | None, json: bool) -> None:
    from stopwatt.store.importing import import_file

    with open_store(store) as results:
        brought = import_file(results, file)
    if json:
        counts = {"new": brought.new, "known": brought.known}
        print(json_format.dumps({"schema": SCHEMA, "path": str(brought.path)} | counts))
    else:
        print(f"{brought.path}: {brought.new} new measurements, {brought.known} that were there already")


def _import_table(file: Path, spec: TableSpec, *, dry_run: bool, tag: str, store: str | None, json: bool) -> None:
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.imported import document, show_brought, show_dry_run
    from stopwatt.store.foreign.bring import bring_table, read_table

    found = read_table(file, spec, tag=tag)
    if dry_run:
        brought, where = None, ""
    else:
        with open_store(store) as results:
            brought, where = bring_table(results, found), results.where
    if json:
        print(json_format.dumps(document(found, brought), indent=2))
    elif brought is None:
        show_dry_run(console_for(sys.stdout), found)
    else:
        show_brought(console_for(sys.stdout), brought, where)
