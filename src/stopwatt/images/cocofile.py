"""The images of an annotations file in COCO's format, without all that is said of them."""

import json
import os
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stopwatt.errors import UsageError
from stopwatt.images.items import Names
from stopwatt.images.lists import distinct


@dataclass(frozen=True, slots=True)
class Annotated:
    """The images of an annotations file.

    Attributes:
        names: Of their files, in order, each once.
        ids: What the annotations call them.
        repeated: Images whose file an earlier one has too.
    """

    names: Names
    ids: "array[int]"
    repeated: int


@dataclass(frozen=True, slots=True)
class _Image:
    id: Any
    file_name: Any


def read_images(path: Path) -> Annotated:
    """Files and ids of the images.

    Annotations outnumber images by far; they are dropped while the file is read, so that a file of half a gigabyte does
    not become several.

    Raises:
        UsageError: The file cannot be read, holds no COCO annotations, or gives two images the same id.
    """
    try:
        document = json.loads(path.read_bytes(), object_hook=_needed)
    except OSError as error:
        raise UsageError(
            f"the annotations cannot be read: {error.strerror}", when=str(path), now="check the rights of the file"
        ) from error
    except (ValueError, RecursionError) as error:
        raise _not_coco(path, f"it is no JSON: {error}") from error
    images = document.get("images") if isinstance(document, dict) else None
    if not isinstance(images, list):
        raise _not_coco(path, "it is no object with a list of `images`")
    ids = array("q", _ids(images, path))
    if len(set(ids)) < len(ids):
        raise _not_coco(path, "two images have the same id")
    listed = distinct(_names(images, path))
    return Annotated(listed.names, array("q", (ids[place] for place in listed.kept)), listed.repeated)


def _needed(entry: dict[str, Any]) -> _Image | Mapping[str, Any] | None:
    if "file_name" in entry:
        return _Image(entry.get("id"), entry["file_name"])
    return {"images": entry["images"]} if "images" in entry else None


def _ids(images: list[Any], path: Path) -> Iterator[int]:
    for place, image in enumerate(images):
        if not isinstance(image, _Image):
            raise _not_coco(path, f"image {place} has no `file_name`")
        if type(image.id) is not int or image.id.bit_length() > 63:  # noqa: PLR2004  (of a signed 64-bit number)
            raise _not_coco(path, f"image {place} has no whole number as its `id`")
        yield image.id


def _names(images: list[_Image], path: Path) -> Iterator[bytes]:
    for place, image in enumerate(images):
        try:
            name = os.fsencode(image.file_name)
        except (TypeError, UnicodeEncodeError) as error:
            raise _not_coco(path, f"the `file_name` of image {place} is no name of a file") from error
        if not name or b"\0" in name:
            raise _not_coco(path, f"the `file_name` of image {place} is no name of a file")
        yield name


def _not_coco(path: Path, why: str) -> UsageError:
    return UsageError(f"the file is not of COCO's format: {why}", when=str(path), now="name a file of COCO's format")
