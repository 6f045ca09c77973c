"""Two results for the same images."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopwatt.bulk.comparing.compare import Results, Tolerance, compare_runs, compared
from stopwatt.errors import UsageError
from stopwatt.images.accuracy import accuracy
from stopwatt.serving.coco import AnnotatedImage, Annotations, Truth, as_results
from stopwatt.serving.contract import Detection, Found


def box(x, y, width, height, score=0.9, category=1):  # noqa: PLR0917  (what a box is)
    return Detection(x, y, width, height, score, category)


USUAL = Tolerance()


def sides(a, b, tolerance=USUAL, truth=None, most=12):
    return compared(Results("a", a), Results("b", b), truth, tolerance, most)


def results_file(path, found):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([one for image, ones in found.items() for one in as_results(Found(tuple(ones)), image)]))
    return path


def truth_of(objects):
    images = tuple(AnnotatedImage(image, f"{image}.jpg", 200, 200) for image in objects)
    listed = {image: tuple(Truth(one.x, one.y, one.width, one.height, one.category) for one in ones)
              for image, ones in objects.items()}  # fmt: skip
    return Annotations(images, listed, {1: "disc", 2: "ring", 3: "star"})


def test_equal_results_are_identical_in_everything():
    ones = {1: [box(0, 0, 9, 9), box(20, 20, 9, 9, 0.4, 2)], 2: [box(5, 5, 30, 30)]}
    found = sides(ones, ones)
    assert (found.matched, found.identical, found.share) == (3, 3, 1.0)
    assert (found.images, found.images_identical, found.worst) == (2, 2, ())
    assert (found.score_difference, found.least_iou) == (0.0, 1.0)


def test_every_kind_of_difference_is_counted_where_it_belongs():
    a = {1: [box(0, 0, 100, 100), box(200, 0, 100, 100, 0.8)], 2: [box(0, 0, 50, 50, 0.9, 1)], 3: [box(0, 0, 9, 9)]}
    b = {1: [box(0, 0, 100, 95), box(200, 0, 100, 100, 0.7)], 2: [box(0, 0, 50, 50, 0.9, 2)], 4: [box(0, 0, 9, 9, 0.3)]}
    found = sides(a, b)
    assert (found.matched, found.identical, found.renamed) == (2, 0, 1)
    assert (found.a.only, found.b.only) == (1, 1)
    assert (found.a.detections, found.b.detections, found.images) == (4, 4, 4)
    assert found.share == 0
    assert found.score_difference == pytest.approx(0.1)
    assert found.least_iou == pytest.approx(0.95)


def test_the_worst_images_come_first_and_identical_ones_never():
    a = {1: [box(0, 0, 9, 9)], 2: [box(0, 0, 9, 9, 0.3)], 3: [box(0, 0, 99, 99, 0.5)], 4: [box(0, 0, 9, 9, 0.6)]}
    b = {1: [], 2: [], 3: [box(0, 0, 99, 99, 0.4999)], 4: [box(0, 0, 9, 9, 0.5)]}
    assert [one.image_id for one in sides(a, b).worst] == [1, 2, 4]
    assert [one.image_id for one in sides(a, b, most=1).worst] == [1]


def test_both_tolerances_hold_at_their_bounds():
    a = {1: [box(0, 0, 100, 100, 0.5)]}
    b = {1: [box(0, 0, 100, 99, 0.501)]}
    assert sides(a, b).identical == 1
    assert sides(a, b, Tolerance(score=0.0009)).identical == 0
    assert sides(a, b, Tolerance(iou=0.9901)).identical == 0


def test_what_may_lie_just_below_the_threshold_of_the_other_is_counted_as_that():
    a = {1: [box(0, 0, 9, 9), box(50, 50, 9, 9, 0.0505)], 2: [box(0, 0, 9, 9, 0.6)]}
    b = {1: [box(0, 0, 9, 9)], 2: [], 3: [box(0, 0, 9, 9, 0.05)]}
    assert sides(a, b).at_threshold == 2


def test_two_results_without_any_detection_have_no_share():
    found = sides({}, {})
    assert (found.share, found.images, found.worst, found.score_difference) == (None, 0, (), None)


boxes = st.builds(
    box, st.integers(0, 150), st.integers(0, 150), st.integers(5, 50), st.integers(5, 50),
    st.integers(50, 1000).map(lambda score: score / 1000), st.integers(1, 3),
)  # fmt: skip
by_image = st.dictionaries(st.integers(1, 4), st.lists(boxes, max_size=6), max_size=4)


@settings(max_examples=100, deadline=None)
@given(by_image, by_image)
def test_sums_add_up_and_no_side_is_preferred(a, b):
    one, other = sides(a, b), sides(b, a)
    assert one.a.detections == one.matched + one.renamed + one.a.only
    assert one.b.detections == one.matched + one.renamed + one.b.only
    assert one.identical <= one.matched
    assert (one.share, one.matched, one.images_identical) == (other.share, other.matched, other.images_identical)
    assert one.images - one.images_identical == len(sides(a, b, most=100).worst)


@pytest.mark.parametrize("tolerance", [{"iou": 0.4}, {"iou": 1.1}, {"score": -0.1}, {"score": 2}])
def test_tolerances_that_mean_nothing_are_refused(tolerance):
    with pytest.raises(UsageError, match="out of range"):
        Tolerance(**tolerance)


def test_folders_of_runs_are_read_with_their_labels_failures_and_facts(tmp_path):
    ones = {7: [box(0, 0, 9, 9)]}
    for name in ("a", "b"):
        results_file(tmp_path / name / "detections.json", ones)
        (tmp_path / name / "summary.json").write_text(json.dumps({"facts": {"precision": "fp32"}}))
    (tmp_path / "a" / "failed.jsonl").write_text('{"image_id": 3, "trouble": "missing"}\n')
    (tmp_path / "a" / "contract.json").write_text(
        json.dumps({"task": "detect", "preprocess": {"height": 8, "width": 8}, "decoding": "boxes", "labels": ["disc"]})
    )
    found = compare_runs(tmp_path / "a", tmp_path / "b")
    assert (found.a.failed, found.b.failed, found.share) == (1, 0, 1.0)
    assert found.labels == {1: "disc"}
    assert found.a.facts == {"precision": "fp32"}


def test_a_folder_and_a_file_can_be_compared(tmp_path):
    results_file(tmp_path / "a" / "detections.json", {7: [box(0, 0, 9, 9)]})
    other = results_file(tmp_path / "theirs.json", {7: [box(0, 0, 9, 9)]})
    assert compare_runs(tmp_path / "a", other).share == 1.0


def test_runs_of_other_images_are_refused(tmp_path):
    for name in ("a", "b"):
        results_file(tmp_path / name / "detections.json", {1: [box(0, 0, 9, 9)]})
        (tmp_path / name / "journal.jsonl").write_text(json.dumps({"identity": {"data": f"5 images {name}"}}) + "\n")
    with pytest.raises(UsageError, match="different images"):
        compare_runs(tmp_path / "a", tmp_path / "b")


def test_a_run_that_is_not_complete_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no detections\.json"):
        compare_runs(tmp_path, tmp_path)


@pytest.mark.parametrize("content", [b"", b"a text", b"\x89PNG", b"\0" * 9])
def test_a_file_that_holds_no_results_of_any_kind_is_called_that(tmp_path, content):
    results_file(tmp_path / "a" / "detections.json", {1: [box(0, 0, 9, 9)]})
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UsageError, match="the file holds no results"):
        compare_runs(tmp_path / "a", tmp_path / "file")


@pytest.mark.parametrize("text", ['{"image_id": 1', '{"trouble": "missing"}', "7", '{"image_id": "x"}'])
def test_a_damaged_list_of_failures_is_named_with_what_mends_it(tmp_path, text):
    results_file(tmp_path / "a" / "detections.json", {1: [box(0, 0, 9, 9)]})
    (tmp_path / "a" / "failed.jsonl").write_text(text)
    with pytest.raises(UsageError, match="the list of images that failed cannot be read") as caught:
        compare_runs(tmp_path / "a", tmp_path / "a")
    assert caught.value.when == str(tmp_path / "a" / "failed.jsonl")
    assert "give the command of that run again" in caught.value.now


def test_perfect_detections_have_an_average_precision_of_one():
    objects = {1: [box(0, 0, 50, 50), box(80, 80, 40, 40, 0.9, 2)], 2: [box(10, 10, 30, 30)]}
    score = accuracy(objects, truth_of(objects))
    assert (score.ap, score.ap50, score.ap75) == pytest.approx((1, 1, 1))
    assert score.by_category == pytest.approx({"disc": 1, "ring": 1})


def test_no_detections_have_an_average_precision_of_zero_and_no_objects_have_none():
    objects = {1: [box(0, 0, 50, 50)]}
    assert accuracy({}, truth_of(objects)).ap == 0
    assert accuracy({1: [box(0, 0, 5, 5)]}, truth_of({1: []})).ap is None


def test_accuracy_stands_beside_the_comparison_where_there_are_annotations(tmp_path):
    objects = {1: [box(0, 0, 50, 50)], 2: [box(0, 0, 50, 50)]}
    found = sides(objects, {1: objects[1]}, truth=truth_of(objects))
    assert found.a.accuracy.ap == pytest.approx(1)
    assert 0.4 < found.b.accuracy.ap < 0.6
    assert found.labels[1] == "disc"


def test_detections_of_an_image_that_the_annotations_do_not_list_are_an_error():
    with pytest.raises(UsageError, match="image 9"):
        accuracy({9: [box(0, 0, 5, 5)]}, truth_of({1: []}))


def test_average_precision_is_that_of_the_reference_implementation(capsys):
    """pycocotools, on random scenes with misses, false alarms, wrong classes and shifted boxes."""
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    generator = np.random.default_rng(4)

    def some(count):
        x, y, width, height = generator.uniform(0, 140, (4, count))
        category = generator.integers(1, 4, count)
        return [
            box(*place, score, kind)
            for *place, score, kind in zip(
                x.tolist(), y.tolist(), (width / 2 + 9).tolist(), (height / 2 + 9).tolist(),
                generator.uniform(0.05, 1, count).tolist(), category.tolist(), strict=True,
            )
        ]  # fmt: skip

    objects = {image: some(6) for image in range(1, 31)}
    found = {
        image: [
            box(one.x + generator.normal() * 3, one.y, one.width, one.height, one.score, one.category)
            for one in ones[1:]
        ]
        + some(2)
        for image, ones in objects.items()
    }
    truth = truth_of(objects)
    score = accuracy(found, truth)
    reference = coco.COCO()
    reference.dataset = {
        "images": [{"id": image.id} for image in truth.images],
        "categories": [{"id": number, "name": name} for number, name in truth.categories.items()],
        "annotations": [
            {"id": 100 * image + place + 1, "image_id": image, "category_id": one.category, "iscrowd": 0,
             "bbox": [one.x, one.y, one.width, one.height], "area": one.width * one.height}
            for image, ones in objects.items() for place, one in enumerate(ones)
        ],
    }  # fmt: skip
    reference.createIndex()
    listed = [
        {"image_id": image, "category_id": one.category, "bbox": [one.x, one.y, one.width, one.height],
         "score": one.score} for image, ones in found.items() for one in ones
    ]  # fmt: skip
    run = evaluation.COCOeval(reference, reference.loadRes(listed), "bbox")
    run.evaluate()
    run.accumulate()
    run.summarize()
    capsys.readouterr()
    assert 0.1 < score.ap < 0.9
    assert (score.ap, score.ap50, score.ap75) == pytest.approx(tuple(run.stats[:3]), abs=1e-9)
