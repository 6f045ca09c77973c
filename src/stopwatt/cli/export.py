"""`stopwatt export`: measurements as a file."""

import json as json_format
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stopwatt.store import Access, Selection, open_store

SCHEMA = 1
"""Version of what `--json` prints."""


def export(
    out: Path,
    /,
    *,
    select: Annotated[Selection | None, Parameter(name="*")] = None,
    store: str | None = None,
    force: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Write measurements to a file: Parquet or CSV (one row a trial), or JSON (all there is, for `stopwatt import`).

    Three examples:

        stopwatt export results.json

        stopwatt export trials.csv --workload lstm --force

        stopwatt export latest.parquet --status ok --limit 10

    Args:
        out: The file to write; its ending names the format: .parquet, .csv or .json.
        select: Which measurements; all of them without any of these options.
        store: Results database: a path or a URL. Default: $STOPWATT_STORE, else ./stopwatt.db.
        force: Replace the file if it is there already.
        json: Print what was written as JSON.

    """
    from stopwatt.store.export import export as write

    with open_store(store, access=Access.READ) as results:
        written = write(results, out, select or Selection(), overwrite=force)
    if json:
        counts = {"measurements": written.measurements, "rows": written.rows}
        print(json_format.dumps({"schema": SCHEMA, "path": str(written.path)} | counts))
    else:
        print(f"{written.path}: {written.measurements} measurements, {written.rows} rows")
