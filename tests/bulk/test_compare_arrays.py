"""Two results of vectors or raw outputs for the same images."""

import numpy as np
import pytest

from stopwatt.bulk.comparing.vectors import compare_arrays
from stopwatt.bulk.keeping.journal import Identity, Journal
from stopwatt.bulk.keeping.lines import line
from stopwatt.bulk.keeping.writer import write_results
from stopwatt.errors import UsageError
from stopwatt.images.item import Failed, Trouble
from stopwatt.images.items import Files, Names
from stopwatt.serving.contract import Contract, Decoding, Found, Placement, Preprocess, Task

PLACE = Placement(8, 8)


@pytest.fixture
def written(tmp_path):
    """`(name, outputs of each image, task)`: a folder of results as a run writes it; an image of `None` failed."""

    def make(name, images, task=Task.RAW):
        folder = tmp_path / name
        folder.mkdir()
        items = Files(str(tmp_path), Names([b"%d.jpg" % number for number in range(len(images))]))
        contract = Contract(task, Preprocess(8, 8), Decoding.VECTOR if task is Task.EMBED else Decoding.ARRAYS)
        with Journal.open(folder, Identity({"data": "these"}, {}), len(images)) as journal:
            for number, outputs in enumerate(images):
                result = (
                    Failed(Trouble.MODEL_FAILED, "it raised")
                    if outputs is None
                    else Found(arrays=tuple((str(one.dtype), one.shape, one.tobytes()) for one in outputs))
                )
                journal.append(line(number, PLACE, result))
            write_results(folder, journal, items, contract, per_image=False)
        return folder

    return make


def vector(*values):
    return (np.array(values, np.float32),)


def test_equal_vectors_are_identical(written):
    images = [vector(1, 2, 3), vector(-1, 0, 4)]
    found = compare_arrays(written("a", images, Task.EMBED), written("b", images, Task.EMBED))
    assert (found.task, found.images, found.identical, found.share) == (Task.EMBED, 2, 2, 1.0)
    assert (found.cosine_least, found.absolute, found.relative) == (pytest.approx(1), 0.0, 0.0)
    assert found.worst == ()


def test_figures_are_those_of_the_vectors(written):
    a = [vector(3, 4), vector(1, 0), vector(10, 0)]
    b = [vector(3, 4), vector(0, 1), vector(10, 0.5)]
    found = compare_arrays(written("a", a, Task.EMBED), written("b", b, Task.EMBED), tolerance=0.1)
    assert (found.cosine_least, found.cosine_median) == (0.0, pytest.approx(10 / np.hypot(10, 0.5)))
    assert (found.absolute, found.relative, found.identical) == (1.0, 1.0, 2)
    assert [(one.image_id, one.file_name) for one in found.worst] == [(2, "1.jpg")]


def test_the_worst_of_several_outputs_counts(written):
    a = [(np.array([[1.0, 2.0]]), np.array([1, 2]))]
    b = [(np.array([[1.0, 2.0]]), np.array([1, 3]))]
    found = compare_arrays(written("a", a), written("b", b))
    assert (found.absolute, found.relative) == (1.0, 0.5)


def test_what_cannot_be_compared_is_counted_and_comes_first(written):
    a = [vector(1, 2), vector(1, 2), vector(0, 0), vector(1, 2)]
    b = [vector(1, 3), vector(1, 2, 3), vector(0, 1), vector(1, np.nan)]
    found = compare_arrays(written("a", a), written("b", b))
    assert (found.images, found.incomparable, found.identical) == (4, 3, 0)
    assert [one.image_id for one in found.worst] == [2, 3, 4, 1]
    assert "shape" in found.worst[0].why
    assert "0 in A" in found.worst[1].why
    assert "NaN" in found.worst[2].why


def test_as_many_worst_images_are_kept_as_were_asked_for(written):
    random = np.random.default_rng(0)
    a = [vector(*random.normal(size=3)) for _ in range(40)]
    b = [vector(*random.normal(size=3)) for _ in range(40)]
    one, other = written("a", a), written("b", b)
    weights = [found.weight for found in compare_arrays(one, other, most=40).worst]
    assert weights == sorted(weights, reverse=True)
    assert [found.weight for found in compare_arrays(one, other, most=3).worst] == weights[:3]
    assert compare_arrays(one, other, most=0).worst == ()


def test_images_without_a_result_on_one_side_are_left_out(written):
    found = compare_arrays(
        written("a", [None, vector(1, 2), vector(3, 4), vector(5, 6)]),
        written("b", [vector(0, 0), vector(1, 2), None, vector(5, 6)]),
    )
    assert (found.images, found.identical) == (2, 2)
    assert (found.a.images, found.a.failed, found.a.only) == (3, 1, 1)
    assert (found.b.images, found.b.failed, found.b.only) == (3, 1, 1)


def test_a_run_in_which_every_image_failed_has_no_share(written):
    found = compare_arrays(written("a", [None, None]), written("b", [vector(1, 2), None]))
    assert (found.share, found.images, found.cosine_median, found.b.only) == (None, 0, None, 1)


def test_more_images_than_are_read_at_once_are_matched_by_their_ids(written):
    a = [None if number % 7 == 0 else vector(number, 1) for number in range(700)]
    b = [None if number % 5 == 0 else vector(number, 1) for number in range(700)]
    found = compare_arrays(written("a", a), written("b", b))
    assert found.identical == found.images == sum(number % 7 != 0 and number % 5 != 0 for number in range(700))


def test_files_are_compared_as_folders_are(written):
    a, b = written("a", [vector(1, 2)], Task.EMBED), written("b", [vector(1, 2)], Task.EMBED)
    assert compare_arrays(a / "embeddings.parquet", b).share == 1.0


def test_other_outputs_and_other_orders_are_refused(written, tmp_path):
    one, two = written("a", [vector(1, 2)]), written("b", [vector(1, 2) * 2])
    with pytest.raises(UsageError, match="another number of outputs: 1 and 2"):
        compare_arrays(one, two)
    from pyarrow import parquet

    several = written("c", [vector(1, 2), vector(3, 4)])
    table = parquet.read_table(several / "raw.parquet")
    parquet.write_table(table.take([1, 0]), tmp_path / "turned.parquet")
    with pytest.raises(UsageError, match="another order"):
        compare_arrays(several, tmp_path / "turned.parquet")


def test_a_file_that_was_cut_is_refused(written, tmp_path):
    whole = (written("a", [vector(1, 2)]) / "raw.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    with pytest.raises(UsageError, match="no whole Parquet file"):
        compare_arrays(tmp_path / "cut.parquet", tmp_path / "a")


def test_detections_are_no_vectors(tmp_path):
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(UsageError, match="of the task detect"):
        compare_arrays(tmp_path / "a.json", tmp_path / "a.json")
