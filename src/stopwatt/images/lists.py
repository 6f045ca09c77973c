"""Lists of files: a path a line, 10^6 of them in seconds and in little memory."""

import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stopwatt.errors import UsageError
from stopwatt.images.items import Names

_CHUNK = 1 << 20
_LONGEST = 1 << 16
"""No path is longer, so what has longer lines is no list of paths."""
_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_LOOKED_AT = 20
"""Names that are tried to find out which folder they are relative to."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list names.

    Attributes:
        names: Of files, each once, in the order of the list.
        kept: Place in the list of each name.
        repeated: Entries that name a file which an earlier one names.
    """

    names: Names
    kept: Sequence[int]
    repeated: int = 0


def read_list(path: Path) -> Listed:
    """The files that a list names, one a line, or separated by zero characters as `find -print0` writes them.

    Empty lines count for nothing; everything else is a name, spaces at its ends included.

    Raises:
        UsageError: The list cannot be read, or is no list of paths.
    """
    try:
        return distinct(_entries(path))
    except OSError as error:
        raise UsageError(
            f"the list cannot be read: {error.strerror}", when=str(path), now="check its rights"
        ) from error


def distinct(names: Iterable[bytes]) -> Listed:
    """Each file once, the first time that it is named; `a.jpg` and `./a.jpg` are one file.

    Files are told apart by their paths as they stand: two links to one file are two images.
    """
    keys = array("q")

    def noted() -> Iterator[bytes]:
        for name in names:
            keys.append(hash(os.path.normpath(name)))
            yield name

    every = Names(noted())
    doubtful = _repeated(np.frombuffer(keys, np.int64)) if keys else ()
    if not len(doubtful):
        return Listed(every, range(len(every)))
    dropped, seen = set(), set()
    for place in doubtful:  # in order
        path = os.path.normpath(every.raw(place))
        if path in seen:
            dropped.add(place)
        seen.add(path)
    kept = array("q", (place for place in range(len(every)) if place not in dropped))
    return Listed(Names(every.raw(place) for place in kept), kept, len(dropped))


def root_of(names: Sequence[str], candidates: Sequence[Path]) -> Path | None:
    """The first of these folders in which any of the first names is a file; `None` where none is anywhere."""
    looked_at = names[:_LOOKED_AT]
    return next((root for root in candidates if any(os.path.lexists(root / name) for name in looked_at)), None)


def _repeated(keys: "np.typing.NDArray[np.int64]") -> list[int]:
    """Places of keys that occur more than once, in order."""
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    member = np.zeros(len(keys), bool)
    member[order[1:][same]] = True
    member[order[:-1][same]] = True
    return [int(place) for place in np.flatnonzero(member)]


def _entries(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        start = file.read(_CHUNK)
        if start.startswith(_WIDE_MARKS):
            raise UsageError("the list is in UTF-16", when=str(path), now="write it in UTF-8")
        separator = b"\0" if b"\0" in start else b"\n"
        rest, data = b"", start.removeprefix(_MARK)
        while data:
            *entries, rest = (rest + data).split(separator)
            _check_length(rest, path)
            yield from _names(entries, separator)
            data = file.read(_CHUNK)
        yield from _names([rest], separator)


def _names(entries: list[bytes], separator: bytes) -> Iterator[bytes]:
    for entry in entries:
        name = entry.removesuffix(b"\r") if separator == b"\n" else entry
        if name and not name.isspace():
            yield name


def _check_length(rest: bytes, path: Path) -> None:
    if len(rest) > _LONGEST:
        raise UsageError(
            f"the list has a line of more than {_LONGEST} bytes, which is no path",
            when=str(path),
            now="name a file that has one path a line",
        )
