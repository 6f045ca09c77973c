"""Labels in the terms of a model, and how right its answers are."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.datasets.labels import Classes, Objects
from stopwatt.datasets.truth import (
    RESAMPLES,
    Answers,
    judge_classes,
    judge_detections,
    readable,
    truth_for,
    truth_of,
)
from stopwatt.errors import UsageError
from stopwatt.images.accuracy import accuracy, resampled
from stopwatt.metrics import MEAN_AP, TOP1
from stopwatt.serving.coco import AnnotatedImage, Annotations, Truth
from stopwatt.serving.contract import Contract, Decoding, Detection, Placement, Preprocess, Task

NAMES = ("disc", "ring", "star")
CLASSES = Answers(NAMES, number=3)
BOXES = Answers(NAMES, (1, 2, 3), 3, detects=True)


def classes(*labels, named=True):
    return Classes("labels.csv", dict(enumerate(labels)), named)


def scenes(count=8, seed=0):
    """Annotations of images 5, 15, 25, ... with three boxes each, and detections that find most of them."""
    generator = np.random.default_rng(seed)
    objects, found = {}, {}
    for place in range(count):
        image = 5 + 10 * place
        boxes = [
            Truth(20.0 * k, float(generator.uniform(0, 60)), 15, 15, int(generator.integers(1, 4))) for k in range(3)
        ]
        shaken = [(one, generator.normal(0, 2, 2)) for one in boxes if generator.random() < 0.8]
        objects[image] = tuple(boxes)
        found[image] = tuple(
            Detection(one.x + dx, one.y + dy, 15, 15, float(generator.random()), one.category)
            for one, (dx, dy) in shaken
        )
    images = tuple(AnnotatedImage(image, f"{image}.png", 100, 100) for image in objects)
    return Annotations(images, objects, dict(enumerate(NAMES, 1))), found


def test_a_label_is_a_name_or_a_number_of_a_class():
    assert truth_of(classes("star", "0", "ring"), [0, 1, 2], CLASSES).classes == (2, 0, 1)


@pytest.mark.parametrize(
    ("label", "answers", "what", "now"),
    [
        ("comet", CLASSES, "'comet' is no class of the model", "disc, ring, star"),
        ("3", CLASSES, "class 3 is outside the model's range, which is 0 to 2", "from 0"),
        ("star", Answers(number=3), "'star' is no class", "no names for its 3 classes"),
        ("-1", CLASSES, "'-1' is no class", "the model has"),
    ],
)
def test_a_class_that_the_model_has_not_is_named(label, answers, what, now):
    with pytest.raises(UsageError, match=what) as caught:
        truth_of(classes("0", label), [0, 1], answers)
    assert now in caught.value.now
    assert caught.value.when == "labels.csv"


def test_labels_that_nobody_named_and_that_do_not_fit_are_no_error():
    annotations, _ = scenes()
    folders, boxes = classes("left", "right", named=False), Objects("a.json", {0: 5}, annotations, named=False)
    for labels, shape, what in (
        (folders, (2, 3), "'left' is no class of the model"),
        (folders, (2, 8, 3), "no classes"),
        (boxes, (2, 3), "the labels are objects in images"),
    ):
        assert what in truth_for(labels, [0], None, shape).why
        with pytest.raises(UsageError, match=what):
            truth_for(replace(labels, named=True), [0], None, shape)


def test_what_a_model_says_is_read_off_its_contract_or_its_first_output():
    preprocess = Preprocess(8, 8)
    logits = Contract(Task.CLASSIFY, preprocess, Decoding.LOGITS, labels=NAMES)
    boxes = Contract(Task.DETECT, preprocess, Decoding.DETR, labels=NAMES, category_ids=(1, 2, 90))
    assert Answers.of(None, (4, 10)) == Answers(number=10)
    assert Answers.of(logits, (4, 3)) == CLASSES
    assert Answers.of(boxes, (4, 100, 3)) == Answers(NAMES, (1, 2, 90), 3, detects=True)
    for contract, shape in (
        (None, (4, 128, 256)),
        (None, (4, 1)),
        (Contract(Task.EMBED, preprocess, Decoding.VECTOR), (4, 8)),
    ):
        with pytest.raises(UsageError, match="no classes"):
            Answers.of(contract, shape)


def test_boxes_are_not_classes_and_classes_no_boxes():
    annotations, _ = scenes()
    objects = Objects("a.json", {0: 5}, annotations)
    for labels, answers in ((objects, CLASSES), (classes("star"), BOXES)):
        with pytest.raises(UsageError, match="the model says"):
            truth_of(labels, [0], answers)


@pytest.mark.parametrize(
    ("categories", "what"),
    [({1: "disc", 2: "ring", 3: "comet"}, "'comet' in the annotations, 'star' to the model"), ({}, None)],
)
def test_categories_of_another_name_are_refused(categories, what):
    annotations, _ = scenes()
    objects = Objects("a.json", {0: 5, 1: 15}, Annotations(annotations.images, annotations.objects, categories))
    if what is None:
        assert truth_of(objects, [0, 1], BOXES).metric == MEAN_AP
        return
    with pytest.raises(UsageError, match=what):
        truth_of(objects, [0, 1], BOXES)


def test_a_category_beyond_those_of_the_model_is_refused():
    annotations, _ = scenes()
    with pytest.raises(UsageError, match="is no class of the model"):
        truth_of(Objects("a.json", {0: 5, 1: 15}, annotations), [0, 1], Answers(NAMES[:1], (1,), 1, detects=True))


def test_samples_that_could_not_be_read_leave_the_truth_of_the_others():
    whole = truth_of(classes("0", "1", "2"), [0, 1, 2], CLASSES)
    assert readable(whole, [0, 2], (), 1).classes == (0, 2)
    annotations, _ = scenes(3)
    objects = truth_of(Objects("a.json", {0: 5, 1: 15, 2: 25}, annotations), [0, 1, 2], BOXES)
    left = readable(objects, [0, 2], [Placement(4, 4)] * 2, 1)
    assert [image.file_name for image in left.objects.images] == ["5.png", "25.png"]
    assert left.objects.objects == {1: annotations.objects[5], 2: annotations.objects[25]}
    assert (len(left), left.unreadable) == (2, 1)


def test_the_share_of_right_classes_is_the_accuracy():
    truth = truth_of(classes("0", "1", "2", "1"), [0, 1, 2, 3], CLASSES)
    judged = judge_classes(np.array([0, 1, 1, 1]), truth)
    assert (truth.metric, judged.accuracy) == (TOP1, 0.75)
    assert judged.parts.tolist() == [1, 1, 0, 1]


def test_resampling_gives_the_average_precision_of_the_repeated_images():
    annotations, found = scenes()
    generator = np.random.default_rng(1)
    draws = [range(8), *generator.integers(8, size=(4, 8))]
    ids = [image.id for image in annotations.images]
    for draw, value in zip(draws, resampled(found, annotations, draws), strict=True):
        chosen = list(enumerate((ids[place] for place in draw), 1))
        images = tuple(AnnotatedImage(number, str(number), 100, 100) for number, _ in chosen)
        objects = {number: annotations.objects[image] for number, image in chosen}
        again = Annotations(images, objects, annotations.categories)
        assert value == pytest.approx(accuracy({number: found[image] for number, image in chosen}, again).ap)


def test_equal_seeds_resample_the_same_images_for_every_model():
    annotations, found = scenes()
    numbers = dict(enumerate(range(5, 85, 10)))
    truth = readable(
        truth_of(Objects("a.json", numbers, annotations), list(numbers), BOXES), range(8), [Placement(100, 100)] * 8, 0
    )
    renamed = {place + 1: found[image] for place, image in numbers.items()}
    one, other = judge_detections(renamed, truth, 7), judge_detections(renamed, truth, 7)
    assert one.accuracy == pytest.approx(accuracy(found, annotations).ap)
    assert one.parts.tolist() == other.parts.tolist()
    assert one.parts.size == RESAMPLES
    assert np.ptp(one.parts) > 0
    nothing = judge_detections({}, truth, 7)
    assert (nothing.accuracy, nothing.parts.max()) == (0.0, 0.0)


def test_resamples_without_an_object_are_left_out():
    annotations, found = scenes(4)
    bare = replace(annotations, objects={5: annotations.objects[5]})
    numbers = dict(enumerate((5, 15, 25, 35)))
    truth = readable(
        truth_of(Objects("a.json", numbers, bare), list(numbers), BOXES), range(4), [Placement(100, 100)] * 4, 0
    )
    judged = judge_detections({place + 1: found[image] for place, image in numbers.items()}, truth, 0)
    assert 0 < judged.parts.size < RESAMPLES
    assert np.isfinite(judged.parts).all()
