"""`stopwatt ops list`: what the operator database holds."""

import json as json_text
import sys
from typing import Annotated

from cyclopts import Parameter

SCHEMA = 1
"""Version of what `--json` prints."""


def list_(*, store: str | None = None, json: Annotated[bool, Parameter(negative=())] = False) -> None:
    """List what the operator database holds: measured operators, captures, imported tables, predictors.

    Three examples:

        stopwatt ops list

        stopwatt ops list --json

        stopwatt ops list --store stopwatt.db

    Args:
        store: Results database: a path or a URL. Default: $STOPWATT_STORE, else ./stopwatt.db.
        json: Print it as JSON, with each imported source by itself.

    """
    from stopwatt.ops.listing import list_operators, listing_document
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.operators.listing import show_listing
    from stopwatt.store import Access, open_store

    with open_store(store, access=Access.READ) as results:
        found = list_operators(results)
    if json:
        print(json_text.dumps({"schema": SCHEMA} | listing_document(found), indent=2))
    else:
        show_listing(console_for(sys.stdout), found)
