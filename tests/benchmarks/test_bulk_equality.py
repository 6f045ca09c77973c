import json
from dataclasses import asdict

import pytest

import bulk_equality as study
from stopwatt.errors import UsageError
from stopwatt.images.accuracy import Accuracy, accuracy
from stopwatt.serving.coco import AnnotatedImage, Annotations, Truth
from stopwatt.serving.contract import Detection


def row(backend="eager", precision="fp32", share=1.0, ap=0.7, data="", **facts):
    """A row as a comparison with a reference of AP 0.7 gives it."""
    sides = {
        name: {"detections": 100, "accuracy": asdict(Accuracy(value, 0.9, 0.8, {}))}
        for name, value in (("a", 0.7), ("b", ap))
    }
    compared = {"share_identical": share, "matched": 99, "score_difference": 1e-5, "least_iou": 0.999}
    return {"backend": backend, "precision": precision, "data": data, **sides, **compared, **facts}


@pytest.mark.parametrize(
    ("share", "ap", "meets"),
    [(0.999, 0.7, True), (0.9989, 0.7, False), (1.0, 0.70049, True), (1.0, 0.7006, False)],
)
def test_the_bar_is_of_detections_and_of_three_decimals(share, ap, meets):
    assert study.met(row(share=share, ap=ap)) is meets


def test_what_is_refused_meets_no_bar_and_is_shown_with_its_reason(tmp_path):
    refused = {"backend": "aoti", "precision": "fp32", "data": "", "refused": "no compiler was found"}
    rows = [row(), row("openvino"), refused, row("openvino", "int8", 0.1, 0.65, study.PHOTOS, half_width=0.01)]
    page = study.page_of(rows, {"val": 12}, "64x64")
    page.write(tmp_path)
    text = (tmp_path / "bulk-equality.md").read_text()
    assert "fp32: 1 of 2 backends meet the bar" in text
    assert "| aoti | fp32 | no compiler was found |" in text
    assert f"openvino on {study.PHOTOS} -0.0500 ± 0.0100" in text
    assert json.loads((tmp_path / "bulk-equality.json").read_text())["data"]["images"] == 12


def test_without_a_reference_there_is_no_page():
    with pytest.raises(UsageError, match="no reference"):
        study.page_of([{"refused": "it raised"}], {"val": 1}, "64x64")


def test_an_image_that_is_drawn_twice_counts_twice():
    truth = Annotations(
        (AnnotatedImage(3, "a", 9, 9), AnnotatedImage(4, "b", 9, 9)),
        {3: (Truth(1, 1, 4, 4, 1),), 4: (Truth(2, 2, 4, 4, 1),)},
        {1: "disc"},
    )
    half = {3: (Detection(1, 1, 4, 4, 0.9, 1),)}
    both = {**half, 4: (Detection(2, 2, 4, 4, 0.8, 1),)}
    whole = [accuracy(one, truth).ap for one in (half, both)]
    assert study._average_precisions([half, both], truth, [3, 4]) == whole
    assert study._average_precisions([half, both], truth, [3, 3]) == pytest.approx([1.0, 1.0])
    assert study._average_precisions([half, both], truth, [4, 4]) == pytest.approx([0.0, 1.0])


@pytest.mark.long
def test_a_small_study_runs_from_end_to_end(tmp_path):
    study.main(tmp_path, 16, "320x180", (study.Arm("torchscript"),))
    data = json.loads((tmp_path / "bulk-equality.json").read_text())["data"]
    assert [(one["backend"], study.met(one)) for one in data["rows"]] == [("eager", True), ("torchscript", True)]
