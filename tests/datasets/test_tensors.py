"""Samples that are arrays already: what a model takes of them, and what it refuses."""

import csv

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from safetensors.numpy import save_file

from stopwatt.datasets.base import Takes
from stopwatt.datasets.opening import batches, calibration_of, drawn, open_data
from stopwatt.errors import UsageError

IDS = np.arange(60).reshape(10, 6)
MASK = np.ones((10, 6), np.int64)
TAKES = Takes(("ids", "mask"), ("int64", "int64"), ((6,), (6,)))
FLOATS = Takes(("x",), ("float32",), ((2, 3),))


@pytest.fixture
def written(tmp_path):
    """Writes the same ids and mask in a format; the file."""

    def write(suffix):
        path = tmp_path / f"tokens{suffix}"
        if suffix == ".npz":
            np.savez(path, ids=IDS, mask=MASK)
        elif suffix == ".safetensors":
            save_file({"ids": IDS, "mask": MASK}, path)
        elif suffix == ".parquet":
            parquet.write_table(pa.table({"ids": IDS.tolist(), "mask": MASK.tolist()}), path)
        else:
            with path.open("w", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(["ids", "mask"])
                rows.writerows((" ".join(map(str, a)), " ".join(map(str, b))) for a, b in zip(IDS, MASK, strict=True))
        return str(path)

    return write


def of(tmp_path, **arrays):
    np.savez(tmp_path / "given.npz", **arrays)
    return open_data(str(tmp_path / "given.npz"))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".parquet", ".csv"])
def test_every_format_gives_the_same_batches(written, suffix):
    found = batches(open_data(written(suffix)), TAKES, batch=4, count=10)
    assert len(found.sets) == 2  # the two that fill no third batch are left out
    for number, (ids, mask) in enumerate(found.sets):
        np.testing.assert_array_equal(ids, IDS[4 * number : 4 * number + 4])
        assert (ids.dtype, mask.dtype, mask.shape) == (np.int64, np.int64, (4, 6))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".parquet", ".csv"])
def test_a_calibration_is_known_by_what_its_samples_hold(written, suffix, tmp_path):
    path = written(suffix)
    first = calibration_of(path, samples=4, seed=3)
    assert (first.data, first.samples, first.seed) == (path, 4, 3)
    (tmp_path / f"moved{suffix}").write_bytes((tmp_path / f"tokens{suffix}").read_bytes())
    assert calibration_of(str(tmp_path / f"moved{suffix}"), samples=4, seed=3).digest == first.digest
    others = [calibration_of(path, samples=5, seed=3), calibration_of(path, samples=4, seed=4)]
    assert first.digest not in {other.digest for other in others}


def test_another_value_in_a_drawn_sample_is_another_calibration(tmp_path):
    numbers = drawn(10, 4, 0)
    changed, elsewhere = IDS.copy(), IDS.copy()
    changed[numbers[2], 1] += 1
    elsewhere[next(number for number in range(10) if number not in numbers), 1] += 1
    same = of(tmp_path, ids=IDS).digest(numbers)
    assert of(tmp_path, ids=changed).digest(numbers) != same
    assert of(tmp_path, ids=elsewhere).digest(numbers) == same


@given(st.integers(1, 500), st.integers(1, 500), st.integers(0, 5))
def test_a_draw_takes_each_sample_once_and_always_the_same(available, wanted, seed):
    numbers = drawn(available, wanted, seed)
    assert numbers == sorted(set(numbers)) == drawn(available, wanted, seed)
    assert len(numbers) == min(available, wanted)
    assert set(numbers) <= set(range(available))


def test_without_a_number_all_are_drawn_of_few_and_128_of_many(tmp_path):
    np.savez(tmp_path / "few.npz", x=np.zeros((5, 2)))
    np.savez(tmp_path / "many.npz", x=np.zeros((500, 2)))
    assert calibration_of(str(tmp_path / "few.npz")).samples == 5
    assert calibration_of(str(tmp_path / "many.npz")).samples == 128


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (np.zeros((4, 3, 2)), "of shape 3x2, the model takes 2x3"),
        (np.zeros(4), "of shape one number, the model takes 2x3"),
        (np.zeros((4, 2, 3), np.uint8), "the values are uint8, the model takes float32"),
        (np.zeros((4, 2, 3), np.complex64), "the values are complex64"),
        (np.full((4, 2, 3), np.nan), "nan cannot be given to a model that takes float32"),
        (np.full((4, 2, 3), 1e300), r"1e\+300 cannot be given"),
    ],
)
def test_what_a_model_does_not_take_is_refused_by_sample_and_input(tmp_path, values, what):
    with pytest.raises(UsageError, match=what) as refusal:
        of(tmp_path, x=values).sample(2, FLOATS)
    assert refusal.value.when == f"sample 2 of x in file {tmp_path / 'given.npz'}"
    assert refusal.value.now


def test_fractions_are_no_ids(tmp_path):
    with pytest.raises(UsageError, match="the values are float64, the model takes int64"):
        of(tmp_path, ids=IDS + 0.5, mask=MASK).sample(0, TAKES)


def test_ids_that_do_not_fit_the_type_of_the_input_are_refused(tmp_path):
    narrow = Takes(("ids",), ("int32",), ((6,),))
    with pytest.raises(UsageError, match="4294967296 cannot be given to a model that takes int32"):
        of(tmp_path, ids=np.full((2, 6), 2**32)).sample(0, narrow)


def test_whole_numbers_of_a_table_are_floats_where_a_model_takes_these(tmp_path):
    (tmp_path / "x.csv").write_text("x\n1 2 3 4 5 6\n")
    (values,) = open_data(str(tmp_path / "x.csv")).sample(0, FLOATS)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, [[1, 2, 3], [4, 5, 6]])


def test_unknown_and_missing_inputs_are_named(tmp_path):
    with pytest.raises(
        UsageError, match="inputs are ids, mask: it has not token_ids; nothing is called ids"
    ) as refusal:
        of(tmp_path, token_ids=IDS, mask=MASK).sample(0, TAKES)
    assert refusal.value.now == "name the arrays (or columns) ids, mask"


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("broken.npz", b"no archive", "damaged"),
        ("broken.safetensors", b"\xff" * 40, "damaged"),
        ("broken.parquet", b"PAR1", "damaged"),
        ("empty.csv", b"", "no samples"),
        ("head.csv", b"ids,mask\n", "no samples"),
        ("numbers.csv", b"1,2\n3,4\n", "first line does not name"),
        ("short.csv", b"ids,mask\n1,1\n2\n", "sample 1 has 1 cells, the head 2"),
        ("nowhere.npz", None, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_reason(tmp_path, name, content, what):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=what) as refusal:
        open_data(str(tmp_path / name))
    assert name in refusal.value.when


def test_a_file_with_objects_is_not_unpickled(tmp_path):
    np.savez(tmp_path / "evil.npz", x=np.array([print], dtype=object))
    with pytest.raises(UsageError, match="damaged"):
        open_data(str(tmp_path / "evil.npz"))


def test_words_in_a_cell_are_no_numbers(tmp_path):
    (tmp_path / "x.csv").write_text("x\nhello world\n")
    with pytest.raises(UsageError, match="not numbers"):
        open_data(str(tmp_path / "x.csv")).sample(0, FLOATS)
    with pytest.raises(UsageError, match="not numbers"):
        calibration_of(str(tmp_path / "x.csv"))


@pytest.mark.parametrize(
    "column", [["a", "b"], [[1, 2], None], [[1, None], [2, 3]], [[[1, 2], [3]], [[1], [2]]], [{"a": 1}, {"a": 2}]]
)
def test_what_is_no_number_is_refused_by_its_sample_when_the_data_are_drawn(tmp_path, column):
    parquet.write_table(pa.table({"ids": column}), tmp_path / "x.parquet")
    with pytest.raises(UsageError, match="not numbers of one shape") as refusal:
        calibration_of(str(tmp_path / "x.parquet"))
    assert refusal.value.when.startswith("sample ")


def test_arrays_of_different_numbers_of_samples_are_refused(tmp_path):
    with pytest.raises(UsageError, match="different numbers of samples: ids 10, mask 9"):
        of(tmp_path, ids=IDS, mask=MASK[:9])


def test_more_samples_than_there_are_is_refused(written):
    with pytest.raises(UsageError, match="have 10 samples, 11 were asked for") as refusal:
        calibration_of(written(".npz"), samples=11)
    assert "10 at most" in refusal.value.now


def test_too_few_samples_for_a_batch_are_refused(written):
    with pytest.raises(UsageError, match="10 samples fill no batch of 16"):
        batches(open_data(written(".npz")), TAKES, batch=16, count=10)


def test_a_cell_may_be_as_long_as_an_image(tmp_path):
    (tmp_path / "x.csv").write_text(f"x\n{'255 ' * 60_000}\n")
    (values,) = open_data(str(tmp_path / "x.csv")).sample(0, Takes(("x",), ("uint8",), ((200, 300),)))
    assert (values.shape, values.max()) == ((200, 300), 255)
