"""From raw values to coordinates: parameters, setup, machine and round of every series."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stopwatt.errors import UsageError
from stopwatt.records import Precision, Scalar, Setup
from stopwatt.store.foreign.columns import Columns
from stopwatt.store.foreign.files import TableFile
from stopwatt.store.foreign.gather import Found, Key, repeated
from stopwatt.store.foreign.values import Unreadable, count_of, precision_of, typed

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Where a series belongs.

    Attributes:
        machine: As somebody named it; empty where nobody did.
        round: From 0, the same for the same value of the round's column in all cells.
    """

    params: tuple[tuple[str, Scalar], ...]
    setup: Setup
    machine: str
    round: int


def coordinates_of(table: TableFile, columns: Columns, found: Mapping[Key, Found]) -> list[Coordinates]:
    """The coordinates of each series, in their order.

    Raises:
        UsageError: A part of the setup that cannot be, or two spellings (`8`, `8.0`) of one series; with the line.
    """
    said = {name: _said(name, text, columns) for name, text in columns.said.items()}
    values = [_converted(table, columns, place, found) for place in range(len(columns.keys))]
    made = [_placed(columns, [one[raw] for one, raw in zip(values, key, strict=True)], said) for key in found]
    firsts: dict[tuple[Any, ...], int] = {}
    for one, (key, series) in zip(made, found.items(), strict=True):
        same = (one.params, one.setup, one.machine, one.round)
        if same in firsts:
            raise repeated(table, columns, firsts[same], series.place, key)
        firsts[same] = series.place
    return made


def _converted(table: TableFile, columns: Columns, place: int, found: Mapping[Key, Found]) -> dict[Any, Scalar]:
    """What each raw value of a column means."""
    column = columns.keys[place]
    firsts: dict[Any, int] = {}
    for key, series in found.items():
        firsts.setdefault(key[place], series.place)
    if column is columns.round:
        return _numbered(typed(firsts, columns.number))
    if column in columns.axes:
        return {raw: _stripped(value) for raw, value in typed(firsts, columns.number).items()}
    read = _READERS[column.name]
    try:
        return {raw: read(columns, raw) for raw in firsts}
    except Unreadable as why:
        raw = next(raw for raw in firsts if not _readable(read, columns, raw))
        raise table.flaw(firsts[raw], f"column {column.head!r}: {why}") from None


def _readable(read: Callable[[Columns, Any], Scalar], columns: Columns, raw: Any) -> bool:
    try:
        read(columns, raw)
    except Unreadable:
        return False
    return True


def _said(name: str, text: str, columns: Columns) -> Scalar:
    try:
        return _READERS[name](columns, text)
    except Unreadable as why:
        raise UsageError(f"--{name} {text!r} is no column, and as a value: {why}", now="check its spelling") from None


def _whole(columns: Columns, raw: Any) -> int:
    return count_of(columns.number(raw))


def _text(_: Columns, raw: Any) -> str:
    return str(raw).strip()


_READERS: dict[str, Callable[[Columns, Any], Scalar]] = {
    "batch": _whole,
    "threads": _whole,
    "precision": lambda _, raw: precision_of(raw),
    "backend": _text,
    "device": _text,
    "machine": _text,
}


def _numbered(values: Mapping[Any, Scalar]) -> dict[Any, Scalar]:
    """Rounds from 0: numbers by size, anything else in the order of the lines."""
    numeric = all(isinstance(value, int | float) for value in values.values())
    ordered = sorted(values, key=lambda raw: float(values[raw])) if numeric else list(values)
    return {raw: place for place, raw in enumerate(ordered)}


def _stripped(value: Scalar) -> Scalar:
    return value.strip() if isinstance(value, str) else value


def _placed(columns: Columns, values: Sequence[Scalar], said: Mapping[str, Scalar]) -> Coordinates:
    named = dict(said)
    number = 0
    params: list[tuple[str, Scalar]] = []
    for column, value in zip(columns.keys, values, strict=True):
        if column is columns.round:
            number = int(value)
        elif column in columns.axes:
            params.append((column.name, value))
        else:
            named[column.name] = value
    return Coordinates(tuple(params), _setup(named), str(named.get("machine", "")), number)


def _setup(named: Mapping[str, Scalar]) -> Setup:
    """What nobody said is unknown, but for the batch: a call is one sample until somebody says otherwise."""
    return Setup(
        backend=str(named.get("backend", UNKNOWN)),
        precision=Precision(str(named.get("precision", Precision.UNKNOWN))),
        batch=int(named.get("batch", 1)),
        device=str(named.get("device", UNKNOWN)),
        threads=int(named.get("threads", 0)),
    )
