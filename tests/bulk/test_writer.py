"""The files of results: whole or not there, in the order of the images, with names that never meet."""

import errno
import json
import os
import tracemalloc
from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.bulk.keeping.journal import Identity, Journal
from stopwatt.bulk.keeping.lines import line
from stopwatt.bulk.keeping.writer import safe_name, write_results
from stopwatt.errors import StoreError
from stopwatt.images.item import Failed, Trouble
from stopwatt.images.items import Files, Names
from stopwatt.serving.coco import read_results
from stopwatt.serving.contract import Contract, Decoding, Detection, Found, Placement, Preprocess, Task

DETECTOR = Contract(Task.DETECT, Preprocess(8, 8), Decoding.BOXES)
CLASSIFIER = Contract(Task.CLASSIFY, Preprocess(8, 8), Decoding.LOGITS, labels=("cat", "dog"))
PLACE = Placement(64, 48)


def boxes(number):
    return Found(tuple(Detection(number + 1 / 3, 2, 3, 4, 0.1234567, one) for one in range(number % 3)))


@pytest.fixture
def journal(tmp_path):
    """`(results by number, total)`: a journal with these lines, in this order."""
    opened = []

    def make(results, total):
        opened.append(Journal.open(tmp_path, Identity({"run": "r"}, {}), total))
        opened[-1].append(b"".join(line(number, PLACE, result) for number, result in results))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def files(names, ids=None):
    return Files("/data", Names(name.encode() for name in names), None if ids is None else array("q", ids))


def test_detections_are_in_the_order_of_the_images_whenever_they_came(journal, tmp_path):
    made = journal([(number, boxes(number)) for number in (4, 2, 0, 3, 1)], 5)
    items = files([f"{number}.jpg" for number in range(5)], ids=[50, 40, 30, 20, 10])
    write_results(tmp_path, made, items, DETECTOR, per_image=False)
    rows = json.loads((tmp_path / "detections.json").read_text())
    assert [row["image_id"] for row in rows] == [40, 30, 30, 10]
    assert rows[0] == {"image_id": 40, "category_id": 0, "bbox": [1.333, 2, 3, 4], "score": 0.123457}
    assert set(read_results(tmp_path / "detections.json")) == {40, 30, 10}


def test_nothing_found_is_an_empty_list(journal, tmp_path):
    made = journal([(0, Found()), (1, Failed(Trouble.MISSING, "gone"))], 2)
    write_results(tmp_path, made, files(["a.jpg", "b.jpg"]), DETECTOR, per_image=False)
    assert json.loads((tmp_path / "detections.json").read_text()) == []
    assert json.loads((tmp_path / "failed.jsonl").read_text())["why"] == "gone"


def test_classes_have_their_names(journal, tmp_path):
    made = journal([(0, Found(classes=((1, 0.75), (0, 0.25))))], 1)
    write_results(tmp_path, made, files(["a.jpg"]), CLASSIFIER, per_image=False)
    (row,) = json.loads((tmp_path / "classes.json").read_text())
    assert row["classes"][0] == {"category_id": 2, "label": "dog", "score": 0.75}


def test_each_image_has_a_file_of_its_own(journal, tmp_path):
    names = ["left/1.jpg", "right/1.jpg", "left_1.jpg", "../../up.jpg", "x" * 300 + ".jpg", "<b>\n.jpg", ".hidden"]
    made = journal([(number, boxes(number)) for number in range(len(names))], len(names))
    write_results(tmp_path, made, files(names), DETECTOR, per_image=True)
    written = sorted((tmp_path / "per-image").iterdir())
    assert len(written) == len(names)
    assert sorted(json.loads(path.read_text())["file_name"] for path in written) == sorted(names)
    assert json.loads((tmp_path / "per-image" / "left_1.jpg.json").read_text())["width"] == 64


def test_numbers_that_json_has_not_are_null_in_an_image_s_own_file(journal, tmp_path):
    values = np.array([[1.5, np.nan], [-np.inf, 2]], np.float32)
    made = journal([(0, Found(arrays=(("float32", (2, 2), values.tobytes()),)))], 1)
    write_results(
        tmp_path, made, files(["a.jpg"]), Contract(Task.RAW, Preprocess(8, 8), Decoding.ARRAYS), per_image=True
    )
    document = json.loads((tmp_path / "per-image" / "a.jpg.json").read_text())
    assert document["outputs"] == [[[1.5, None], [None, 2.0]]]


def test_a_disk_that_refuses_an_image_s_own_file_is_said_with_the_file(journal, tmp_path):
    made = journal([(number, boxes(number)) for number in range(3)], 3)
    (tmp_path / "per-image" / "1.jpg.json").mkdir(parents=True)
    with pytest.raises(StoreError, match="the files of single images cannot be written") as caught:
        write_results(tmp_path, made, files([f"{number}.jpg" for number in range(3)]), DETECTOR, per_image=True)
    assert caught.value.when == str(tmp_path / "per-image" / "1.jpg.json")
    assert sorted(path.name for path in (tmp_path / "per-image").iterdir()) == ["0.jpg.json", "1.jpg.json"]


@given(st.lists(st.text(st.characters(exclude_characters="\0"), min_size=1), unique=True, max_size=30))
def test_safe_names_are_safe_and_all_different(names):
    names = list(dict.fromkeys([*names, *(safe_name(name).removesuffix(".json") for name in names)]))
    made = [safe_name(name) for name in names]
    assert len(set(made)) == len(names)
    for name in made:
        assert "/" not in name
        assert not name.startswith(".")
        assert name.isprintable()
        assert len(name.encode()) <= 255


@pytest.mark.parametrize("nth", range(6))
def test_a_full_disk_leaves_no_half_file(journal, tmp_path, monkeypatch, nth):
    made = journal([(number, boxes(number)) for number in range(20)], 20)
    items = files([f"{number}.jpg" for number in range(20)])
    write_results(tmp_path, made, items, DETECTOR, per_image=False)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    fsync, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) > nth:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    if nth < 4:  # two files, each with a sync of its own and one of its folder
        with pytest.raises(StoreError, match="No space left on device"):
            write_results(tmp_path, made, items, DETECTOR, per_image=False)
    else:
        write_results(tmp_path, made, items, DETECTOR, per_image=False)
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_memory_does_not_grow_with_the_results(journal, tmp_path):
    peaks = []
    for total in (100, 800):
        folder = tmp_path / str(total)
        folder.mkdir()
        made = Journal.open(folder, Identity({"run": "r"}, {}), total)
        many = Found(tuple(Detection(1.5, 2.5, 3.5, 4.5, 0.5, one) for one in range(40)))
        for number in range(total):
            made.append(line(number, PLACE, many))
        items = files([f"{number}.jpg" for number in range(total)])
        tracemalloc.start()
        write_results(folder, made, items, DETECTOR, per_image=False)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        made.close()
    assert (folder / "detections.json").stat().st_size > 2_000_000
    assert peaks[1] < peaks[0] + 200_000
