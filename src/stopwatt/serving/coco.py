"""COCO's two formats: annotations (what is there) and results (what a model found).

Both as described under https://cocodataset.org/#format-data and #format-results: boxes are x, y, width and height in
pixels of the image.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, TypedDict

from stopwatt.errors import UsageError
from stopwatt.serving.contract import Detection, Found

_PIXEL_DECIMALS, _SCORE_DECIMALS = 3, 6
"""Fine enough for every metric, and coarse enough for equal files where the last bits differ."""


class Result(TypedDict):
    """One detection, as a results file has it."""

    image_id: int
    category_id: int
    bbox: list[float]
    score: float


@dataclass(frozen=True, slots=True)
class AnnotatedImage:
    """An image of an annotations file.

    Attributes:
        id: As annotations and results call it.
        file_name: Relative to the folder of images.
        width, height: In pixels; 0 where the file does not say.
    """

    id: int
    file_name: str
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Truth:
    """One object that is there: its box in pixels, and whether it stands for a crowd, which is not counted."""

    x: float
    y: float
    width: float
    height: float
    category: int
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class Annotations:
    """An annotations file.

    Attributes:
        images: In the order of the file.
        objects: Of each image that has any, by its id.
        categories: Names by id.
    """

    images: tuple[AnnotatedImage, ...]
    objects: Mapping[int, tuple[Truth, ...]]
    categories: Mapping[int, str]


def as_results(found: Found, image_id: int) -> list[Result]:
    """Detections of an image as a results file has them, rounded to 0.001 pixels and 0.000001 of score."""
    return [
        Result(
            image_id=image_id,
            category_id=one.category,
            bbox=[round(value, _PIXEL_DECIMALS) for value in (one.x, one.y, one.width, one.height)],
            score=round(one.score, _SCORE_DECIMALS),
        )
        for one in found.detections
    ]


def read_results(path: Path) -> dict[int, tuple[Detection, ...]]:
    """Detections of each image that has any, by its id; by falling score.

    Raises:
        UsageError: The file is not there, or holds no COCO results.
    """
    document = _document(path)
    if not isinstance(document, list):
        raise _not_coco(path, "results are a list of detections")
    by_image: dict[int, list[Detection]] = {}
    for place, one in enumerate(document):
        with _Reading(path, f"detection {place}"):
            x, y, width, height = _numbers(one["bbox"])
            (score,) = _numbers([one["score"]])
            detection = Detection(x, y, width, height, score, int(one["category_id"]))
            by_image.setdefault(int(one["image_id"]), []).append(detection)
    return {image: tuple(sorted(ones, key=lambda one: -one.score)) for image, ones in by_image.items()}


def read_annotations(path: Path) -> Annotations:
    """Images, objects and categories of an annotations file.

    Raises:
        UsageError: The file is not there, holds no COCO annotations, names an image twice, or annotates one that it
            does not list.
    """
    document = _document(path)
    if not isinstance(document, dict) or not isinstance(document.get("images"), list):
        raise _not_coco(path, "annotations are an object with a list of `images`")
    images = tuple(_images(document["images"], path))
    known = {image.id for image in images}
    if len(known) < len(images):
        raise _not_coco(path, "two images have the same id")
    objects: dict[int, list[Truth]] = {}
    for place, one in enumerate(document.get("annotations") or ()):
        with _Reading(path, f"annotation {place}"):
            image = int(one["image_id"])
            if image not in known:
                raise _not_coco(path, f"annotation {place} is of image {image}, which is not listed")
            objects.setdefault(image, []).append(_truth(one))
    with _Reading(path, "the categories"):
        categories = {int(one["id"]): str(one["name"]) for one in document.get("categories") or ()}
    return Annotations(images, {image: tuple(ones) for image, ones in objects.items()}, categories)


def _images(listed: Iterable[Mapping[str, Any]], path: Path) -> Iterable[AnnotatedImage]:
    for place, one in enumerate(listed):
        with _Reading(path, f"image {place}"):
            size = (int(one.get(name) or 0) for name in ("width", "height"))
            yield AnnotatedImage(int(one["id"]), str(one["file_name"]), *size)


def _truth(one: Mapping[str, Any]) -> Truth:
    x, y, width, height = _numbers(one["bbox"])
    return Truth(x, y, width, height, int(one["category_id"]), bool(one.get("iscrowd", 0)))


def _numbers(values: Iterable[Any]) -> list[float]:
    numbers = [float(value) for value in values]
    if not all(map(isfinite, numbers)):
        raise ValueError(f"{numbers} are not all numbers")
    return numbers


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"the file cannot be read: {error.strerror}", when=str(path), now="name a file of COCO's format"
        ) from error
    except (ValueError, RecursionError) as error:
        raise _not_coco(path, f"it is no JSON: {error}") from error


_OTHERWISE = (TypeError, ValueError, AttributeError, OverflowError)


class _Reading:
    """Turns whatever a part of another shape raises into an error that names it."""

    def __init__(self, path: Path, part: str) -> None:
        self._path, self._part = path, part

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, KeyError):
            raise _not_coco(self._path, f"{self._part} has no {error}") from error
        if isinstance(error, _OTHERWISE) and not isinstance(error, UsageError):
            raise _not_coco(self._path, f"{self._part} cannot be read: {error}") from error


def _not_coco(path: Path, why: str) -> UsageError:
    return UsageError(f"the file is not of COCO's format: {why}", when=str(path), now="name a file of COCO's format")
