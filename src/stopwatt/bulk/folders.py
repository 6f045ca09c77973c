"""Images of a folder and of those below it, in the order that a person would put them."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_DIGITS = re.compile(r"[0-9]+")


@dataclass(slots=True)
class Listing:
    """What was found in a folder.

    Attributes:
        names: Of files with one of the suffixes, relative to the folder, in natural order.
        others: Number of other files.
        unreadable: Folders that could not be looked into.
    """

    names: list[str] = field(default_factory=list)
    others: int = 0
    unreadable: list[str] = field(default_factory=list)


def listed(root: str, suffixes: frozenset[str]) -> Listing:
    """Files of a folder and of all folders below it, through links too; each folder once, whatever links lead to it.

    Hidden files and folders are left out. A link that leads nowhere counts as a file: somebody meant one.

    Args:
        root: Absolute path of the folder.
        suffixes: Of the files that are meant, in small letters.

    Raises:
        OSError: The folder itself cannot be looked into.
    """
    listing = Listing()
    seen: set[tuple[int, int]] = set()
    linked: list[str] = []
    _walk(root, [""], listing, suffixes, seen, linked)
    while linked:  # real folders come first, so that a file has its own name and not that of a link to its folder
        linked.sort(key=natural)
        links, linked = linked, []
        _walk(root, links, listing, suffixes, seen, linked)
    listing.names.sort(key=natural)
    return listing


def natural(name: str) -> tuple[str, str]:
    """Sorts names as people do: folder by folder, and `frame9` before `frame10`."""
    counted = _DIGITS.sub(lambda found: _padded(found.group()), name)
    return counted.replace("/", "\0"), name


def has_suffix(name: str, suffixes: frozenset[str]) -> bool:
    """Whether a file's name ends in one of these, in whichever letters."""
    return os.path.splitext(name)[1].lower() in suffixes  # noqa: PTH122  (a Path costs ten times as much)


def _padded(digits: str) -> str:
    significant = digits.lstrip("0")
    return f"{len(significant):03}{significant}"


def _walk(
    root: str,
    folders: Iterable[str],
    listing: Listing,
    suffixes: frozenset[str],
    seen: set[tuple[int, int]],
    linked: list[str],
) -> None:
    waiting = list(folders)
    while waiting:
        folder = waiting.pop()
        try:
            entries = list(_entries(os.path.join(root, folder), seen))  # noqa: PTH118  (see above)
        except OSError:
            if not folder:
                raise
            listing.unreadable.append(folder)
            continue
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if not _is_folder(entry):
                if has_suffix(name, suffixes):
                    listing.names.append(name)
                else:
                    listing.others += 1
            elif entry.is_symlink():
                linked.append(name)
            else:
                waiting.append(name)


def _entries(path: str, seen: set[tuple[int, int]]) -> Iterator["os.DirEntry[str]"]:
    status = os.stat(path)  # noqa: PTH116  (see above)
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    with os.scandir(path) as entries:
        yield from (entry for entry in entries if not entry.name.startswith("."))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in a circle
        return False
