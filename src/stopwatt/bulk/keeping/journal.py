"""The one truth of what a run has done: a file that only grows, one line an image.

    {"crc":"0f3a91c2","journal":1,"identity":{...},"settings":{...}}
    {"crc":"8d21e0b7","number":0,"size":[1920,1080],"detections":[[x,y,width,height,score,category],...]}
    {"crc":"51c6f2aa","number":2,"failed":["truncated","the file ends in the middle of the picture"]}

The checksum (CRC-32) covers what stands behind it in its line. What a `kill -9` or a full disk tore is at the end of
the file and is cut off when the run goes on; a line that is damaged elsewhere counts for nothing, so its image is done
again. Of two lines for one image the later counts.
"""

import fcntl
import json
import os
from array import array
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stopwatt.bulk.keeping.lines import is_whole, number_of, says_failed, sealed
from stopwatt.errors import StoreError, UsageError
from stopwatt.records import Scalar
from stopwatt.store.atomic import replacing

NAME = "journal.jsonl"
FORMAT = 1
NOT_DONE, DONE, FAILED = 0, 1, 2
_GO_ON = "free some space, then give the same command again: the run goes on where it stopped"


@dataclass(frozen=True, slots=True)
class Identity:
    """Which run this is: what must be equal for its results to belong together.

    Attributes:
        parts: By name (`model`, `data`, ...), as texts.
        settings: What may differ and changes results within their tolerances only (`batch`).
    """

    parts: Mapping[str, str]
    settings: Mapping[str, Scalar]


class Journal:
    """The journal of one run, open for writing and locked; a context manager.

    Attributes:
        done: A byte for each image: `NOT_DONE`, `DONE` or `FAILED`, as it was when the journal was opened.
        settings: Of the run that began it.
        damaged: Lines in the middle that could not be read.
    """

    def __init__(self, path: Path, descriptor: int, total: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._total = total
        self.done = bytearray(total)
        self.settings: Mapping[str, Scalar] = {}
        self.damaged = 0
        self._length = 0

    @classmethod
    def open(cls, folder: Path, identity: Identity, total: int) -> Self:
        """Go on with the journal of a folder, or begin one.

        Args:
            folder: Must be there.
            identity: Of this run.
            total: Images of it.

        Raises:
            UsageError: Another run's results are there, or another process is writing them now.
            StoreError: It cannot be written, or is no journal.
        """
        path = folder / NAME
        if not path.exists():
            with suppress(UsageError), replacing(path, overwrite=False) as file:  # another process may have been first
                file.write(_header(identity))
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise StoreError(
                f"the journal cannot be opened: {error.strerror}", when=str(path), now="check its rights"
            ) from error
        journal = cls(path, descriptor, total)
        try:
            lock(descriptor, path)
            journal._go_on(identity)
        except BaseException:
            os.close(descriptor)
            raise
        return journal

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append(self, lines: bytes) -> None:
        """Write whole lines behind the others.

        Raises:
            StoreError: The disk is full or refuses; of these lines nothing is left in the file.
        """
        view = memoryview(lines)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._length)
                os.lseek(self._descriptor, self._length, os.SEEK_SET)
            raise self._refused(error) from error
        self._length += len(lines)

    def sync(self) -> None:
        """Return when everything is on the disk.

        Raises:
            StoreError: The disk refuses.
        """
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._refused(error) from error

    def close(self) -> None:
        """Close the file, and so unlock it."""
        os.close(self._descriptor)

    def entries(self, *, failed: bool | None = None) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """What became of the images, in their order, read from the file: 8 bytes of memory an image.

        Args:
            failed: Only those that failed, or only the others; `None` for all.
        """
        places = array("q", bytes(8 * self._total))  # 0, where the header is: not there
        for place, text in self._lines():
            if place and is_whole(text) and (number := number_of(text)) < self._total:
                places[number] = place
        with self._path.open("rb") as file:
            for number, place in enumerate(places):
                if place:
                    file.seek(place)
                    text = file.readline()
                    if failed is None or says_failed(text) is failed:
                        yield number, json.loads(text)

    def _go_on(self, identity: Identity) -> None:
        lines = self._lines()
        _, header = next(lines, (0, b""))
        try:
            self._check(header, identity)
        except UsageError:
            if next(lines, None) is not None:
                raise
            header = self._begin_anew(identity)  # a run that did nothing, since its model could not be loaded
        self._length = len(header)
        for place, text in lines:
            if text.endswith(b"\n"):
                self._length = place + len(text)
            if not is_whole(text):
                self.damaged += text.endswith(b"\n")
            elif (number := number_of(text)) < self._total:
                self.done[number] = FAILED if says_failed(text) else DONE
        os.ftruncate(self._descriptor, self._length)
        os.lseek(self._descriptor, self._length, os.SEEK_SET)

    def _begin_anew(self, identity: Identity) -> bytes:
        """Another header; wherever this is cut off, the first line is whole."""
        header = _header(identity)
        try:
            os.pwrite(self._descriptor, header, 0)
            os.ftruncate(self._descriptor, len(header))
        except OSError as error:
            raise self._refused(error) from error
        self.settings = dict(identity.settings)
        return header

    def _check(self, header: bytes, identity: Identity) -> None:
        content = json.loads(header) if is_whole(header) else {}
        if "journal" not in content:
            raise StoreError("this is no journal of a run", when=str(self._path), now="name another --out folder")
        if content["journal"] > FORMAT:
            raise StoreError(
                f"the journal has format {content['journal']}; this stopwatt reads {FORMAT}",
                when=str(self._path),
                now="use the stopwatt that wrote it, or name another --out folder",
            )
        others = content["identity"]
        parts = {name: (others.get(name), identity.parts.get(name)) for name in {*others, *identity.parts}}
        differing = sorted(name for name, (one, other) in parts.items() if one != other)
        if differing:
            name, several = differing[0], len(differing) > 1
            raise UsageError(
                f"another run's results are here: {' and '.join(differing)} {'differ' if several else 'differs'}",
                when=f"{self._path.parent}: {name} {parts[name][0]} there, {parts[name][1]} here",
                now="name another --out folder, or add --fresh to delete those results",
            )
        self.settings = content["settings"]

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        place = 0
        with self._path.open("rb") as file:
            for text in file:
                yield place, text
                place += len(text)

    def _refused(self, error: OSError) -> StoreError:
        return StoreError(f"the journal cannot be written: {error.strerror}", when=str(self._path), now=_GO_ON)


def _header(identity: Identity) -> bytes:
    return sealed({"journal": FORMAT, "identity": dict(identity.parts), "settings": dict(identity.settings)})


def lock(descriptor: int, path: Path) -> None:
    """Keep other processes from writing here for as long as this one lives.

    Raises:
        UsageError: Another one does.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(
            "another process is writing results here", when=str(path.parent), now="wait for it, or name another --out"
        ) from error
