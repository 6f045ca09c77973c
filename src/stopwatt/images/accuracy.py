"""How well detections agree with annotations: COCO's average precision (Lin et al. 2014), by faster-coco-eval."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.errors import UsageError
from stopwatt.serving.coco import Annotations, Truth
from stopwatt.serving.contract import Detection

ByImage = Mapping[int, Sequence[Detection]]
"""Detections of each image, by its id."""
_ALL_SIZES, _MOST_DETECTIONS = 0, -1
_AT_50, _AT_75 = 0, 5
"""Places of the IoU thresholds 0.50 and 0.75 among 0.50, 0.55, ... 0.95."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Average precision, 0 to 1; `None` where there is no object to find.

    Attributes:
        ap: Mean over the IoU thresholds 0.50, 0.55, ... 0.95 and over all classes that have objects.
        ap50: At IoU 0.50.
        ap75: At IoU 0.75.
        by_category: The first of them for each class that has objects, by its name.
    """

    ap: float | None
    ap50: float | None
    ap75: float | None
    by_category: Mapping[str, float]


def accuracy(found: ByImage, truth: Annotations) -> Accuracy:
    """COCO's average precision of some detections, at most 100 of an image.

    Args:
        found: Detections of the annotated images; an image without an entry has none.
        truth: What is there.

    Raises:
        UsageError: The evaluation is not installed, or an image is found that the annotations do not list.
    """
    evaluation = _evaluation(found, truth, separate=False)
    evaluation.evaluate()
    evaluation.accumulate()
    # thresholds, recalls, categories; -1 where there is no object
    precision = np.asarray(evaluation.eval["precision"])[..., _ALL_SIZES, _MOST_DETECTIONS]
    return _accuracy(precision, [truth.categories[one] for one in evaluation.params.catIds])


def resampled(found: ByImage, truth: Annotations, draws: Iterable[Sequence[int]]) -> list[float]:
    """The same average precision (`Accuracy.ap`) on resamples of the images, each of which may come several times.

    What agrees in each image is found once; only the curves are made anew.

    Args:
        found: Detections of the annotated images.
        truth: What is there.
        draws: Of each resample the places of its images among those of the annotations, as many as there are images.

    Returns:
        One for each resample; NaN where it holds no object.

    Raises:
        UsageError: As `accuracy`.
    """
    evaluation = _evaluation(found, truth, separate=True)
    evaluation.params.areaRng, evaluation.params.areaRngLbl = evaluation.params.areaRng[:1], ["all"]
    evaluation.params.maxDets = evaluation.params.maxDets[-1:]
    evaluation.evaluate()
    order = sorted(range(len(truth.images)), key=lambda place: truth.images[place].id)
    places = np.argsort(order)  # of the images as annotated among those by their ids, which is the evaluation's order
    of_images = list(evaluation._evalImgs_cpp)  # noqa: SLF001  (what `evaluate` leaves for `accumulate`)
    by_category = [of_images[at : at + len(order)] for at in range(0, len(of_images), len(order))]
    values = []
    for draw in draws:
        chosen = places[np.asarray(draw)]
        evaluation._evalImgs_cpp = [one[place] for one in by_category for place in chosen]  # noqa: SLF001  (as above)
        evaluation.accumulate()
        value = _mean(np.asarray(evaluation.eval["precision"]))
        values.append(math.nan if value is None else value)
    return values


def _evaluation(found: ByImage, truth: Annotations, *, separate: bool) -> Any:
    package = _package()
    known = {image.id for image in truth.images}
    for image in found:
        if image not in known:
            raise UsageError(
                f"there are detections of image {image}, which the annotations do not list",
                now="name the annotations of the images that were run",
            )
    actual = package.COCO(_truth_document(truth))
    return package.COCOeval_faster(
        actual, actual.loadRes(_results(found)), "bbox", print_function=_silent, separate_eval=separate
    )


def _accuracy(precision: NDArray[Any], names: Sequence[str]) -> Accuracy:
    by_category = {name: _mean(precision[:, :, place]) for place, name in enumerate(names)}
    return Accuracy(
        _mean(precision),
        _mean(precision[_AT_50]),
        _mean(precision[_AT_75]),
        {name: value for name, value in by_category.items() if value is not None},
    )


def _mean(precision: NDArray[Any]) -> float | None:
    valid = precision[precision > -1]
    return float(valid.mean()) if valid.size else None


def _truth_document(truth: Annotations) -> dict[str, Any]:
    listed = [(image, one) for image, objects in truth.objects.items() for one in objects]
    return {
        "images": [{"id": image.id, "width": image.width, "height": image.height} for image in truth.images],
        "annotations": [_annotation(number, image, one) for number, (image, one) in enumerate(listed, 1)],
        "categories": [{"id": number, "name": name} for number, name in truth.categories.items()],
    }


def _annotation(number: int, image: int, one: Truth) -> dict[str, Any]:
    box = {"bbox": [one.x, one.y, one.width, one.height], "area": one.width * one.height}
    return {"id": number, "image_id": image, "category_id": one.category, "iscrowd": int(one.crowd), **box}


def _results(found: ByImage) -> list[dict[str, Any]]:
    return [
        {
            "image_id": image,
            "category_id": one.category,
            "bbox": [one.x, one.y, one.width, one.height],
            "score": one.score,
        }
        for image, detections in found.items()
        for one in detections
    ]


def _package() -> ModuleType:
    try:
        import faster_coco_eval
    except ImportError as error:
        raise UsageError(
            "the accuracy of detections needs faster-coco-eval",
            when=str(error),
            now="pip install 'stopwatt[detect]', or compare without annotations",
        ) from error
    module: ModuleType = faster_coco_eval
    return module


def _silent(*_: object) -> None:
    """What the evaluation says of itself goes nowhere."""
