"""Images of a folder and of those below it, in the order that a person would put them."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_DIGITS = re.compile(r"[0-9]+")
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found.

    Attributes:
        names: Of files, relative to the folder, in natural order; hidden ones are left out.
        unreadable: Folders that could not be looked into.
    """

    names: tuple[str, ...]
    unreadable: tuple[str, ...] = ()


def in_folder(root: str) -> Listing:
    """Files of a folder and of all folders below it, through links too; each folder once, whatever links lead to it.

    A link that leads nowhere counts as a file: somebody meant one.

    Args:
        root: Absolute path of the folder.

    Raises:
        OSError: The folder itself cannot be looked into.
    """
    walk = _Walk(root)
    linked = walk.through([""])
    while linked:  # real folders come first, so that a file has its own name and not that of a link to its folder
        linked = walk.through(sorted(linked, key=natural, reverse=True))
    return Listing(tuple(sorted(walk.names, key=natural)), tuple(walk.unreadable))


def is_pattern(text: str) -> bool:
    """Whether a path has `*`, `?` or `[`."""
    return _MAGIC.search(text) is not None


def by_pattern(text: str) -> tuple[str, Listing]:
    """Files whose path matches, `**` standing for any folders; it does not go through links.

    Returns:
        Absolute path of the folder above the first wildcard, and the files in it.

    Raises:
        ValueError: `**` is not the whole name of a folder.
    """
    parts = Path(text).absolute().parts
    first = next(place for place, part in enumerate(parts) if is_pattern(part))
    root, wanted = Path(*parts[:first]), parts[first:]
    hidden = any(part.startswith(".") for part in wanted)
    if wanted[-1] == "**":
        wanted = (*wanted, "*")
    found = (path for path in root.glob("/".join(wanted)) if not path.is_dir())
    names = (str(path.relative_to(root)) for path in found)
    shown = (name for name in names if hidden or "/." not in f"/{name}")
    return str(root), Listing(tuple(sorted(shown, key=natural)))


def natural(name: str) -> tuple[str, str]:
    """Sorts names as people do: folder by folder, and `frame9` before `frame10`."""
    counted = _DIGITS.sub(lambda found: _padded(found.group()), name)
    return counted.replace("/", "\0"), name


def ends_in(names: Iterable[str], suffixes: frozenset[str]) -> list[str]:
    """Those that end in one of the suffixes, in whichever letters."""
    return [name for name in names if os.path.splitext(name)[1].lower() in suffixes]  # noqa: PTH122  (a Path is slow)


def _padded(digits: str) -> str:
    significant = digits.lstrip("0")
    return f"{len(significant):03}{significant}"


class _Walk:
    """Goes through folders, each once."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._seen: set[tuple[int, int]] = set()
        self.names: list[str] = []
        self.unreadable: list[str] = []

    def through(self, folders: Iterable[str]) -> list[str]:
        """Take the files of these and of the folders below; the links to folders among them, not gone through."""
        waiting = list(folders)
        linked: list[str] = []
        while waiting:
            folder = waiting.pop()
            try:
                entries = list(self._entries(folder))
            except OSError:
                if not folder:
                    raise
                self.unreadable.append(folder)
                continue
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if not _is_folder(entry):
                    self.names.append(name)
                else:
                    (linked if entry.is_symlink() else waiting).append(name)
        return linked

    def _entries(self, folder: str) -> "Iterator[os.DirEntry[str]]":
        path = f"{self._root}/{folder}"
        status = os.stat(path)  # noqa: PTH116  (a Path costs more than the call)
        if (status.st_dev, status.st_ino) in self._seen:
            return
        self._seen.add((status.st_dev, status.st_ino))
        with os.scandir(path) as entries:
            yield from (entry for entry in entries if not entry.name.startswith("."))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in a circle
        return False
