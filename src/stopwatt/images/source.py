"""What `stopwatt run DATA` looks at: a folder, a list, a pattern, annotations, videos, one image."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stopwatt.errors import UsageError
from stopwatt.images import decoding as image_files
from stopwatt.images import video
from stopwatt.images.cocofile import read_images
from stopwatt.images.folders import Listing, by_pattern, ends_in, in_folder, is_pattern
from stopwatt.images.item import Failed
from stopwatt.images.items import Files, Frames, Items, Names
from stopwatt.images.lists import read_list, root_of
from stopwatt.text import counted, one_line

_LISTS = frozenset({"", ".txt", ".lst", ".list"})
_ANNOTATIONS = ".json"


@dataclass(frozen=True, slots=True)
class Source:
    """The images of a run.

    Attributes:
        items: In order, at least one.
        described: What they are, for people: `folder left`.
        notes: What a reader must know: files that were left out, entries that were there twice.
        annotations: File that says what is in the images; `None` where none was named.
    """

    items: Items
    described: str
    notes: tuple[str, ...] = ()
    annotations: Path | None = None


def open_source(data: str, *, images: Path | None = None, limit: int = 0) -> Source:
    """Find the images. None is opened; of videos the frames are counted.

    Args:
        data: As on the command line.
        images: Folder that the names in a list or in annotations are relative to; `None` for where they are.
        limit: Images at most, the first ones; 0 for all.

    Raises:
        UsageError: There is no such thing, or no image in it; or it is a video, and PyAV is not installed.
    """
    source = _found(Path(data).expanduser(), images)
    if not len(source.items):
        raise UsageError(f"there are no images in the {source.described}", now=_WANTED)
    return replace(source, items=source.items.first(limit)) if limit else source


_WANTED = "name a folder, a list file (.txt), a pattern in quotes ('left/*.jpg'), COCO annotations (.json) or a video"


def _found(path: Path, images: Path | None) -> Source:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        if is_pattern(str(path)):
            return _by_itself(_matching(path), images)
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"the data cannot be found: {why}", when=one_line(str(path)), now=_WANTED) from error
    if stat.S_ISDIR(mode):
        return _by_itself(_in_folder(path), images)
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        raise UsageError("the data is a device or a socket", when=str(path), now=_WANTED)
    return _in_file(path, images)


def _in_file(path: Path, images: Path | None) -> Source:
    suffix = path.suffix.lower()
    if suffix == _ANNOTATIONS:
        return _annotated(path, images)
    if suffix in _LISTS:
        return _listed(path, images)
    root, name = str(path.parent.absolute()), path.name
    if suffix in image_files.SUFFIXES:
        return _by_itself(Source(Files(root, Names([os.fsencode(name)])), f"image {name}"), images)
    if suffix in video.SUFFIXES:
        return _by_itself(_of_videos(root, [name], f"video {name}"), images)
    raise UsageError(f"a file that ends in {suffix} is no data that can be run", when=str(path), now=_WANTED)


def _by_itself(source: Source, images: Path | None) -> Source:
    """A source that needs no folder of images besides."""
    if images is None:
        return source
    note = f"--images is not used: it is for lists and annotations, this is the {source.described}"
    return replace(source, notes=(*source.notes, note))


def _in_folder(path: Path) -> Source:
    root = str(path.absolute())
    try:
        listing = in_folder(root)
    except OSError as error:
        raise UsageError(
            f"the folder cannot be looked into: {error.strerror}", when=str(path), now="check its rights"
        ) from error
    return _chosen(root, listing, f"folder {path}")


def _matching(path: Path) -> Source:
    try:
        root, listing = by_pattern(str(path))
    except ValueError as error:
        raise UsageError(
            f"the pattern cannot be used: {error}", when=str(path), now="write ** between slashes"
        ) from error
    return _chosen(root, listing, f"files that match {path}")


def _chosen(root: str, listing: Listing, described: str) -> Source:
    """The images of a listing; its videos where it has none."""
    names = ends_in(listing.names, image_files.SUFFIXES)
    notes = _left_out(len(listing.names) - len(names), listing.unreadable)
    if names:
        return Source(Files(root, Names(map(os.fsencode, names))), described, notes)
    videos = ends_in(listing.names, video.SUFFIXES)
    if videos:
        notes = _left_out(len(listing.names) - len(videos), listing.unreadable)
        return _of_videos(root, videos, described, notes)
    return Source(Files(root, Names(())), described, notes)


def _left_out(others: int, unreadable: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if others:
        notes.append(f"left out: {counted(others, 'file')} of another kind")
    if unreadable:
        notes.append(
            f"left out: {counted(len(unreadable), 'folder')} without rights, such as {one_line(unreadable[0])}"
        )
    return tuple(notes)


def _listed(path: Path, images: Path | None) -> Source:
    listed = read_list(path)
    candidates = [images] if images else [path.parent, Path.cwd()]
    root = root_of(listed.names, candidates)
    notes = _repeated(listed.repeated, "line")
    if root is None and listed.names:
        places = " and ".join(dict.fromkeys(str(one.absolute()) for one in candidates))
        notes += (f"none of the first files of the list is in {places}; --images FOLDER says where they are",)
    return Source(Files(str((root or candidates[0]).absolute()), listed.names), f"list {path}", notes)


def _annotated(path: Path, images: Path | None) -> Source:
    found = read_images(path)
    candidates = [images] if images else [path.parent, path.parent / "images", path.parent.parent / "images"]
    root = root_of(found.names, candidates)
    if root is None and found.names:
        raise UsageError(
            "none of the first images is where the annotations say",
            when=f"{one_line(found.names[0])} is in none of: {', '.join(map(str, candidates))}",
            now="name the folder of the images: --images FOLDER",
        )
    files = Files(str((root or path.parent).absolute()), found.names, found.ids)
    return Source(files, f"annotations {path}", _repeated(found.repeated, "image"), path)


def _repeated(number: int, what: str) -> tuple[str, ...]:
    return (f"{counted(number, what)} named a file that was named before: each file is done once",) if number else ()


def _of_videos(root: str, names: Sequence[str], described: str, notes: tuple[str, ...] = ()) -> Source:
    paths = [os.path.join(root, name) for name in names]  # noqa: PTH118  (as the items have them)
    video.check_installed(paths[0])
    counts = [_frames_of(path, alone=len(paths) == 1) for path in paths]
    return Source(Frames(root, names, counts, [_size(path) for path in paths]), described, notes)


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _frames_of(path: str, *, alone: bool) -> int:
    """Frames of a video; 1, which will fail, for one among others that cannot be read."""
    opened = video.open_video(path)
    if not isinstance(opened, Failed):
        opened.close()
        return len(opened)
    if alone:
        raise UsageError(opened.why, when=path, now="play it to see whether it is whole")
    return 1
