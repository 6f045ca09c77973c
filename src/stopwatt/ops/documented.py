"""Tables of the documented schema: read from a file, and written as rows."""

from collections.abc import Iterator

import numpy as np

from stopwatt.errors import UsageError
from stopwatt.operators.table import Table
from stopwatt.operators.work import DIMENSIONS, Family
from stopwatt.ops.elements import BYTES
from stopwatt.ops.families import BY_NAME
from stopwatt.ops.schema import LONGEST, POWER, WORK
from stopwatt.ops.sheet import Sheet, Texts
from stopwatt.ops.worked import Worked, attention, products
from stopwatt.store.costs import constant


def tables_from(sheet: Sheet, *, source: str = "", device: str = "") -> list[Table]:
    """The rows of a file by family, in their order.

    Args:
        sheet: Of the file.
        source: Instead of what the rows say; the file's name where neither does.
        device: Instead of what the rows say.

    Raises:
        UsageError: A column is missing, or holds what cannot be; the message names the first row.
    """
    sheet.require(("family", "dtype", "time_s", *(() if device else ("device",))))
    families = sheet.texts("family")
    known, first = np.unique(families, return_index=True)
    for name, row in zip(known.tolist(), first.tolist(), strict=True):
        if name not in BY_NAME:
            raise sheet.flaw(f"family is {name!r}, which is none ({', '.join(BY_NAME)} are)", row)
    sheet.times("time_s")  # before the families are taken apart: the rows of messages are the file's
    _check_types(sheet)
    return [_of_family(sheet, BY_NAME[name], families, source, device) for name in known.tolist()]


def _of_family(whole: Sheet, family: Family, families: Texts, source: str, device: str) -> Table:
    rows = np.flatnonzero(families == family)
    names = DIMENSIONS[family]
    whole.require(names)
    sheet = whole if rows.size == whole.rows else whole.taken(rows)
    try:
        dims = {name: sheet.sizes(name) for name in names}
        numbers = {name: sheet.numbers(name) for name in (*POWER, *WORK)}
    except UsageError as error:
        raise _named(error, family, alone=rows.size == whole.rows) from error
    kind, dtype = sheet.texts("kind", str(family)), sheet.texts("dtype")
    work = _work(sheet, family, dims, dtype)
    if work is not None:
        for name in WORK:
            numbers[name] = np.where(np.isnan(numbers[name]), getattr(work, name), numbers[name])
    return Table(
        family,
        dims,
        kind=kind,
        dtype=dtype,
        device=constant(device, sheet.rows) if device else _names(sheet, "device", ""),
        source=constant(source, sheet.rows) if source else _names(sheet, "source", whole.path.stem[:LONGEST]),
        mode=sheet.texts("mode"),
        group=sheet.texts("group"),
        time_s=sheet.times("time_s"),
        **numbers,
    )


def _work(sheet: Sheet, family: Family, dims: dict[str, np.ndarray], dtype: Texts) -> Worked | None:
    """What a formula knows of the rows; for families without one the bytes must be in the file."""
    if all(name in sheet for name in WORK):
        return None
    size = np.vectorize(BYTES.__getitem__, otypes=[np.float64])(dtype)
    if family is Family.GEMM:
        return products(dims, size, size, size, weights=True)
    if family is Family.ATTENTION:
        return attention(dims, size, size, size)
    sheet.require(("read_bytes", "write_bytes"))
    return None


def _check_types(sheet: Sheet) -> None:
    known, first = np.unique(sheet.texts("dtype"), return_index=True)
    for name, row in zip(known.tolist(), first.tolist(), strict=True):
        if name not in BYTES:
            raise sheet.flaw(f"dtype is {name!r}, an element type that is not known", row)


def _names(sheet: Sheet, column: str, default: str) -> Texts:
    """Names of devices or sources, none of them empty, too long or not printable."""
    texts = sheet.texts(column, default)
    known, first = np.unique(texts, return_index=True)
    for name, row in zip(known.tolist(), first.tolist(), strict=True):
        if not 0 < len(name) <= LONGEST or not name.isprintable():
            raise sheet.flaw(f"{column} is {name[:40]!r}, which is no usable name", row)
    return texts


def _named(error: UsageError, family: Family, *, alone: bool) -> UsageError:
    """The same error; where other families stand between the rows, it says that they are not counted."""
    when = error.when if alone else f"{error.when} of the rows of family {family}"
    return UsageError(error.what, when=when, now=error.now)


def records(table: Table, names: tuple[str, ...]) -> Iterator[tuple[str | float | None, ...]]:
    """Rows of a table with these columns, `None` for what it has not."""
    columns = [_cells(table, name) for name in names]
    return zip(*columns, strict=True)


def _cells(table: Table, name: str) -> list[str | float | None]:
    if name == "family":
        return [str(table.family)] * len(table)
    column = table.dims[name] if name in table.dims else getattr(table, name, None)
    if column is None:
        return [None] * len(table)
    if column.dtype.kind == "U":
        return list(column.tolist())
    return [None if np.isnan(value) else value for value in column.tolist()]
