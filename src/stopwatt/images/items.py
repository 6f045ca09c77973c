"""The images of a run, in order: as many as a data set has, in little memory."""

import hashlib
import os
from abc import abstractmethod
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from copy import copy
from itertools import accumulate
from typing import Self, overload

from stopwatt.images.item import Item


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
        shorter._count = min(most, self._count)  # noqa: SLF001  (of the same class)
        return shorter

    @abstractmethod
    def digest(self) -> str:
        """As `digest_of` has it."""

    @abstractmethod
    def _item(self, number: int) -> Item:
        """The item of this number, which is in range."""


class Names(Sequence[str]):
    """Names of files in one piece of memory: their bytes and 8 more each.

    Args:
        names: In order, as the file system has them.
    """

    def __init__(self, names: Iterable[bytes]) -> None:
        self._bytes = bytearray()
        self._ends = array("q", [0])
        for name in names:
            self._bytes += name
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
        return os.fsdecode(self.raw(index))

    def raw(self, index: int) -> bytes:
        """The name of this place, from 0, as the file system has it."""
        return bytes(self._bytes[self._ends[index] : self._ends[index + 1]])

    def digest(self, count: int) -> bytes:
        """SHA-256 of the first `count` names."""
        with memoryview(self._bytes) as content, memoryview(self._ends) as ends:
            digest = hashlib.sha256(ends[: count + 1])
            digest.update(content[: self._ends[count]])
        return digest.digest()


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
        """Of where the files are, what they are called, their order and their ids."""
        digest = hashlib.sha256(os.fsencode(self._root))
        digest.update(self._names.digest(len(self)))
        if self._ids is not None:
            digest.update(self._ids[: len(self)])
        return digest.hexdigest()

    def _item(self, number: int) -> Item:
        name = self._names[number]
        path = name if name.startswith("/") else self._root + name
        return Item(number, shown(name), path, number + 1 if self._ids is None else self._ids[number])


class Frames(Items):
    """Frames of videos, one video after another.

    Args:
        root: Absolute path of the folder that names are relative to.
        names: Of the videos.
        counts: Frames of each, at least one.
        sizes: Bytes of each.
    """

    stretch = 64

    def __init__(self, root: str, names: Sequence[str], counts: Sequence[int], sizes: Sequence[int]) -> None:
        self._ends = list(accumulate(counts))
        super().__init__(self._ends[-1])
        self._root = root.rstrip("/") + "/"
        self._names, self._sizes = tuple(names), tuple(sizes)

    def digest(self) -> str:
        """Of where the videos are, what they are called, their order, their sizes and how many frames they have."""
        known = repr((self._root, self._names, self._ends, self._sizes, len(self)))
        return hashlib.sha256(os.fsencode(known)).hexdigest()

    def _item(self, number: int) -> Item:
        video = bisect_right(self._ends, number)
        frame = number - (self._ends[video - 1] if video else 0)
        name = self._names[video]
        return Item(number, f"{shown(name)}#{frame}", self._root + name, number + 1, frame)


def shown(name: str) -> str:
    r"""A file name as results have it: bytes that are no text as `\xff`, since not every reader takes them."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def digest_of(items: Items) -> str:
    """What tells one data set from another: SHA-256, in hexadecimal, of names, places and order of the images.

    What the files hold is not in it: reading all of them would take as long as the run.
    """
    return items.digest()
