"""Two results of a classifier for the same images: do both name the same class, and how sure is each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from pathlib import Path
from statistics import fmean
from typing import Any

from stopwatt.bulk.comparing.rankings import Classified, Ranking, best_of, read_classes, scores_of
from stopwatt.bulk.comparing.results import comparable, head_of
from stopwatt.errors import UsageError
from stopwatt.images.labels import Labels, labels_of
from stopwatt.serving.contract import Task

TOP = 5
"""Classes of an image that count as its best ones."""
_DECIMALS = 9
"""Files hold six digits of a score, and what their differences have beyond nine is no difference."""


@dataclass(frozen=True, slots=True)
class TopAccuracy:
    """How often labelled images are named right.

    Attributes:
        images: That have a label and a result.
        top1: Share of them whose best class is the label.
        top5: Share of them that have the label among their best five.
    """

    images: int
    top1: float
    top5: float


@dataclass(frozen=True, slots=True)
class ClassSide:
    """One of the two, in figures.

    Attributes:
        images: With a result.
        failed: Without one.
        only: Images that the other one has no result for.
        accuracy: Where there are labels.
    """

    name: str
    images: int
    failed: int
    only: int
    accuracy: TopAccuracy | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ClassDifference:
    """What two results say of one image.

    Attributes:
        gap: Largest difference of a class's score; a class that only one lists counts by how far it lies above the
            last one that the other lists, which is the least that they can differ.
        overlap: Share of their best five that both have.
        tied: Whether each ranks the other's best class within the tolerance of its own best, or first.
        label: What the image shows, where that is known.
    """

    image_id: int
    file_name: str
    a: Ranking
    b: Ranking
    gap: float
    overlap: float
    tied: bool
    label: str = ""

    @property
    def same_best(self) -> bool:
        """Whether both name the same class."""
        return best_of(self.a) == best_of(self.b)

    @property
    def weight(self) -> float:
        """How much both differ: the gap, and 1 more where the best class is another."""
        return self.gap + (not self.same_best)


@dataclass(frozen=True, slots=True)
class ComparedClasses:
    """Two results side by side.

    Attributes:
        score: Largest difference of two identical scores.
        images: That both have a result for.
        identical: Of these, with the same best class and all scores within the tolerance.
        same_best: With the same best class, whatever the scores.
        tied: With another best class, where each has the two within the tolerance.
        overlap: Mean share of the best five classes that both have; `None` without images.
        score_difference: Largest of a class; `None` without images.
        worst: Images that differ most, the worst first.
        labels: Where the labels of the images are from; empty where there are none.
    """

    a: ClassSide
    b: ClassSide
    score: float
    images: int
    identical: int
    same_best: int
    tied: int
    overlap: float | None
    score_difference: float | None
    worst: tuple[ClassDifference, ...]
    labels: str = ""

    @property
    def share(self) -> float | None:
        """Share of the images that both have which are identical; `None` where there are none."""
        return self.identical / self.images if self.images else None


def compare_classes(
    a: Path, b: Path, labels: str | None = None, score: float = 1e-3, most: int = 12
) -> ComparedClasses:
    """Compare the classes that two runs name.

    Args:
        a: Folder of results, or a file of classes.
        b: The other.
        labels: A CSV file of `file,label`, or `folders` where the folder of each image is its label; `None`: folders,
            if every image lies in one that is called as a class.
        score: Largest difference of two identical scores.
        most: Worst images that are kept.

    Raises:
        UsageError: No such results are there, they are of other images, or the labels are not those of the images.
    """
    heads = head_of(a), head_of(b)
    if comparable(*heads) is not Task.CLASSIFY:
        raise UsageError(
            f"the results are of the task {heads[0].task}, not classes",
            when=str(heads[0].file),
            now="use `stopwatt run compare`, which takes every task",
        )
    if not 0 <= score <= 1:
        raise UsageError(f"a score difference of {score:g} is out of range", now="use 0 to 1")
    first, second = map(read_classes, heads)
    names = {**second.names, **first.names}
    return compared_classes(first, second, labels_of(labels, names, _known(first, second)), score, most)


def compared_classes(a: Classified, b: Classified, labels: Labels, score: float, most: int) -> ComparedClasses:
    """The same of what was read."""
    both = [
        difference(
            image, a.names[image], a.rankings[image], b.rankings[image], score=score, label=labels.of.get(image, "")
        )
        for image in a.rankings
        if image in b.rankings
    ]
    differing = (one for one in both if not identical(one, score))
    return ComparedClasses(
        _side(a, b, labels),
        _side(b, a, labels),
        score,
        images=len(both),
        identical=sum(identical(one, score) for one in both),
        same_best=sum(one.same_best for one in both),
        tied=sum(one.tied and not one.same_best for one in both),
        overlap=fmean(one.overlap for one in both) if both else None,
        score_difference=max((one.gap for one in both), default=None),
        worst=tuple(nlargest(most, differing, key=lambda one: one.weight)),
        labels=labels.source,
    )


def identical(one: ClassDifference, score: float) -> bool:
    """Whether both say the same of an image."""
    return one.same_best and one.gap <= score


def difference(image: int, name: str, a: Ranking, b: Ranking, *, score: float, label: str) -> ClassDifference:
    """What both say of an image."""
    first, second = ({one.category for one in ranking[:TOP]} for ranking in (a, b))
    overlap = len(first & second) / max(len(first), len(second), 1) if first or second else 1.0
    return ClassDifference(image, name, a, b, _gap(a, b), overlap, _tied(a, b, score), label)


def _known(*sides: Classified) -> set[str] | None:
    """Names of all classes, as the runs' contracts have them; `None` where only those that were named are known."""
    found = {name for side in sides for name in side.head.labels.values()}
    named = any(one.label for side in sides for ranking in side.rankings.values() for one in ranking)
    return None if named and not found else found


def _gap(a: Ranking, b: Ranking) -> float:
    first, second = scores_of(a), scores_of(b)
    common = [abs(score - second[category]) for category, score in first.items() if category in second]
    return round(max([*common, *_above(first, second), *_above(second, first)], default=0.0), _DECIMALS)


def _above(mine: Mapping[int, float], others: Mapping[int, float]) -> Iterator[float]:
    """How far classes that the other does not list lie above the last one that it lists."""
    last = min(others.values(), default=0.0)
    return (max(0.0, score - last) for category, score in mine.items() if category not in others)


def _tied(a: Ranking, b: Ranking, score: float) -> bool:
    return all(_near_first(ranking, other, score) for ranking, other in ((a, best_of(b)), (b, best_of(a))))


def _near_first(ranking: Ranking, category: int | None, score: float) -> bool:
    scores = scores_of(ranking)
    return category in scores and round(ranking[0].score - scores[category], _DECIMALS) <= score


def _side(mine: Classified, other: Classified, labels: Labels) -> ClassSide:
    return ClassSide(
        mine.head.name,
        images=len(mine.rankings),
        failed=len(mine.head.failed),
        only=sum(image not in other.rankings for image in mine.rankings),
        accuracy=top_accuracy(mine.rankings, labels),
        facts=mine.head.facts,
    )


def top_accuracy(rankings: Mapping[int, Ranking], labels: Labels) -> TopAccuracy | None:
    """How often the labelled images among these are named right; `None` where none has a label."""
    places = [_place(ranking, labels.of[image]) for image, ranking in rankings.items() if image in labels.of]
    if not places:
        return None
    return TopAccuracy(len(places), _share(places, 1), _share(places, TOP))


def _share(places: Sequence[int | None], most: int) -> float:
    return sum(place is not None and place < most for place in places) / len(places)


def _place(ranking: Ranking, label: str) -> int | None:
    """Where the label stands, from 0; a label is a class's name or, where that has none, its number."""
    return next((place for place, one in enumerate(ranking) if label in {one.label, str(one.category)}), None)
