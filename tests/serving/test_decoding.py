"""What the outputs of a model mean."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopwatt.serving.contract import Contract, Decoding, Fit, Placement, Preprocess, Task
from stopwatt.serving.decoding import WrongOutputs, decoded
from stopwatt.serving.pixels import placement_of

INPUT = Preprocess(100, 200)
AS_IT_IS = Placement(200, 100)


def contract(decoding, task=Task.DETECT, **more):
    return Contract(task, INPUT, decoding, **more)


def boxes(*rows, classes=None):
    """One image; each row is x0, y0, x1, y1, score."""
    table = np.array(rows, np.float32).reshape(1, -1, 5)
    kinds = np.zeros(table.shape[:2], np.int64) if classes is None else np.array([classes])
    return table[..., :4], table[..., 4], kinds


def found(outputs, about, placement=AS_IT_IS):
    (one,) = decoded(outputs, about, [placement])
    return one.detections


def test_boxes_come_by_falling_score_and_from_the_threshold_on():
    outputs = boxes((0, 0, 10, 10, 0.2), (10, 20, 40, 60, 0.9), (0, 0, 5, 5, 0.04), classes=[1, 2, 0])
    first, second = found(outputs, contract(Decoding.BOXES))
    assert (first.x, first.y, first.width, first.height, first.category) == (10, 20, 30, 40, 3)
    assert first.score == pytest.approx(0.9)
    assert second.category == 2


def test_equal_scores_keep_the_order_of_places_and_no_more_than_the_most_are_reported():
    outputs = boxes(*[(0, 0, place + 1, 1, 0.5) for place in range(10)])
    kept = found(outputs, contract(Decoding.BOXES, most=3))
    assert [one.width for one in kept] == [1, 2, 3]


def test_boxes_return_to_the_pixels_of_a_letterboxed_image_and_end_at_its_border():
    placement = placement_of(400, 100, INPUT)
    outputs = boxes((10, 20, 30, 40, 0.9), (150, 30, 260, 90, 0.8), (10, 60, 20, 80, 0.7))
    inside, over = found(outputs, contract(Decoding.BOXES), placement)
    assert (inside.x, inside.y, inside.width, inside.height) == (20, 40, 40, 40)
    assert (over.x, over.y, over.width, over.height) == (300, 60, 100, 40)  # the third lies in the padding


def test_boxes_return_to_the_pixels_of_a_cropped_image():
    placement = placement_of(800, 200, Preprocess(100, 200, Fit.CROP))
    (one,) = found(boxes((0, 0, 100, 50, 0.9)), contract(Decoding.BOXES), placement)
    assert (one.x, one.y, one.width, one.height) == (200, 0, 200, 100)


def test_classes_are_called_as_the_annotations_call_them():
    outputs = boxes((0, 0, 9, 9, 0.9), (0, 0, 9, 9, 0.8), classes=[1, 0])
    about = contract(Decoding.BOXES, category_ids=(7, 90))
    assert [one.category for one in found(outputs, about)] == [90, 7]


def test_detr_outputs_are_pairs_of_place_and_class():
    logits = np.full((1, 2, 3), -20.0, np.float32)
    logits[0, 0, 1], logits[0, 1, 1], logits[0, 1, 2] = 2.0, 0.0, 3.0
    shares = np.array([[[0.5, 0.5, 0.5, 0.5], [0.25, 0.5, 0.1, 0.2]]], np.float32)
    best, second, third = found((logits, shares), contract(Decoding.DETR))
    assert (best.category, best.score) == (3, pytest.approx(1 / (1 + np.exp(-3))))
    assert (best.x, best.y, best.width, best.height) == pytest.approx((40, 40, 20, 20))
    assert (second.x, second.y, second.width, second.height) == pytest.approx((50, 25, 100, 50))
    assert (third.category, third.score, third.width) == (2, pytest.approx(0.5), pytest.approx(20))


def test_logits_become_shares_and_the_best_class_is_always_there():
    about = contract(Decoding.LOGITS, Task.CLASSIFY, threshold=0.4)
    (sure, unsure) = decoded((np.array([[0.0, 9.0, 0.0], [0.0, 0.01, 0.0]]),), about, [AS_IT_IS, AS_IT_IS])
    assert [number for number, _ in sure.classes] == [1]
    assert [number for number, _ in unsure.classes] == [1]
    assert unsure.classes[0][1] < 0.4


def test_large_logits_do_not_overflow():
    (one,) = decoded((np.array([[1e4, -1e4]], np.float32),), contract(Decoding.LOGITS, Task.CLASSIFY), [AS_IT_IS])
    assert one.classes == ((0, 1.0),)


def test_vectors_and_raw_arrays_come_back_bit_by_bit():
    values = np.random.default_rng(0).normal(size=(2, 5)).astype(np.float16)
    for decoding, task in ((Decoding.VECTOR, Task.EMBED), (Decoding.ARRAYS, Task.RAW)):
        ones = decoded((values,), contract(decoding, task), [AS_IT_IS, AS_IT_IS])
        for place, one in enumerate(ones):
            ((dtype, shape, content),) = one.arrays
            assert np.array_equal(np.frombuffer(content, dtype).reshape(shape), values[place])


def test_what_a_batch_was_filled_up_with_is_not_looked_at():
    table = np.tile(np.array([[0, 0, 9, 9]], np.float32), (4, 1, 1))
    scores = np.array([[0.5], [0.6], [np.nan], [7.0]], np.float32)
    ones = decoded((table, scores, np.zeros((4, 1))), contract(Decoding.BOXES), [AS_IT_IS] * 2)
    assert [one.detections[0].score for one in ones] == pytest.approx([0.5, 0.6])


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        ((np.zeros((1, 3, 4)), np.zeros((1, 3))), "2 outputs, not 3"),
        ((np.zeros((1, 3, 4)), np.zeros((1, 4)), np.zeros((1, 3))), "shapes"),
        ((np.zeros((1, 3, 5)), np.zeros((1, 3)), np.zeros((1, 3))), "shapes"),
        ((np.zeros((1, 3)), np.zeros((1, 3)), np.zeros((1, 3))), "boxes are of shape"),
        ((np.full((1, 3, 4), np.nan), np.zeros((1, 3)), np.zeros((1, 3))), "boxes hold NaN"),
        ((np.zeros((1, 3, 4)), np.full((1, 3), np.inf), np.zeros((1, 3))), "scores hold NaN or inf"),
        ((np.zeros((1, 3, 4)), np.full((1, 3), 3.5), np.zeros((1, 3))), "scores reach from 3.5 to 3.5"),
        ((np.zeros((1, 3, 4)), np.full((1, 3), 0.5), np.full((1, 3), 0.5)), "whole numbers"),
        ((np.zeros((1, 3, 4)), np.full((1, 3), 0.5), np.full((1, 3), -1)), "class -1"),
        ((np.zeros((1, 3, 4)), np.full((1, 3), 0.5), np.full((1, 3), 2)), "class 2 is none of 2"),
        ((np.zeros((0, 3, 4)), np.zeros((1, 3)), np.zeros((1, 3))), "for a batch of 1"),
    ],
)
def test_boxes_that_are_not_what_the_contract_says_are_named(outputs, says):
    with pytest.raises(WrongOutputs, match=says):
        decoded(outputs, contract(Decoding.BOXES, labels=("one", "two")), [AS_IT_IS])


def test_classes_beyond_the_known_ones_do_not_matter_below_the_threshold():
    assert found(boxes((0, 0, 9, 9, 0.01), classes=[99]), contract(Decoding.BOXES, labels=("one",))) == ()


def test_logits_of_another_number_of_classes_are_refused():
    with pytest.raises(WrongOutputs, match="2 classes, where 3 have names"):
        decoded((np.zeros((1, 2)),), contract(Decoding.LOGITS, Task.CLASSIFY, labels=("a", "b", "c")), [AS_IT_IS])


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from(list(Fit)), st.tuples(*[st.floats(0.05, 0.95)] * 4))
def test_a_box_that_was_drawn_in_the_image_comes_back_to_its_place(width, height, fit, shares):
    preprocess = Preprocess(100, 200, fit)
    placement = placement_of(width, height, preprocess)
    x0, x1 = sorted(share * width for share in shares[:2])
    y0, y1 = sorted(share * height for share in shares[2:])
    scale, shift = (placement.scale_x, placement.scale_y), (placement.left, placement.top)
    corners = [x0 * scale[0] + shift[0], y0 * scale[1] + shift[1], x1 * scale[0] + shift[0], y1 * scale[1] + shift[1]]
    outputs = (np.array([[corners]]), np.array([[0.9]]), np.array([[0]]))
    for one in found(outputs, Contract(Task.DETECT, preprocess, Decoding.BOXES), placement):
        assert (one.x, one.y) == pytest.approx((x0, y0), abs=1e-6 * max(width, height))
        assert (one.x + one.width, one.y + one.height) == pytest.approx((x1, y1), abs=1e-6 * max(width, height))
