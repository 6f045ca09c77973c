"""What is right for samples that were drawn, in the terms of the model that answers, and how right its answers are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stopwatt.datasets.labels import Labels, Objects
from stopwatt.errors import UsageError
from stopwatt.images.accuracy import accuracy, resampled
from stopwatt.metrics import MEAN_AP, TOP1
from stopwatt.serving.coco import AnnotatedImage, Annotations
from stopwatt.serving.contract import Contract, Detection, Placement, Task
from stopwatt.text import one_line

RESAMPLES = 200
_SOME = 5


@dataclass(frozen=True, slots=True)
class Truth:
    """What is right.

    Attributes:
        metric: What accuracy is here.
        classes: Number of the right class of each sample; empty where the truth is objects.
        objects: The images, called 1, 2, 3, ... in the order of the samples, with what is in them.
        placements: Where each image lies in what the model is given; empty for classes.
        number: Classes that the model knows; 0 where nobody knows.
        unreadable: Samples that were drawn and could not be read.
        why: Why nothing can be judged; empty where it can.
    """

    metric: str
    classes: tuple[int, ...] = ()
    objects: Annotations | None = None
    placements: tuple[Placement, ...] = ()
    number: int = 0
    unreadable: int = 0
    why: str = ""

    def __len__(self) -> int:
        return len(self.placements) if self.objects is not None else len(self.classes)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the model says, as far as labels ask.

    Attributes:
        names: Of its classes, in order; empty where nobody knows them.
        categories: What annotations call them, in order.
        number: Of classes; 0 where nobody knows.
        detects: Whether it says boxes.
    """

    names: tuple[str, ...] = ()
    categories: tuple[int, ...] = ()
    number: int = 0
    detects: bool = False

    @classmethod
    def of(cls, contract: Contract | None, shape: Sequence[int]) -> "Answers":
        """What a model says by its contract, or by the shape of its first output for a batch.

        Raises:
            UsageError: It says neither classes nor boxes.
        """
        names = () if contract is None else contract.labels
        if contract is not None and contract.task is Task.DETECT:
            known = contract.category_ids or tuple(range(1, len(names) + 1))
            return cls(names, known, len(known), detects=True)
        classes = contract is None or contract.task is Task.CLASSIFY
        if not classes or len(shape) != 2 or shape[1] < 2:  # noqa: PLR2004  (batch and classes; one is no choice)
            said = f"for the task {contract.task}" if contract is not None else "without a contract"
            raise UsageError(
                f"the model's answers are no classes: an output of shape [{', '.join(map(str, shape))}], {said}",
                when="looking for what labels can be compared with",
                now="name a model whose first output is [batch, classes], or a detector with a contract (contract:FILE:"
                "SOURCE), or write --labels none",
            )
        return cls(names, number=int(shape[1]))


def truth_of(labels: Labels, numbers: Sequence[int], answers: Answers) -> Truth:
    """The labels of some samples in the terms of a model.

    Args:
        labels: Of all samples.
        numbers: Of the samples.
        answers: What the model says.

    Raises:
        UsageError: They are not what the model says, or name a class that it has not.
    """
    if isinstance(labels, Objects) != answers.detects:
        said = ("classes", "objects in images") if answers.detects else ("objects in images", "classes")
        raise UsageError(
            f"the labels are {said[0]}, the model says {said[1]}",
            when=labels.described,
            now="name labels of the other kind, or --labels none",
        )
    if isinstance(labels, Objects):
        _require_known_categories(labels, numbers, answers)
        return Truth(MEAN_AP, objects=_objects(labels, numbers), number=answers.number)
    classes = tuple(_class(labels.of[number], answers, labels.described) for number in numbers)
    return Truth(TOP1, classes, number=answers.number)


def truth_for(labels: Labels, numbers: Sequence[int], contract: Contract | None, shape: Sequence[int]) -> Truth:
    """The same for a model with this contract and this shape of its first output.

    Labels that nobody named may mean something else: where they do not fit, there is no truth, and that is no error.

    Raises:
        UsageError: Labels that were named do not fit the model.
    """
    try:
        return truth_of(labels, numbers, Answers.of(contract, shape))
    except UsageError as error:
        if labels.named:
            raise
        return Truth("", why=f"{labels.described}: {error.what}")


def _class(label: str, answers: Answers, where: str) -> int:
    if label in answers.names:
        return answers.names.index(label)
    if not label.isdecimal():
        raise UsageError(
            f"{one_line(label)!r} is no class of the model",
            when=where,
            now=f"the model has {_some(answers.names)}"
            if answers.names
            else f"the model has no names for its {answers.number} classes: write numbers from 0, or give its contract "
            "`labels`",
        )
    if int(label) >= answers.number:
        raise UsageError(
            f"class {label} is outside the model's range, which is 0 to {answers.number - 1}",
            when=where,
            now="number classes from 0, as the model does",
        )
    return int(label)


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(one_line, names[:_SOME])) + (f" and {len(names) - _SOME} more" if len(names) > _SOME else "")


def _require_known_categories(labels: Objects, numbers: Sequence[int], answers: Answers) -> None:
    """Refuse what would make an accuracy of nearly 0 look like the model's fault."""
    if not answers.categories:
        return
    names = dict(zip(answers.categories, answers.names, strict=False))
    used = {one.category for number in numbers for one in labels.annotations.objects.get(labels.of[number], ())}
    for category in sorted(used):
        said = labels.annotations.categories.get(category, "")
        if category not in answers.categories:
            what = f"category {category} ({one_line(said)}) is no class of the model"
        elif said and names.get(category, said).casefold() != said.casefold():
            what = f"category {category} is {one_line(said)!r} in the annotations, {names[category]!r} to the model"
        else:
            continue
        raise UsageError(
            what,
            when=labels.described,
            now="name annotations of what the model detects, or give its contract `category_ids` and `labels`",
        )


def _objects(labels: Objects, numbers: Sequence[int]) -> Annotations:
    """Those images, called 1, 2, 3, ..."""
    whole, images = labels.annotations, enumerate((labels.of[number] for number in numbers), 1)
    listed = {image.id: image for image in whole.images}
    chosen = [(place, listed[image]) for place, image in images]
    return Annotations(
        tuple(AnnotatedImage(place, one.file_name, one.width, one.height) for place, one in chosen),
        {place: whole.objects[one.id] for place, one in chosen if one.id in whole.objects},
        whole.categories,
    )


def readable(truth: Truth, places: Sequence[int], placements: Sequence[Placement], unreadable: int) -> Truth:
    """The same of the samples that could be read.

    Args:
        truth: Of all that were drawn.
        places: Of the readable ones among them, rising.
        placements: Of each of these, where they are images of a detector.
        unreadable: How many could not be read.
    """
    if truth.objects is None:
        classes = tuple(truth.classes[place] for place in places) if truth.classes else ()
        return replace(truth, classes=classes, unreadable=unreadable)
    whole = Objects("", {place: place + 1 for place in places}, truth.objects)
    return replace(truth, objects=_objects(whole, places), placements=tuple(placements), unreadable=unreadable)


# --- judging ---


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """How right answers are.

    Attributes:
        accuracy: 0 to 1; `None` where no sample has anything to find.
        parts: Of classes 1 for each sample that is answered right and 0 for the others, int64; of detections the
            accuracy on each of `RESAMPLES` resamples of the images, the same ones for all models, float64. Resamples
            without any object are left out, which are the same ones for all models, too.
    """

    accuracy: float | None
    parts: NDArray[np.int64] | NDArray[np.float64]


def judge_classes(best: NDArray[np.int64], truth: Truth) -> Judged:
    """How often the best class is the label."""
    right = (best == np.array(truth.classes, np.int64)).astype(np.int64)
    return Judged(float(right.mean()), right)


def judge_detections(found: Mapping[int, Sequence[Detection]], truth: Truth, seed: int) -> Judged:
    """COCO's average precision, and that of resamples of the images (Efron's bootstrap).

    Args:
        found: Detections of the images 1, 2, 3, ...
        truth: What is there.
        seed: Of the resamples.
    """
    assert truth.objects is not None  # noqa: S101  (of detections)
    whole = accuracy(found, truth.objects).ap
    if whole is None:
        return Judged(None, np.empty(0))
    draws = np.random.default_rng(seed).integers(len(truth), size=(RESAMPLES, len(truth)))
    parts = np.array(resampled(found, truth.objects, draws), np.float64)
    return Judged(whole, parts[np.isfinite(parts)])
