"""A capture as an edited summary wants it: which calls are left, where they are, and what was between them."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "operators"))

from explained import ADD, LINEAR, ODD, net

from stopwatt.operators.summary import Edited
from stopwatt.ops.editing import as_edited

NET = net(gaps_us=(1, 2, 3, 4, 5, 6))  # linear, add, linear, add, odd, and the end


def wanted(**counts):
    operators = {"linear": LINEAR, "add": ADD, "odd": ODD}
    return as_edited(NET, Edited(tuple(operators[name] for name in counts), tuple(counts.values()), ()))


def names(found):
    return [found.operators[place].name.split(".")[1] for place in found.sequence.tolist()]


def test_the_same_counts_change_nothing():
    found = wanted(linear=2, add=2, odd=1)
    assert found.operators == NET.operators
    assert found.leaves == NET.leaves
    for name in ("sequence", "places", "gaps_ns"):
        assert getattr(found, name).tolist() == getattr(NET, name).tolist()


def test_calls_that_are_left_out_go_with_their_gaps_and_the_leaves_follow():
    found = wanted(linear=2, odd=1)
    assert names(found) == ["linear", "linear", "odd"]
    assert (found.gaps_ns / 1000).tolist() == [1, 3, 5, 6]
    assert found.places.tolist() == [2, 4, 0]
    assert [(one.begin, one.end) for one in found.leaves] == [(0, 1), (1, 2)]


def test_of_fewer_calls_the_first_ones_stay():
    assert names(wanted(linear=1, add=2, odd=1)) == ["linear", "add", "add", "odd"]


def test_more_calls_are_spread_over_those_that_there_were():
    found = wanted(linear=5, add=2, odd=1)
    assert names(found) == ["linear"] * 3 + ["add"] + ["linear"] * 2 + ["add", "odd"]
    assert [(one.begin, one.end) for one in found.leaves] == [(0, 3), (4, 6)]


@pytest.mark.parametrize("counts", [{"linear": 7}, {"add": 1, "odd": 3}, {"linear": 1, "add": 9, "odd": 2}])
def test_every_operator_is_called_as_often_as_was_asked(counts):
    found = wanted(**counts)
    assert np.bincount(found.sequence).tolist() == list(counts.values())
    assert found.gaps_ns.size == found.sequence.size + 1


def test_a_capture_without_gaps_has_none_afterwards():
    found = as_edited(net(gaps_us=()), Edited((LINEAR,), (3,), ()))
    assert found.gaps_ns.size == 0
    assert found.sequence.tolist() == [0, 0, 0]
