"""The library: tables of operators in and out, as functions of `stopwatt.ops`."""

from collections.abc import Sequence
from pathlib import Path

from stopwatt.arguments import check_path, text, texts
from stopwatt.ops.exporting import export_tables
from stopwatt.ops.families import families_of
from stopwatt.ops.importing import import_tables
from stopwatt.reporting.operators.exchange import ExportResult, ImportResult
from stopwatt.store import Access, open_store


def import_(
    what: str | Path,
    *,
    source: str = "",
    device: str = "",
    systems: str | Sequence[str] = (),
    families: str | Sequence[str] = (),
    store: str | None = None,
) -> ImportResult:
    """Bring operator measurements of others into the store; importing the same again replaces it.

    Args:
        what: `aiconfigurator` for the installed package, a folder of such Parquet files, or a file: Parquet, CSV or the
            JSON of `export` (`docs/operators-schema.md`).
        source: Name of the collection; the package's, the folder's or the file's without it.
        device: Name of the hardware, instead of what the rows say.
        systems: Only these of a package (`h200_sxm`); one or several.
        families: Only these (`gemm`, `attention`); one or several.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.

    Returns:
        What was brought, and what was left out, with the reason.

    Raises:
        UsageError: It cannot be read, or a column or a value is not what it should be. Nothing is stored then.
        StoreError: The rows cannot be saved.
    """
    check_path("what", what)
    chosen = families_of(texts("families", families, 'names, such as ["gemm"]'))
    named = texts("systems", systems, 'names, such as ["h200_sxm"]')
    told = {"source": text("source", source, "a name"), "device": text("device", device, "a name")}
    with open_store(store) as database:
        brought = import_tables(database, str(what), systems=named, families=chosen, **told)
        return ImportResult(brought, database.where)


def export(
    out: str | Path,
    *,
    source: str = "",
    families: str | Sequence[str] = (),
    device: str = "",
    overwrite: bool = False,
    store: str | None = None,
) -> ExportResult:
    """Write measured and imported operators to a file, a row an operator, which `import_` reads back.

    Args:
        out: The file; its ending names the format: `.parquet`, `.csv` or `.json`.
        source: Only rows whose source begins so (`measured`, `aiconfigurator`).
        families: Only these (`gemm`, `attention`); one or several.
        device: Only this hardware.
        overwrite: Whether a file of that name may be replaced.
        store: Results database; `$STOPWATT_STORE` or `./stopwatt.db` if absent.

    Returns:
        Where the file is, and how many rows of each family it has.

    Raises:
        UsageError: Another ending, a file that is there already, nothing to write, or pyarrow is missing.
        StoreError: The database cannot be read, or the file cannot be written; no file is left behind.
    """
    check_path("out", out)
    chosen = families_of(texts("families", families, 'names, such as ["gemm"]'))
    told = {"source": text("source", source, "a name"), "device": text("device", device, "a name")}
    with open_store(store, access=Access.READ) as database:
        return ExportResult(export_tables(database, Path(out), families=chosen, overwrite=overwrite, **told))
