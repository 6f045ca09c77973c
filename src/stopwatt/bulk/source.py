"""What `stopwatt run DATA` looks at: a folder, a list, a pattern, annotations, a video."""

from dataclasses import dataclass
from pathlib import Path

from stopwatt.bulk.folders import Listing, listed
from stopwatt.bulk.images import SUFFIXES
from stopwatt.bulk.items import Files, Items, Names
from stopwatt.errors import UsageError


@dataclass(frozen=True, slots=True)
class Source:
    """The images of a run.

    Attributes:
        items: In order, at least one.
        described: What they are, for people: `folder /data/left`.
        notes: What a reader must know: files that were left out, lines that were there twice.
        annotations: File that says what is in the images; `None` where none was named.
    """

    items: Items
    described: str
    notes: tuple[str, ...] = ()
    annotations: Path | None = None


def open_source(data: str, *, images: Path | None = None, limit: int = 0) -> Source:
    """Find the images. None is opened.

    Args:
        data: As on the command line.
        images: Folder that the names in a list or in annotations are relative to; `None` for where they are.
        limit: Images at most, the first ones; 0 for all.

    Raises:
        UsageError: There is no such thing, or no image in it.
    """
    path = Path(data)
    if path.is_dir():
        return _folder(path)
    raise UsageError("there is no such folder", when=data)


def _folder(path: Path) -> Source:
    root = str(path.absolute())
    listing = listed(root, SUFFIXES)
    return Source(Files(root, Names(listing.names)), f"folder {path}", _left_out(listing))


def _left_out(listing: Listing) -> tuple[str, ...]:
    return ()
