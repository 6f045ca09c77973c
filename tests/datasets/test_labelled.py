"""Which samples are calibrated on and which are judged: never the same ones while there are others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.datasets.labelled import Data, chosen, labelled_of, with_data
from stopwatt.datasets.opening import drawn
from stopwatt.errors import UsageError
from stopwatt.records import Cell, Labelled, Precision, Protocol, Setup, Workload


@pytest.fixture
def data(tmp_path):
    """A file of ten samples, each with a label."""
    return written(tmp_path / "data.npz")


def written(path, **changes):
    arrays = {"x": np.arange(20, dtype=np.float32).reshape(10, 2), "label": np.arange(10) % 3, **changes}
    np.savez(path, **arrays)
    return str(path)


@given(st.integers(2, 60), st.data())
def test_what_is_calibrated_on_is_judged_only_where_nothing_else_is_left(available, draw):
    labelled = draw.draw(st.sets(st.integers(0, available - 1), min_size=1))
    kept_out = draw.draw(st.integers(0, available))
    count = draw.draw(st.integers(1, len(labelled)))
    wanted = Labelled("d", "", "", count, seed=3, kept_out=kept_out)
    found = chosen(available, labelled, wanted)
    calibrated = set(drawn(available, kept_out, 3))
    assert found == sorted(set(found))
    assert len(found) == count
    assert set(found) <= labelled
    shared = calibrated & set(found)
    assert len(shared) == max(0, count - len(labelled - calibrated))


def test_half_of_few_samples_calibrate_and_the_others_are_judged(data):
    rules = with_data(Protocol(seed=4), Data(data))
    assert (rules.calibration.samples, rules.accuracy.samples, rules.accuracy.shared) == (5, 5, 0)
    assert rules.accuracy.seed == rules.calibration.seed == 4


@pytest.mark.parametrize(("samples", "calibrated", "shared"), [(4, 5, 0), (7, 3, 0), (10, 5, 5)])
def test_those_that_are_not_judged_calibrate(data, samples, calibrated, shared):
    rules = with_data(Protocol(), Data(data, samples=samples))
    assert (rules.calibration.samples, rules.accuracy.shared) == (calibrated, shared)


def test_samples_that_must_serve_both_are_counted(data):
    rules = with_data(Protocol(), Data(data, calibrate=8, samples=6))
    assert (rules.accuracy.kept_out, rules.accuracy.shared) == (8, 4)


def test_data_without_labels_only_calibrate(data):
    rules = with_data(Protocol(), Data(data, labels="none"))
    assert (rules.calibration.samples, rules.accuracy) == (10, None)


def test_what_was_drawn_is_known_by_samples_and_labels(tmp_path, data):
    first = labelled_of(Data(data, samples=4))
    moved = labelled_of(Data(written(tmp_path / "moved.npz"), samples=4))
    relabelled = labelled_of(Data(written(tmp_path / "r.npz", label=np.arange(10) % 2), samples=4))
    assert first.digest == moved.digest != relabelled.digest


def test_accuracy_is_part_of_a_cell_s_key_and_its_absence_is_not():
    def key(rules):
        return Cell(Workload("mlp"), Setup(precision=Precision.FP32), rules).key

    one, other = (Labelled("d", "", digest, 5) for digest in "ab")
    assert key(Protocol(accuracy=one)) == key(Protocol(accuracy=Labelled("elsewhere", "x", "a", 5)))
    assert len({key(Protocol()), key(Protocol(accuracy=one)), key(Protocol(accuracy=other))}) == 3


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"samples": 11}, "10 samples of 10 have a label, 11 were asked for"),
        ({"samples": -1}, "--samples -1"),
        ({"calibrate": 11}, "11 were asked for"),
        ({"labels": "nowhere.npz"}, "cannot be read"),
        ({"labels": "words"}, "an array or a column"),
    ],
)
def test_what_cannot_be_drawn_is_refused(data, asked, what):
    with pytest.raises(UsageError, match=what):
        with_data(Protocol(), Data(data, **asked))


def test_samples_that_nobody_labelled_cannot_be_asked_for(tmp_path):
    np.savez(tmp_path / "bare.npz", x=np.zeros((4, 2)))
    with pytest.raises(UsageError, match="none of the samples has a label") as caught:
        with_data(Protocol(), Data(str(tmp_path / "bare.npz"), samples=2))
    assert "column `label`" in caught.value.now
