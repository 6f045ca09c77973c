"""Images as a model takes them: as a run reads them, in batches."""

import json

import numpy as np
import pytest
from PIL import Image

from stopwatt.datasets.base import Takes
from stopwatt.datasets.opening import batches, calibration_of, open_data
from stopwatt.errors import UsageError
from stopwatt.images.decoding import prepared, read
from stopwatt.serving.contract import Contract, Decoding, Preprocess, Task
from stopwatt.serving.pixels import normalised

INSIDE = Preprocess(16, 24, inside=True)
OUTSIDE = Preprocess(16, 24, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))


def takes(preprocess):
    shape, dtype = ((16, 24, 3), "uint8") if preprocess.inside else ((3, 16, 24), "float32")
    return Takes(("images",), (dtype,), (shape,), Contract(Task.RAW, preprocess, Decoding.ARRAYS))


@pytest.fixture
def folder(tmp_path):
    """Six pictures of other sizes than any model takes, and annotations that name them."""
    generator = np.random.default_rng(0)
    root = tmp_path / "pictures"
    root.mkdir()
    for number in range(6):
        pixels = generator.integers(0, 256, (40 + number, 60, 3), np.uint8)
        Image.fromarray(pixels).save(root / f"{number}.png")
    images = [{"id": 10 + number, "file_name": f"{number}.png"} for number in range(6)]
    (tmp_path / "coco.json").write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    (tmp_path / "list.txt").write_text("\n".join(f"pictures/{number}.png" for number in range(6)))
    return root


def test_images_are_read_and_fitted_as_a_run_does_it(folder):
    wanted = [prepared(read(str(folder / f"{number}.png")), INSIDE)[0] for number in range(4)]
    first, second = batches(open_data(str(folder)), takes(INSIDE), batch=2, count=6).sets[:2]
    np.testing.assert_array_equal(np.concatenate([first[0], second[0]]), np.stack(wanted))


def test_a_model_that_is_given_normalised_images_gets_them_so(folder):
    pixels, _ = prepared(read(str(folder / "0.png")), OUTSIDE)
    ((images,), *_) = batches(open_data(str(folder)), takes(OUTSIDE), batch=1, count=6).sets
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, normalised(pixels[None], OUTSIDE))


@pytest.mark.parametrize("data", ["pictures", "pictures/*.png", "list.txt", "coco.json"])
def test_folder_pattern_list_and_annotations_name_the_same_samples(folder, data):
    images = folder if data == "coco.json" else None
    found = calibration_of(str(folder.parent / data), images=images, samples=3)
    assert found.digest == calibration_of(str(folder), samples=3).digest


def test_images_that_cannot_be_read_are_left_out_and_told(folder):
    (folder / "2.png").write_bytes(b"no picture")
    found = batches(open_data(str(folder)), takes(INSIDE), batch=5, count=6)
    assert len(found.sets) == 1
    assert [(one.name, "no format that is known" in one.why) for one in found.unreadable] == [("2.png", True)]


def test_what_is_left_must_fill_a_batch(folder):
    (folder / "2.png").write_bytes(b"no picture")
    with pytest.raises(UsageError, match=r"5 samples fill no batch of 6; 1 could not be read, such as 2\.png"):
        batches(open_data(str(folder)), takes(INSIDE), batch=6, count=6)


def test_another_picture_under_the_same_name_is_another_calibration(folder):
    before = calibration_of(str(folder)).digest
    Image.new("RGB", (60, 40)).save(folder / "3.png")
    assert calibration_of(str(folder)).digest != before


def test_a_model_of_tensors_cannot_be_given_images(folder):
    tensors = Takes(("x", "y"), ("float32", "float32"), ((4,), (4,)))
    with pytest.raises(UsageError, match="does not say what images it takes") as refusal:
        open_data(str(folder)).sample(0, tensors)
    assert "arrays called x, y" in refusal.value.now


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.doc").write_text("none here")
    with pytest.raises(UsageError, match="no images in the folder"):
        calibration_of(str(tmp_path))


def test_a_file_of_arrays_has_no_folder_of_images(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 2)))
    with pytest.raises(UsageError, match="names no images"):
        open_data(str(tmp_path / "x.npz"), tmp_path)
