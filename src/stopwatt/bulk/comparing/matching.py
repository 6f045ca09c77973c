"""Which detection of one result is which of another. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.serving.contract import Detection

LEAST_IOU = 0.5
"""From here on two boxes may be the same object's; what COCO's AP50 asks for."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The same object in both results: places of its two detections, and how far their boxes agree.

    Attributes:
        a: Place in the first result.
        b: Place in the second.
        iou: Intersection over union of the boxes.
    """

    a: int
    b: int
    iou: float


@dataclass(frozen=True, slots=True)
class Matching:
    """All detections of one image in two results.

    Attributes:
        pairs: The same object and class in both.
        renamed: The same object, of another class in the second result.
        only_a: Places of what only the first result has.
        only_b: Places of what only the second has.
    """

    pairs: tuple[Pair, ...]
    renamed: tuple[Pair, ...]
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]


def matched(a: Sequence[Detection], b: Sequence[Detection], least: float = LEAST_IOU) -> Matching:
    """Pair the detections of one image: each with one of the other result at most, best agreement first.

    COCO's evaluation gives each detection, by falling score, the best free box of the truth. Of two results neither is
    the truth, so here the best pair of all comes first (higher IoU, then closer scores): the pairs do not depend on
    which result is called the first. First within classes; what is left over then whatever its class.

    Args:
        a: One result.
        b: The other.
        least: IoU that two boxes of one object have at least, above 0.
    """
    ious = overlaps(boxes_of(a), boxes_of(b))
    same = np.array([[one.category == other.category for other in b] for one in a], bool).reshape(ious.shape)
    gaps = np.abs(np.subtract.outer([one.score for one in a], [one.score for one in b]))
    free_a, free_b = set(range(len(a))), set(range(len(b)))
    pairs = _greedy(np.where(same, ious, 0), gaps, least, free_a, free_b)
    renamed = _greedy(ious, gaps, least, free_a, free_b)
    return Matching(pairs, renamed, tuple(sorted(free_a)), tuple(sorted(free_b)))


def boxes_of(detections: Sequence[Detection]) -> NDArray[np.float64]:
    """Boxes [n, 4] as x, y, width, height."""
    return np.array([(one.x, one.y, one.width, one.height) for one in detections], np.float64).reshape(-1, 4)


def overlaps(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of each box with each: [n, 4] and [m, 4] as x, y, width, height give [n, m]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    union = a[:, 2:].prod(axis=1)[:, None] + b[:, 2:].prod(axis=1)[None] - common
    result: NDArray[np.float64] = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return result


def _greedy(
    ious: NDArray[np.float64], gaps: NDArray[np.float64], least: float, free_a: set[int], free_b: set[int]
) -> tuple[Pair, ...]:
    """The best pairs first; what is paired is no longer free."""
    rows, columns = np.nonzero(ious >= least)
    order = np.lexsort((columns, rows, gaps[rows, columns], -ious[rows, columns]))
    pairs = []
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row in free_a and column in free_b:
            free_a.remove(row)
            free_b.remove(column)
            pairs.append(Pair(row, column, float(ious[row, column])))
    return tuple(pairs)
