"""What samples show, wherever somebody wrote it down, and what is no label of theirs."""

import json

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet
from safetensors.numpy import save_file

from stopwatt.datasets.base import Takes
from stopwatt.datasets.labels import Classes, Objects, find_labels
from stopwatt.datasets.opening import open_data
from stopwatt.errors import UsageError

VALUES = np.arange(12, dtype=np.float32).reshape(6, 2)
NUMBERS = [0, 1, 2, 0, 1, 2]
WORDS = ["cat", "dog", "cow", "cat", "dog", "cow"]
TAKES = Takes(("x",), ("float32",), ((2,),))


@pytest.fixture
def table(tmp_path):
    """Writes the same six rows with their labels in a format; the file."""

    def write(suffix, labels=NUMBERS, name="label"):
        path = tmp_path / f"table{suffix}"
        if suffix == ".npz":
            np.savez(path, x=VALUES, **{name: np.array(labels)})
        elif suffix == ".safetensors":
            save_file({"x": VALUES, name: np.array(labels)}, path)
        elif suffix == ".parquet":
            parquet.write_table(pa.table({"x": VALUES.tolist(), name: labels}), path)
        else:
            rows = [f"{a} {b},{label}" for (a, b), label in zip(VALUES, labels, strict=True)]
            path.write_text("\n".join([f"x,{name}", *rows]))
        return str(path)

    return write


@pytest.fixture
def pictures(tmp_path):
    """Four pictures in two folders."""
    for name in ("cat/a.png", "cat/b.png", "dog/c.png", "dog/d.png"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path)
    return tmp_path / "pictures"


def annotated(path, names, **changes):
    """Annotations of images by name: ids from 10, a box of category 1 in the first."""
    images = [{"id": 10 + place, "file_name": name} for place, name in enumerate(names)]
    box = {"id": 1, "image_id": 10, "category_id": 1, "bbox": [0, 0, 2, 2]}
    document = {"images": images, "annotations": [box], "categories": [{"id": 1, "name": "cat"}], **changes}
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".parquet", ".csv"])
def test_a_column_called_label_is_the_class_and_no_input(table, suffix):
    data = open_data(table(suffix))
    found = find_labels(data)
    assert isinstance(found, Classes)
    assert [found.of[number] for number in range(6)] == list(map(str, NUMBERS))
    np.testing.assert_array_equal(data.sample(4, TAKES)[0], VALUES[4])


@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".csv"])
def test_classes_may_be_names(table, suffix):
    data = open_data(table(suffix, WORDS))
    assert find_labels(data).of == dict(enumerate(WORDS))
    assert data.digest([0, 1]) == open_data(table(suffix, WORDS)).digest([0, 1])
    assert data.digest([0, 1]) != open_data(table(suffix, ["cow", *WORDS[1:]])).digest([0, 1])


def test_labels_may_lie_in_a_file_of_their_own(table, tmp_path):
    np.savez(tmp_path / "data.npz", x=VALUES)
    data = open_data(str(tmp_path / "data.npz"))
    assert find_labels(data) is None
    np.savez(tmp_path / "alone.npz", whatever=np.array(NUMBERS))
    assert find_labels(data, str(tmp_path / "alone.npz")).of == dict(enumerate(map(str, NUMBERS)))
    np.savez(tmp_path / "short.npz", label=np.array(NUMBERS[:4]))
    with pytest.raises(UsageError, match="4 labels for 6 samples"):
        find_labels(data, str(tmp_path / "short.npz"))
    np.savez(tmp_path / "wide.npz", label=np.zeros((6, 2)))
    with pytest.raises(UsageError, match="not one value"):
        find_labels(data, str(tmp_path / "wide.npz"))


def test_folders_are_classes_where_every_image_lies_in_one(pictures):
    found = find_labels(open_data(str(pictures)))
    assert (sorted(found.of.values()), found.named) == (["cat", "cat", "dog", "dog"], False)
    assert find_labels(open_data(str(pictures)), "folders").named
    assert find_labels(open_data(str(pictures / "cat"))) is None
    assert find_labels(open_data(str(pictures)), "none") is None


def test_a_list_of_files_and_labels_labels_those_that_it_names(pictures, tmp_path):
    (tmp_path / "labels.csv").write_text("file,label\ncat/b.png,1\ndog/c.png,0\n")
    data = open_data(str(pictures))
    found = find_labels(data, str(tmp_path / "labels.csv"))
    assert {data.items[number].name: label for number, label in found.of.items()} == {
        "cat/b.png": "1",
        "dog/c.png": "0",
    }
    (tmp_path / "labels.csv").write_text("file,label\nelsewhere.png,1\n")
    with pytest.raises(UsageError, match="none of the images has a label"):
        find_labels(data, str(tmp_path / "labels.csv"))


def test_annotations_are_of_the_files_that_they_name_wherever_they_are_named_from(pictures, tmp_path):
    whole = annotated(tmp_path / "whole.json", ["pictures/cat/a.png", "pictures/dog/d.png"])
    for data, labels in ((str(whole), ""), (str(pictures), str(whole)), (str(pictures / "cat"), str(whole))):
        dataset = open_data(data, None)
        found = find_labels(dataset, labels)
        assert isinstance(found, Objects)
        named = {dataset.items[number].path: image for number, image in found.of.items()}
        assert named[str(pictures / "cat" / "a.png")] == 10
    other = annotated(tmp_path / "other.json", ["pictures/dog/d.png"])
    with pytest.raises(UsageError, match="list none of the images"):
        find_labels(open_data(str(pictures / "cat")), str(other))


def test_annotations_without_a_box_are_no_labels(pictures, tmp_path):
    bare = annotated(tmp_path / "bare.json", ["pictures/cat/a.png"], annotations=[])
    assert find_labels(open_data(str(bare))) is None
