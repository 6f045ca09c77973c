"""`stopwatt ops export`: the operator database as a file."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stopwatt.cli.options import words


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
    from stopwatt.ops.tables import export as export_tables

    result = export_tables(out, source=source, families=words(families), device=device, overwrite=force, store=store)
    if json:
        print(result.to_json())
    else:
        result.table()
