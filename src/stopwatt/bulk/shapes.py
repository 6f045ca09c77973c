"""A detection data set of COCO's format that this project draws itself: `stopwatt data shapes`."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from stopwatt.bulk.scene import KINDS, Shape, scene
from stopwatt.errors import StoreError, UsageError
from stopwatt.store.atomic import replacing

SMALLEST, LARGEST = 64, 4096
"""Sides of a picture, in pixels."""
MOST_IMAGES = 200_000
_QUALITY = 88
ALL, TRAIN, VAL = "annotations.json", "train.json", "val.json"
"""The annotations of all pictures, and of the two parts."""


@dataclass(frozen=True, slots=True)
class ShapesAsked:
    """What to draw.

    Attributes:
        images: How many pictures.
        width, height: Of each, in pixels.
        seed: Equal seeds give equal pictures, however many are drawn.
        val: Share of the pictures that is kept for validation; evenly spread.
    """

    images: int = 2000
    width: int = 1920
    height: int = 1080
    seed: int = 0
    val: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if not 1 <= self.images <= MOST_IMAGES:
            raise UsageError(f"{self.images} images are out of range", now=f"ask for 1 to {MOST_IMAGES:,}")
        if not all(SMALLEST <= side <= LARGEST for side in (self.width, self.height)):
            raise UsageError(
                f"pictures of {self.width}x{self.height} pixels are out of range",
                now=f"use sides of {SMALLEST} to {LARGEST} pixels",
            )
        if not 0 <= self.val < 1:
            raise UsageError(f"a share of {self.val:g} for validation is out of range", now="use 0 to below 1")
        if self.seed < 0:
            raise UsageError(f"the seed {self.seed} is below 0", now="use 0 or a higher one")


@dataclass(frozen=True, slots=True)
class Written:
    """What was drawn: pictures of both parts, shapes in all of them, bytes of all pictures."""

    folder: Path
    train: int
    val: int
    shapes: int
    size: int


def write_shapes(
    folder: Path, asked: ShapesAsked, threads: int, tell: Callable[[int], None], *, overwrite: bool = False
) -> Written:
    """Draw a data set: `images/000000.jpg` and so on, and three files of annotations, which are written last.

    Args:
        folder: Made where it is not there.
        asked: What to draw.
        threads: Pictures that are drawn at once.
        tell: Called with the number of pictures that are done.
        overwrite: Whether the folder may hold something already; its files of these names are replaced.

    Raises:
        UsageError: The folder holds something.
        StoreError: The disk is full, or refuses.
    """
    images = folder / "images"
    try:
        images.mkdir(parents=True, exist_ok=True)
        if not overwrite and (any(images.iterdir()) or any(one != images for one in folder.iterdir())):
            raise UsageError("the folder is not empty", when=str(folder), now="name another one, or add --force")
        drawn = _drawn(images, asked, threads, tell)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(
            "the data set needs a folder; there is a file of its name, or above it",
            when=str(error.filename or folder),
            now="name another one",
        ) from error
    except OSError as error:
        raise StoreError(
            f"a picture cannot be written: {error.strerror}",
            when=str(error.filename or images),
            now="free some space or name another folder, then start again with --force",
        ) from error
    kept = _kept_for_validation(asked)
    parts = {ALL: range(asked.images), TRAIN: sorted(set(range(asked.images)) - kept), VAL: sorted(kept)}
    for name, numbers in parts.items():
        with replacing(folder / name, overwrite=overwrite) as file:
            file.write(_annotations(asked, {number: drawn[number][0] for number in numbers}))
    shapes, size = sum(len(found) for found, _ in drawn.values()), sum(size for _, size in drawn.values())
    return Written(folder, asked.images - len(kept), len(kept), shapes, size)


_Drawn = tuple[tuple[Shape, ...], int]
"""The shapes of a picture, and its size in bytes."""


def _drawn(folder: Path, asked: ShapesAsked, threads: int, tell: Callable[[int], None]) -> dict[int, _Drawn]:
    """Draw all pictures. Drawing and encoding leave the interpreter, so threads are as good as processes here."""
    done: dict[int, _Drawn] = {}
    numbers = iter(range(asked.images))
    with ThreadPoolExecutor(threads) as pool:

        def begun(count: int) -> Iterator[Future[tuple[int, _Drawn]]]:
            return (pool.submit(_draw, folder, number, asked) for number in islice(numbers, count))

        running = set(begun(2 * threads))
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            done.update(future.result() for future in finished)
            tell(len(done))
            running |= set(begun(len(finished)))
    return done


def _draw(folder: Path, number: int, asked: ShapesAsked) -> tuple[int, _Drawn]:
    from PIL import Image

    drawn = scene(asked.width, asked.height, (asked.seed, number))
    path = folder / _name(number)
    Image.fromarray(drawn.pixels).save(path, "JPEG", quality=_QUALITY)
    return number, (drawn.shapes, path.stat().st_size)


def _kept_for_validation(asked: ShapesAsked) -> set[int]:
    return {number for number in range(asked.images) if int((number + 1) * asked.val) > int(number * asked.val)}


def _name(number: int) -> str:
    return f"{number:06}.jpg"


def _annotations(asked: ShapesAsked, shapes: Mapping[int, Sequence[Shape]]) -> bytes:
    """A part of the data set in COCO's format. Ids are the same in all parts."""
    sizes = {"width": asked.width, "height": asked.height}
    images = [{"id": number + 1, "file_name": f"images/{_name(number)}", **sizes} for number in shapes]
    listed = [
        {"id": 1000 * (number + 1) + place, "image_id": number + 1, **_annotation(one)}
        for number, found in shapes.items()
        for place, one in enumerate(found)
    ]
    document: dict[str, Any] = {
        "info": {"description": "shapes drawn by stopwatt", "seed": asked.seed},
        "images": images,
        "annotations": listed,
        "categories": [{"id": place, "name": name} for place, name in enumerate(KINDS, 1)],
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _annotation(one: Shape) -> dict[str, Any]:
    box = [one.x, one.y, one.width, one.height]
    return {"category_id": one.kind + 1, "bbox": box, "area": one.area, "iscrowd": 0}
