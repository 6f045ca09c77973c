"""`stopwatt ops export`: the operator database as a file."""

import json as json_text
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stopwatt.cli.options import words

SCHEMA = 1
"""Version of what `--json` prints."""


def export(
    out: Path,
    /,
    *,
    source: str = "",
    families: Annotated[str, Parameter(name=["--families", "--family"])] = "",
    device: str = "",
    force: Annotated[bool, Parameter(negative=())] = False,
    store: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Write measured and imported operators to a file, a row an operator, which `stopwatt ops import` reads back.

    Three examples:

        stopwatt ops export operators.parquet --force

        stopwatt ops export products.csv --family gemm --force

        stopwatt ops export theirs.json --source theirs --device "Another 9000" --force

    Args:
        out: The file to write; its ending names the format: .parquet, .csv or .json.
        source: Only rows whose source begins so (measured, aiconfigurator).
        families: Only these, by comma (gemm,attention).
        device: Only this hardware ("NVIDIA H200").
        force: Replace the file if it is there already.
        store: Results database: a path or a URL. Default: $STOPWATT_STORE, else ./stopwatt.db.
        json: Print what was written as JSON.

    """
    from stopwatt.ops.exporting import export_tables
    from stopwatt.ops.families import families_of
    from stopwatt.store import Access, open_store

    chosen = families_of(words(families))
    with open_store(store, access=Access.READ) as results:
        written = export_tables(results, out, source=source, families=chosen, device=device, overwrite=force)
    counts = {str(family): rows for family, rows in written.rows.items()}
    if json:
        print(json_text.dumps({"schema": SCHEMA, "path": str(written.path), "rows": written.total, "families": counts}))
    else:
        inside = ", ".join(f"{rows:,} {family}" for family, rows in counts.items())
        print(f"{written.path}: {written.total:,} rows ({inside})")
