"""`stopwatt ops import`: operator measurements of others, into the store."""

import json as json_text
import sys
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from stopwatt.cli.options import words

SCHEMA = 1
"""Version of what `--json` prints."""


def import_(
    what: str,
    /,
    *,
    source: Annotated[
        str, Parameter(help="Name of the collection; the package's, folder's or file's without it.")
    ] = "",
    device: Annotated[str, Parameter(help="Name of the hardware, instead of what the rows say.")] = "",
    systems: Annotated[str, Parameter(help="Only these of a package, by comma (h200_sxm,b200_sxm).")] = "",
    families: Annotated[str, Parameter(help="Only these, by comma (gemm,attention).")] = "",
    store: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Bring operator measurements of others into the store. Importing the same again replaces it.

    Three examples:

        stopwatt ops import examples/made-up-operators.csv

        stopwatt ops import examples/made-up-operators.csv --families gemm --source theirs --device "Another 9000"

        stopwatt ops import aiconfigurator --systems h200_sxm,l40s

    Args:
        what: `aiconfigurator` for the installed package of NVIDIA's tables, a folder of such Parquet files, or a file:
            Parquet, CSV or the JSON of `stopwatt ops export` (docs/operators-schema.md has the columns).
        source: Name of the collection; the package's, the folder's or the file's without it.
        device: Name of the hardware, instead of what the rows say.
        systems: Only these of a package, by comma (h200_sxm,b200_sxm).
        families: Only these, by comma (gemm,attention).
        store: Results database: a path or a URL. Default: $STOPWATT_STORE, else ./stopwatt.db.
        json: Print what was brought as JSON.

    """
    from stopwatt.ops.families import families_of
    from stopwatt.ops.importing import import_tables
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.operators.listing import show_brought
    from stopwatt.store import open_store

    chosen = families_of(words(families))
    with open_store(store) as results:
        brought = import_tables(results, what, source=source, device=device, systems=words(systems), families=chosen)
        where = results.where
    if json:
        print(json_text.dumps({"schema": SCHEMA, "rows": brought.rows} | asdict(brought), default=str, indent=2))
    else:
        show_brought(console_for(sys.stdout), brought, where)
