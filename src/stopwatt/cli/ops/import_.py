"""`stopwatt ops import`: operator measurements of others, into the store."""

from typing import Annotated

from cyclopts import Parameter

from stopwatt.cli.options import words


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
    from stopwatt.ops.tables import import_ as import_tables

    result = import_tables(
        what, source=source, device=device, systems=words(systems), families=words(families), store=store
    )
    if json:
        print(result.to_json())
    else:
        result.table()
