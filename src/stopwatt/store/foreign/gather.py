"""Lines of a table, gathered by the cell and round that they tell of, in bounded memory."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from stopwatt.errors import UsageError
from stopwatt.store.foreign.columns import Columns, TimeColumn
from stopwatt.store.foreign.files import Record, TableFile
from stopwatt.store.foreign.values import Unreadable, count_of

MOST_SERIES = 100_000
"""Cells and rounds that one table may hold. An identifier or a time of day taken for an axis makes millions."""

Key = tuple[Any, ...]


@dataclass(slots=True)
class Found:
    """What the table says of one round of one cell.

    Attributes:
        place: Of its first line.
        times: Nanoseconds: one mean, or all trials in the order of the lines.
        count: Trials behind the mean; `None` where that is not said.
        sd: Standard deviation, nanoseconds; `None` likewise.
    """

    place: int
    times: "array[float]"
    count: int | None = None
    sd: float | None = None


def gather(table: TableFile, columns: Columns) -> dict[Key, Found]:
    """Read the whole table.

    Returns:
        By the raw values of `columns.keys`, in the order of the lines.

    Raises:
        UsageError: A value that cannot be read, two lines of one cell where there should be one, or too many cells;
            with the line.
    """
    key_of = _key_of([column.place for column in columns.keys])
    found: dict[Key, Found] = {}
    for record in table.records():
        place, values = record
        key = key_of(values)
        series = _known(found, key)
        if series is None:
            _check_key(table, columns, key, place)
            if len(found) == MOST_SERIES:
                raise _too_many(table, columns, found)
            found[key] = series = Found(place, array("d"))
        elif not columns.long:
            raise repeated(table, columns, series.place, place, key)
        _add(table, columns, series, record)
    return found


def _key_of(places: Sequence[int]) -> Callable[[Sequence[Any]], Key]:
    if not places:
        return lambda _: ()
    get = itemgetter(*places)
    return (lambda values: (get(values),)) if len(places) == 1 else get


def _known(found: dict[Key, Found], key: Key) -> Found | None:
    try:
        return found.get(key)
    except TypeError:  # a list or an object inside a line of JSON; `_check_key` says which
        return None


def _check_key(table: TableFile, columns: Columns, key: Key, place: int) -> None:
    for column, raw in zip(columns.keys, key, strict=True):
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            raise table.flaw(place, f"column {column.head!r} is empty", "fill it in, or take the line out")
        if not isinstance(raw, str | int | float):
            raise table.flaw(place, f"column {column.head!r} holds a {type(raw).__name__}", "name another column")


def _add(table: TableFile, columns: Columns, series: Found, record: Record) -> None:
    place, values = record
    raws = [values[column.place] for column in columns.times]
    if not columns.means and len(raws) > 1:
        while raws and (raws[-1] is None or raws[-1] == ""):  # a shorter series than the longest one
            raws.pop()
        if not raws:
            raise table.flaw(place, "the line has no trial")
    for column, raw in zip(columns.times, raws, strict=False):
        series.times.append(_time(table, column, raw, place))
    if columns.sd is not None:
        series.sd = _deviation(table, columns.sd, values[columns.sd.place], place)
    raw = values[columns.count.place] if columns.count else columns.count_said
    if raw != "" or columns.count:
        series.count = _count(table, columns, raw, place)


def _time(table: TableFile, column: TimeColumn, raw: Any, place: int) -> float:
    try:
        return column.read(raw)
    except Unreadable as why:
        raise table.flaw(place, f"column {column.head!r}: {why}") from None


def _deviation(table: TableFile, column: TimeColumn, raw: Any, place: int) -> float:
    """0 is a standard deviation too: that of equal or rounded trials."""
    return 0.0 if str(raw).strip() in {"0", "0.0"} else _time(table, column, raw, place)


def _count(table: TableFile, columns: Columns, raw: Any, place: int) -> int:
    try:
        return count_of(columns.number(raw))
    except Unreadable as why:
        if columns.count is None:
            raise UsageError(f"--count {raw!r} is neither a column nor a number: {why}", now="check it") from None
        raise table.flaw(place, f"column {columns.count.head!r}: {why}") from None


def repeated(table: TableFile, columns: Columns, first: int, second: int, key: Key) -> UsageError:
    """The error for two lines that tell of the same round of the same cell."""
    same = ", ".join(f"{column.head}={raw}" for column, raw in zip(columns.keys, key, strict=True))
    return UsageError(
        f"{table.place}s {first} and {second} tell of the same cell: {same or 'no axis is named'}",
        when=str(table.path),
        now="name the column that tells them apart with --axis; or with --round, if they are repetitions",
    )


def _too_many(table: TableFile, columns: Columns, found: dict[Key, Found]) -> UsageError:
    counts = {column.head: len({key[place] for key in found}) for place, column in enumerate(columns.keys)}
    most = max(counts, key=lambda head: counts[head])
    return UsageError(
        f"the table has more than {MOST_SERIES} cells",
        when=f"{table.path}; the column {most!r} alone has {counts[most]} values so far",
        now="name as axes only what was varied; for one trial a line give --trials COLUMN instead of --time",
    )
