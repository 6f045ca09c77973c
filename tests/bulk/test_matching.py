"""Which detection of one result is which of another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopwatt.bulk.comparing.matching import LEAST_IOU, boxes_of, matched, overlaps
from stopwatt.serving.contract import Detection


def box(x, y, width, height, score=0.9, category=1):  # noqa: PLR0917  (what a box is)
    return Detection(x, y, width, height, score, category)


detections = st.lists(
    st.builds(
        box,
        st.integers(0, 12),
        st.integers(0, 12),
        st.integers(1, 8),
        st.integers(1, 8),
        st.sampled_from([0.1, 0.5, 0.9]),
        st.integers(1, 3),
    ),
    max_size=8,
)


def test_overlap_is_the_common_area_over_the_joint_one():
    ious = overlaps(boxes_of([box(0, 0, 2, 2)]), boxes_of([box(1, 0, 2, 2), box(2, 0, 1, 1), box(0, 0, 2, 2)]))
    assert ious.tolist() == [[pytest.approx(1 / 3), 0, 1]]


def test_boxes_without_area_overlap_nothing():
    assert overlaps(boxes_of([box(0, 0, 0, 0)]), boxes_of([box(0, 0, 0, 0), box(0, 0, 1, 1)])).tolist() == [[0, 0]]


def test_equal_results_pair_every_detection_with_itself():
    ones = [box(0, 0, 5, 5), box(1, 1, 5, 5, 0.8), box(0, 0, 5, 5, 0.7, 2)]
    found = matched(ones, list(reversed(ones)))
    assert {(pair.a, pair.b) for pair in found.pairs} == {(0, 2), (1, 1), (2, 0)}
    assert found.only_a == found.only_b == found.renamed == ()


def test_the_best_agreement_comes_first_whatever_the_scores():
    a = [box(0, 0, 10, 10, 0.9), box(2, 0, 10, 10, 0.5)]
    b = [box(2, 0, 10, 10, 0.4)]
    found = matched(a, b)
    assert [(pair.a, pair.b, pair.iou) for pair in found.pairs] == [(1, 0, 1.0)]
    assert found.only_a == (0,)


def test_of_equal_boxes_the_closer_scores_belong_together():
    a = [box(0, 0, 4, 4, 0.9), box(0, 0, 4, 4, 0.3)]
    found = matched(a, [box(0, 0, 4, 4, 0.31), box(0, 0, 4, 4, 0.88)])
    assert {(pair.a, pair.b) for pair in found.pairs} == {(0, 1), (1, 0)}


def test_another_class_is_named_as_such_and_only_after_all_classes_were_paired():
    a = [box(0, 0, 10, 10, 0.9, 1), box(50, 50, 10, 10, 0.9, 1)]
    b = [box(0, 0, 10, 10, 0.9, 2), box(0, 0, 10, 9, 0.5, 1), box(50, 50, 10, 10, 0.8, 3)]
    found = matched(a, b)
    assert [(pair.a, pair.b) for pair in found.pairs] == [(0, 1)]
    assert [(pair.a, pair.b) for pair in found.renamed] == [(1, 2)]
    assert (found.only_a, found.only_b) == ((), (0,))


def test_boxes_that_share_too_little_are_two_objects():
    found = matched([box(0, 0, 10, 10)], [box(6, 0, 10, 10)])
    assert (found.pairs, found.only_a, found.only_b) == ((), (0,), (0,))


@settings(max_examples=300, deadline=None)
@given(detections, detections)
def test_each_detection_is_paired_once_or_named_as_single(a, b):
    found = matched(a, b)
    both = (*found.pairs, *found.renamed)
    assert sorted([pair.a for pair in both] + list(found.only_a)) == list(range(len(a)))
    assert sorted([pair.b for pair in both] + list(found.only_b)) == list(range(len(b)))
    assert all(pair.iou >= LEAST_IOU for pair in both)
    assert all(a[pair.a].category == b[pair.b].category for pair in found.pairs)
    assert all(a[pair.a].category != b[pair.b].category for pair in found.renamed)


@settings(max_examples=300, deadline=None)
@given(detections, detections)
def test_the_agreement_does_not_depend_on_which_result_comes_first(a, b):
    one, other = matched(a, b), matched(b, a)
    assert sorted(pair.iou for pair in one.pairs) == sorted(pair.iou for pair in other.pairs)
    assert len(one.only_a) == len(other.only_b)


@settings(max_examples=200, deadline=None)
@given(detections, detections)
def test_nothing_is_left_over_that_could_be_paired(a, b):
    found = matched(a, b)
    left = overlaps(boxes_of([a[place] for place in found.only_a]), boxes_of([b[place] for place in found.only_b]))
    assert not np.any(left >= LEAST_IOU)
