import numpy as np
import pytest

from stopwatt.measuring.parity import TOLERANCE, Mismatch, compare, in_order_of, verdict
from stopwatt.records import PRECISIONS, Precision

REFERENCE = (np.array([[1.0, -2.0, 4.0], [0.5, 3.0, -1.0]], dtype=np.float32),)


def test_equal_outputs_have_no_deviation():
    found = compare(REFERENCE, REFERENCE)
    assert (found.max_abs, found.relative) == (0.0, 0.0)
    assert found.cosine == pytest.approx(1.0)


def test_the_deviation_is_the_largest_difference_over_the_largest_reference_value():
    off = (REFERENCE[0] + np.array([[0, 0, 0], [0, 0, 0.02]], dtype=np.float32),)
    found = compare(off, REFERENCE)
    assert found.max_abs == pytest.approx(0.02, rel=1e-5)
    assert found.relative == pytest.approx(0.005, rel=1e-5)


def test_the_worst_output_counts():
    pair = (REFERENCE[0], np.ones(3, dtype=np.float32))
    off = (REFERENCE[0], np.array([1.0, 1.0, 1.5], dtype=np.float32))
    assert compare(off, pair).relative == pytest.approx(0.5)


def test_top_1_agreement_is_the_share_of_samples_with_the_same_winner():
    other = REFERENCE[0].copy()
    other[1] = [9.0, 0.0, 0.0]
    assert compare((other,), REFERENCE, classifier=True).top1 == 0.5


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ((), "0 outputs instead of 1"),
        ((REFERENCE[0][:1],), "shape"),
        ((REFERENCE[0].astype(np.int64),), "dtype"),
        ((np.where(REFERENCE[0] == 4, np.nan, REFERENCE[0]),), "NaN"),
        ((np.where(REFERENCE[0] == 4, np.inf, REFERENCE[0]),), "infinite"),
    ],
)
def test_what_cannot_be_compared_is_named(outputs, words):
    with pytest.raises(Mismatch, match=words):
        compare(outputs, REFERENCE)


def test_the_same_infinities_in_the_same_places_are_the_same_answer():
    masked = (np.array([1.0, -np.inf, 2.0]),)
    assert compare(masked, masked).relative == 0.0


def test_an_answer_of_nothing_but_zeros_to_a_reference_of_zeros_is_right():
    zeros = (np.zeros(3),)
    assert compare(zeros, zeros).relative == 0.0
    assert compare((np.full(3, 0.1),), zeros).relative == np.inf


@pytest.mark.parametrize("precision", PRECISIONS)
def test_each_precision_passes_at_its_tolerance_and_fails_beyond(precision):
    limit = TOLERANCE[precision]
    reference = (np.array([1.0, 1.0, 1.0, 1.0]),)
    inside = compare((reference[0] + [0, 0, 0, 0.9 * limit],), reference)
    beyond = compare((reference[0] + [0, 0, 0, 1.1 * limit],), reference)
    assert verdict(inside, precision) is None
    trouble = verdict(beyond, precision)
    assert trouble is not None
    assert trouble.now


def test_the_user_may_set_another_tolerance():
    found = compare((REFERENCE[0] + np.float32(0.02),), REFERENCE)
    assert verdict(found, Precision.FP32) is not None
    assert verdict(found, Precision.FP32, tolerance=0.1) is None


def test_int8_must_point_in_the_right_direction():
    reference = (np.array([1.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]),)
    found = compare((np.array([0.6, 0.5, -0.3, 0.5, -0.3, 0.5, -0.3, 0.5]),), reference)
    assert found.relative <= TOLERANCE[Precision.INT8]
    trouble = verdict(found, Precision.INT8)
    assert trouble is not None
    assert "cosine" in trouble.what


def detections(seed=0):
    dice = np.random.default_rng(seed)
    return dice.normal(size=(2, 50, 8)).astype(np.float32), dice.uniform(size=(2, 50, 4)).astype(np.float32)


def test_a_set_in_another_order_is_the_same_answer():
    reference = detections()
    shuffled = np.random.default_rng(1).permutation(50)
    noisy = tuple(array[:, shuffled] + np.float32(1e-5) for array in reference)
    assert compare(noisy, reference).relative > 0.1
    assert compare(in_order_of(noisy, reference), reference).relative < 1e-4


def test_another_set_stays_another_answer():
    reference, other = detections(0), detections(1)
    assert compare(in_order_of(other, reference), reference).relative > 0.1


def test_members_keep_their_outputs_together():
    scores, boxes = detections()
    mixed = (scores, boxes[:, ::-1])
    assert compare(in_order_of(mixed, (scores, boxes)), (scores, boxes)).relative > 0.1


def test_a_set_of_another_size_is_left_for_the_comparison_to_name():
    reference = detections()
    with pytest.raises(Mismatch, match="shape"):
        compare(in_order_of(tuple(array[:, :49] for array in reference), reference), reference)


def test_complex_answers_differ_in_either_part():
    wanted = (np.array([1 + 1j, 2 - 1j], dtype=np.complex64),)
    assert compare(wanted, wanted).relative == 0.0
    assert compare((wanted[0].conj(),), wanted).relative > 0.5
    with pytest.raises(Mismatch, match="dtype"):
        compare((wanted[0].real,), wanted)
