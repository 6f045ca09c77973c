"""`stopwatt import`: exported measurements, into the results database."""

import json as json_format
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stopwatt.store import open_store

SCHEMA = 1
"""Version of what `--json` prints."""


def import_(
    file: Path,
    /,
    *,
    store: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Bring measurements of an exported JSON file into the results database; what is there already stays as it is.

    Three examples:

        stopwatt import results.json

        stopwatt import results.json --store all-machines.db

        stopwatt import results.json --json

    Args:
        file: A file written by `stopwatt export FILE.json`.
        store: Results database: a path or a URL. Default: $STOPWATT_STORE, else ./stopwatt.db.
        json: Print what was brought as JSON.

    """
    from stopwatt.store.importing import import_file

    with open_store(store) as results:
        brought = import_file(results, file)
    if json:
        counts = {"new": brought.new, "known": brought.known}
        print(json_format.dumps({"schema": SCHEMA, "path": str(brought.path)} | counts))
    else:
        print(f"{brought.path}: {brought.new} new measurements, {brought.known} that were there already")
