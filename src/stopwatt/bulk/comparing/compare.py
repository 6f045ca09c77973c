"""Two results for the same images: what is the same, what is not, and how accurate is each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import nlargest
from pathlib import Path
from typing import Any

from stopwatt.bulk.comparing.matching import LEAST_IOU, Matching, Pair, matched
from stopwatt.bulk.comparing.results import Head, comparable, head_of
from stopwatt.errors import UsageError
from stopwatt.images.accuracy import Accuracy, ByImage, accuracy
from stopwatt.serving.coco import Annotations, read_annotations, read_results
from stopwatt.serving.contract import Detection, Task


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What counts as identical.

    Attributes:
        iou: Least IoU of the two boxes.
        score: Largest difference of the two scores.
    """

    iou: float = 0.99
    score: float = 1e-3

    def __post_init__(self) -> None:
        """Refuse what no pair can meet, or every pair does."""
        if not LEAST_IOU <= self.iou <= 1:
            raise UsageError(f"an IoU of {self.iou:g} is out of range", now=f"use {LEAST_IOU} to 1")
        if not 0 <= self.score <= 1:
            raise UsageError(f"a score difference of {self.score:g} is out of range", now="use 0 to 1")


@dataclass(frozen=True, slots=True)
class Results:
    """The results of one run.

    Attributes:
        name: As the user wrote it.
        found: Detections of each image that has any.
        failed: Images without a result.
        labels: Names of the categories, where they are known.
        facts: Of the run: model, backend, precision.
    """

    name: str
    found: ByImage
    failed: frozenset[int] = frozenset()
    labels: Mapping[int, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two, in figures.

    Attributes:
        detections: In all images.
        images: That have any.
        failed: Images without a result.
        only: Detections that the other one has not, of whatever class.
        accuracy: Where there are annotations.
    """

    name: str
    detections: int
    images: int
    failed: int
    only: int
    accuracy: Accuracy | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """An image that both do not see alike.

    Attributes:
        weight: How much: the scores of what only one has, and for each pair that is not identical the score difference
            or what the IoU lacks to 1, whichever is more. 0 where all is identical.
        a: Detections of the first.
        b: Detections of the second.
        matching: Which is which.
    """

    image_id: int
    weight: float
    a: tuple[Detection, ...]
    b: tuple[Detection, ...]
    matching: Matching


@dataclass(frozen=True, slots=True)
class Compared:
    """Two results side by side.

    Attributes:
        matched: Pairs of the same object and class.
        identical: Of these, within the tolerance.
        renamed: Pairs of the same object and another class.
        at_threshold: Detections without a partner whose score is within the tolerance of the least one reported: the
            other result may have had them just below.
        images: That at least one has a detection in.
        images_identical: Of these, with nothing but identical pairs.
        score_difference: Largest of a pair; `None` without pairs.
        least_iou: Of a pair; `None` without pairs.
        worst: Images that differ most, the worst first.
        labels: Names of the categories, where they are known.
    """

    a: Side
    b: Side
    tolerance: Tolerance
    matched: int
    identical: int
    renamed: int
    at_threshold: int
    images: int
    images_identical: int
    score_difference: float | None
    least_iou: float | None
    worst: tuple[Difference, ...]
    labels: Mapping[int, str]

    @property
    def share(self) -> float | None:
        """Share of all detections of both that have an identical partner; `None` where there are none."""
        total = self.a.detections + self.b.detections
        return 2 * self.identical / total if total else None


def compare_runs(
    a: Path, b: Path, annotations: Path | None = None, tolerance: Tolerance = Tolerance(), most: int = 12
) -> Compared:
    """Compare the detections of two runs.

    Args:
        a: Folder of results, or a file of COCO results.
        b: The other.
        annotations: COCO annotations of the images, for the accuracy of each.
        tolerance: What counts as identical.
        most: Worst images that are kept.

    Raises:
        UsageError: No results are there, they are of other images, or the accuracy cannot be computed.
    """
    heads = head_of(a), head_of(b)
    task = comparable(*heads)
    if task is not Task.DETECT:
        raise UsageError(
            f"the results are of the task {task}, not detections",
            when=str(heads[0].file),
            now="use `stopwatt run compare`, which takes every task",
        )
    truth = read_annotations(annotations) if annotations is not None else None
    return compared(read(heads[0]), read(heads[1]), truth, tolerance, most)


def compared(a: Results, b: Results, truth: Annotations | None, tolerance: Tolerance, most: int) -> Compared:
    """The same of what was read."""
    counts = _Counts(tolerance, _least_score((a, b)))
    seen = map(counts.add, _differences(a, b, tolerance))
    worst = nlargest(most, (one for one in seen if one.weight > 0), key=lambda one: one.weight)
    return Compared(
        _side(a, counts.only_a, truth),
        _side(b, counts.only_b, truth),
        tolerance,
        matched=counts.matched,
        identical=counts.identical,
        renamed=counts.renamed,
        at_threshold=counts.at_threshold,
        images=counts.images,
        images_identical=counts.images_identical,
        score_difference=counts.score_difference,
        least_iou=counts.least_iou,
        worst=tuple(worst),
        labels={**b.labels, **a.labels, **(truth.categories if truth else {})},
    )


def read(head: Head) -> Results:
    """The detections of a run.

    Raises:
        UsageError: The file is not of COCO's format.
    """
    return Results(head.name, read_results(head.file), head.failed, head.labels, head.facts)


class _Counts:
    """Sums over all images."""

    def __init__(self, tolerance: Tolerance, least_score: float) -> None:
        self._tolerance = tolerance
        self._threshold = least_score + tolerance.score
        self.matched = self.identical = self.renamed = self.at_threshold = 0
        self.only_a = self.only_b = 0
        self.images = self.images_identical = 0
        self.score_difference: float | None = None
        self.least_iou: float | None = None

    def add(self, one: Difference) -> Difference:
        """Count an image."""
        match = one.matching
        alike = sum(identical(one, pair, self._tolerance) for pair in match.pairs)
        for pair in match.pairs:
            self.score_difference = max(score_gap(one, pair), self.score_difference or 0.0)
            self.least_iou = min(pair.iou, 1.0 if self.least_iou is None else self.least_iou)
        single = [one.a[place] for place in match.only_a] + [one.b[place] for place in match.only_b]
        self.at_threshold += sum(detection.score <= self._threshold for detection in single)
        self.matched += len(match.pairs)
        self.identical += alike
        self.renamed += len(match.renamed)
        self.only_a += len(match.only_a)
        self.only_b += len(match.only_b)
        self.images += 1
        self.images_identical += alike == len(one.a) == len(one.b)
        return one


def score_gap(one: Difference, pair: Pair) -> float:
    """By how much the scores of a pair differ."""
    return abs(one.a[pair.a].score - one.b[pair.b].score)


def identical(one: Difference, pair: Pair, tolerance: Tolerance) -> bool:
    """Whether a pair of one class is within the tolerance. Files hold six digits of a score, and no more count here."""
    return pair.iou >= tolerance.iou and round(score_gap(one, pair), 9) <= tolerance.score


def _differences(a: Results, b: Results, tolerance: Tolerance) -> Iterator[Difference]:
    for image in sorted({*a.found, *b.found}):
        first, second = tuple(a.found.get(image, ())), tuple(b.found.get(image, ()))
        one = Difference(image, 0.0, first, second, matched(first, second))
        yield replace(one, weight=_weight(one, tolerance))


def _weight(one: Difference, tolerance: Tolerance) -> float:
    match = one.matching
    apart = sum(max(1 - pair.iou, score_gap(one, pair)) for pair in match.pairs if not identical(one, pair, tolerance))
    renamed = sum(max(one.a[pair.a].score, one.b[pair.b].score) for pair in match.renamed)
    single = sum(one.a[place].score for place in match.only_a) + sum(one.b[place].score for place in match.only_b)
    return apart + renamed + single


def _least_score(sides: Sequence[Results]) -> float:
    return min((one.score for side in sides for ones in side.found.values() for one in ones), default=0.0)


def _side(one: Results, only: int, truth: Annotations | None) -> Side:
    return Side(
        one.name,
        detections=sum(map(len, one.found.values())),
        images=len(one.found),
        failed=len(one.failed),
        only=only,
        accuracy=accuracy(one.found, truth) if truth is not None else None,
        facts=one.facts,
    )
