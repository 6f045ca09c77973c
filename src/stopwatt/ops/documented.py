"""Tables of the documented schema: read from a file, and written as rows."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from stopwatt.errors import UsageError
from stopwatt.operators.table import COLUMNS, Table
from stopwatt.operators.work import DIMENSIONS, Family
from stopwatt.ops.elements import BYTES
from stopwatt.ops.families import BY_NAME
from stopwatt.ops.schema import LONGEST, POWER, WORK
from stopwatt.ops.sheet import Floats, Sheet, Texts
from stopwatt.ops.worked import Worked, attention, products
from stopwatt.store.costs import constant


def tables_from(sheet: Sheet, *, source: str = "", device: str = "") -> Iterator[Table]:
    """The rows of a file, one family after another, in their order.

    Args:
        sheet: Of the file.
        source: Instead of what the rows say; the file's name where neither does.
        device: Instead of what the rows say.

    Raises:
        UsageError: A column is missing, or holds what cannot be; the message names the first row.
    """
    sheet.require(("family", "dtype", "time_s", *(() if device else ("device",))))
    for name, row in sheet.distinct("family"):
        if name not in BY_NAME:
            raise sheet.flaw(f"family is {name!r}, which is none ({', '.join(BY_NAME)} are)", row)
    sheet.times("time_s")  # before the families are taken apart: the rows of messages are the file's
    _check_types(sheet)
    known, codes = sheet.coded("family")
    for number, name in enumerate(known):
        yield _of_family(sheet, BY_NAME[name], np.flatnonzero(codes == number), source, device)


def _of_family(whole: Sheet, family: Family, rows: NDArray[np.int64], source: str, device: str) -> Table:
    names = DIMENSIONS[family]
    whole.require(names)
    sheet = whole if rows.size == whole.rows else whole.taken(rows)
    try:
        dims = {name: sheet.sizes(name) for name in names}
        numbers = {name: sheet.numbers(name) for name in (*POWER, *WORK)}
    except UsageError as error:
        raise _named(error, family, alone=rows.size == whole.rows) from error
    work = _work(sheet, family, dims)
    if work is not None:
        for name in WORK:
            numbers[name] = np.where(np.isnan(numbers[name]), getattr(work, name), numbers[name])
    return Table(
        family,
        dims,
        kind=sheet.texts("kind", str(family)),
        dtype=sheet.texts("dtype"),
        device=constant(device, sheet.rows) if device else _names(sheet, "device", ""),
        source=constant(source, sheet.rows) if source else _names(sheet, "source", whole.path.stem[:LONGEST]),
        mode=sheet.texts("mode"),
        group=sheet.texts("group"),
        time_s=sheet.times("time_s"),
        **numbers,
    )


def _work(sheet: Sheet, family: Family, dims: Mapping[str, Floats]) -> Worked | None:
    """What a formula knows of the rows; for families without one the bytes must be in the file."""
    if all(name in sheet for name in WORK):
        return None
    types, codes = sheet.coded("dtype")
    size = np.array([BYTES[name] for name in types])[codes]
    if family is Family.GEMM:
        return products(dims, size, size, size, weights=True)
    if family is Family.ATTENTION:
        return attention(dims, size, size, size)
    sheet.require(("read_bytes", "write_bytes"))
    return None


def _check_types(sheet: Sheet) -> None:
    for name, row in sheet.distinct("dtype"):
        if name not in BYTES:
            raise sheet.flaw(f"dtype is {name!r}, an element type that is not known", row)


def _names(sheet: Sheet, column: str, default: str) -> Texts:
    """Names of devices or sources, none of them empty, too long or not printable."""
    for name, row in sheet.distinct(column, default):
        if not 0 < len(name) <= LONGEST or not name.isprintable():
            raise sheet.flaw(f"{column} is {name[:40]!r}, which is no usable name", row)
    return sheet.texts(column, default)


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
    if name not in table.dims and name not in COLUMNS:
        return [None] * len(table)
    column = table.dims[name] if name in table.dims else getattr(table, name)
    if column.dtype.kind == "U":
        return list(column.tolist())
    return [None if np.isnan(value) else value for value in column.tolist()]
