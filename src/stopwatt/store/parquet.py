"""pyarrow, which reads and writes Parquet; it comes with an extra."""

from typing import Any

from stopwatt.errors import UsageError


def pyarrow() -> tuple[Any, Any]:
    """The modules `pyarrow` and `pyarrow.parquet`.

    Raises:
        UsageError: They cannot be imported.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise UsageError(
            f"Parquet needs a package that cannot be imported: {error}", now="pip install 'stopwatt[export]'"
        ) from error
    return pa, parquet
