"""Detectors are compared by what they take for objects, not by what fills their places up."""

import numpy as np
import pytest

from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.detections import CONFIDENT, counted
from stopwatt.measuring.gate import Gate, WrongAnswers
from stopwatt.records import Protocol, Setup
from stopwatt.serving.contract import Contract, Decoding, Preprocess, Task

BOXES = Contract(Task.DETECT, Preprocess(64, 64), Decoding.BOXES)
DETR = Contract(Task.DETECT, Preprocess(64, 64), Decoding.DETR)


def found(scores, corner=0.0):
    """Boxes, scores and classes of one image."""
    places = len(scores)
    boxes = np.full((1, places, 4), corner, np.float32) + np.arange(places, dtype=np.float32)[None, :, None] * 10
    return boxes, np.array([scores], np.float32), np.zeros((1, places), np.int64)


def gate(reference, *, unordered=False):
    bundle = Bundle((), (reference,), False, "eager", (), unordered=unordered, contract=BOXES)
    return Gate(bundle, Setup(), Protocol())


def test_places_that_neither_run_believes_in_do_not_count():
    reference, other = found([0.9, 0.5, 0.01]), found([0.9, 0.5, 0.02])
    other[0][0, 2] = 60.0
    outputs, wanted = counted(other, reference, BOXES)
    assert [array.shape for array in outputs] == [array.shape for array in wanted] == [(2, 4), (2,), (2,)]
    gate(reference).check(other, 0, "now")


def test_an_object_that_one_of_the_runs_does_not_see_counts_against_it():
    reference = found([0.9, 0.5, 0.01])
    for other in (found([0.9, 0.01, 0.01]), found([0.9, 0.5, 0.8])):
        with pytest.raises(WrongAnswers):
            gate(reference).check(other, 0, "now")


@pytest.mark.parametrize("unordered", [False, True])
def test_an_object_elsewhere_counts_and_one_of_another_rank_does_not(unordered):
    reference = found([0.9, 0.5, 0.4])
    turned = tuple(array[:, ::-1].copy() for array in reference)
    ranked = gate(reference, unordered=unordered)
    ranked.check(turned, 0, "now")
    assert ranked.deviation.relative == 0
    with pytest.raises(WrongAnswers):
        gate(reference, unordered=unordered).check(found([0.9, 0.5, 0.4], corner=1.0), 0, "now")


def test_a_detector_that_believes_in_nothing_is_compared_as_a_whole():
    reference, other = found([0.1, 0.01]), found([0.1, 0.01], corner=5.0)
    assert counted(other, reference, BOXES)[0] is other
    with pytest.raises(WrongAnswers):
        gate(reference).check(other, 0, "now")


def test_a_score_that_is_no_number_is_found():
    other = found([0.9, float("nan")])
    with pytest.raises(WrongAnswers, match="NaN"):
        gate(found([0.9, 0.01])).check(other, 0, "now")


def test_logits_are_scores_after_the_sigmoid():
    level = np.log(CONFIDENT / (1 - CONFIDENT))
    logits = np.array([[[level + 0.1, -9.0], [level - 0.1, -9.0]]], np.float32)
    boxes = np.zeros((1, 2, 4), np.float32)
    assert counted((logits, boxes), (logits, boxes), DETR)[0][1].shape == (1, 4)


def test_what_is_no_detection_is_compared_as_it_is():
    logits = (np.ones((1, 3), np.float32),)
    classes = Contract(Task.CLASSIFY, Preprocess(64, 64), Decoding.LOGITS)
    assert counted(logits, logits, classes) == (logits, logits)
    assert counted(logits, logits, None) == (logits, logits)
