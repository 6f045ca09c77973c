"""The images of a run, in order: as many as a data set has, in little memory."""

import hashlib
from abc import abstractmethod
from array import array
from collections.abc import Iterable, Sequence
from copy import copy
from typing import Self, overload

from stopwatt.bulk.records import Item

_ENCODING = "utf-8"
_BYTES = "surrogateescape"
"""File names are bytes; those that are no UTF-8 survive the way to text and back in this way."""


class Items(Sequence[Item]):
    """Images by number. An item is made when it is asked for, so 10^6 of them are not 10^6 objects.

    Attributes:
        stretch: Successive items, from a multiple of this on, that one decoder should be given in order: 1 for files;
            more for videos, where a frame depends on those before it. Another way gives the same pixels, slower.
    """

    stretch = 1

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        if isinstance(index, slice):
            return [self._item(number) for number in range(*index.indices(self._count))]
        if not -self._count <= index < self._count:
            raise IndexError(index)
        return self._item(index % self._count)

    def first(self, most: int) -> Self:
        """The same without those behind the first `most`."""
        shorter = copy(self)
        shorter._count = min(most, self._count)
        return shorter

    @abstractmethod
    def digest(self) -> str:
        """As `digest_of` has it."""

    @abstractmethod
    def _item(self, number: int) -> Item:
        """The item of this number, which is in range."""


class Names(Sequence[str]):
    """Texts in one piece of memory: their bytes and 8 more each.

    Args:
        texts: In order. None holds a zero character.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._bytes = bytearray()
        self._ends = array("q", [0])
        for text in texts:
            self._bytes += text.encode(_ENCODING, _BYTES)
            self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        return self._bytes[self._ends[index] : self._ends[index + 1]].decode(_ENCODING, _BYTES)

    def digest(self, count: int) -> bytes:
        """SHA-256 of the first `count` texts, whichever bytes they are made of."""
        with memoryview(self._bytes) as content, memoryview(self._ends) as ends:
            return hashlib.sha256(bytes(ends[: count + 1]) + content[: self._ends[count]]).digest()


class Files(Items):
    """Files of one image each.

    Args:
        root: Absolute path of the folder that names are relative to.
        names: Of the files, all different; absolute ones stand for themselves.
        ids: What annotations call them; `None` for 1, 2, 3, ...
    """

    def __init__(self, root: str, names: Names, ids: "array[int] | None" = None) -> None:
        super().__init__(len(names))
        self._root = root.rstrip("/") + "/"
        self._names = names
        self._ids = ids

    def digest(self) -> str:
        """Of where the files are, what they are called, their order and their ids; not of what they hold."""
        known = hashlib.sha256(self._root.encode(_ENCODING, _BYTES) + self._names.digest(len(self)))
        if self._ids is not None:
            known.update(self._ids[: len(self)].tobytes())
        return known.hexdigest()

    def _item(self, number: int) -> Item:
        name = self._names[number]
        path = name if name.startswith("/") else self._root + name
        return Item(number, shown(name), path, self._ids[number] if self._ids is not None else number + 1)


def shown(name: str) -> str:
    r"""A file name as results have it: bytes that are no UTF-8 as `\xff`, since not every reader takes them."""
    return name if name.isascii() else name.encode(_ENCODING, _BYTES).decode(_ENCODING, "backslashreplace")


def digest_of(items: Items) -> str:
    """What tells one data set from another: SHA-256, in hexadecimal, of names, places and order of the images.

    What the files hold is not in it: reading all of them would take as long as the run. Of a video its size is.
    """
    return items.digest()
