"""COCO's two formats."""

import json

import pytest

from stopwatt.errors import UsageError
from stopwatt.serving.coco import as_results, read_annotations, read_results
from stopwatt.serving.contract import Detection, Found

GOOD = {
    "images": [{"id": 4, "file_name": "a/b.jpg", "width": 20, "height": 10}, {"id": 5, "file_name": "c.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 4, "category_id": 2, "bbox": [1, 2, 3, 4], "iscrowd": 1},
        {"id": 2, "image_id": 4, "category_id": 1, "bbox": [5.5, 6, 7, 8]},
    ],
    "categories": [{"id": 1, "name": "disc"}, {"id": 2, "name": "ring"}],
}


def written(folder, document):
    path = folder / "file.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_results_hide_the_last_bits_of_a_computation():
    detection = Detection(1.00004, 2, 3.9999999, 4, 0.12345649, 7)
    again = Detection(1.00004 + 1e-9, 2, 4.0, 4, 0.12345649 - 1e-10, 7)
    assert as_results(Found((detection,)), 3) == as_results(Found((again,)), 3)
    assert as_results(Found((detection,)), 3) == [
        {"image_id": 3, "category_id": 7, "bbox": [1.0, 2, 4.0, 4], "score": 0.123456}
    ]


def test_results_are_read_back_by_image_and_falling_score(tmp_path):
    low, high = Detection(0, 0, 2, 2, 0.25, 1), Detection(4, 4, 2, 2, 0.75, 2)
    listed = as_results(Found((low, high)), 8) + as_results(Found((low,)), 9)
    assert read_results(written(tmp_path, listed)) == {8: (high, low), 9: (low,)}


def test_annotations_are_read_with_their_crowds_and_images_without_objects(tmp_path):
    read = read_annotations(written(tmp_path, GOOD))
    assert [(image.id, image.file_name, image.width) for image in read.images] == [(4, "a/b.jpg", 20), (5, "c.jpg", 0)]
    assert [(one.x, one.category, one.crowd) for one in read.objects[4]] == [(1, 2, True), (5.5, 1, False)]
    assert 5 not in read.objects
    assert read.categories == {1: "disc", 2: "ring"}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{nonsense", "no JSON"),
        ([], "list of `images`"),
        ({"images": [{"id": 1}]}, "image 0 has no 'file_name'"),
        ({"images": [{"id": "x", "file_name": "a"}]}, "image 0 cannot be read"),
        ({"images": [{"id": 1, "file_name": "a"}] * 2}, "same id"),
        (GOOD | {"annotations": [{"image_id": 99}]}, "image 99, which is not listed"),
        (GOOD | {"annotations": [{"image_id": 4, "category_id": 1, "bbox": [1, 2]}]}, "annotation 0 cannot be read"),
        (GOOD | {"categories": ["disc"]}, "categories cannot be read"),
    ],
)
def test_what_is_no_annotations_file_says_where(tmp_path, document, says):
    with pytest.raises(UsageError, match=says):
        read_annotations(written(tmp_path, document))


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"images": []}, "list of detections"),
        ([{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}], "detection 0 has no 'score'"),
        ([7], "detection 0 cannot be read"),
        ('[{"image_id": 1, "category_id": 1, "bbox": [0, 0, NaN, 1], "score": 1}]', "are not all numbers"),
        ('[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": Infinity}]', "are not all numbers"),
        ('[{"image_id": 1e999, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}]', "detection 0 cannot be read"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_results_file_says_where(tmp_path, document, says):
    with pytest.raises(UsageError, match=says):
        read_results(written(tmp_path, document))


def test_a_file_that_is_not_there_is_an_error_with_its_name(tmp_path):
    with pytest.raises(UsageError, match="cannot be read") as caught:
        read_annotations(tmp_path / "none.json")
    assert "none.json" in caught.value.when
