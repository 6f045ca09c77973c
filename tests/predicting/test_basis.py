"""Operators that belong to no model: of every kind of work, of every size, and any first part of a plan has of all."""

from collections import Counter

import numpy as np
import pytest

from stopwatt.operators.formulas import work_of
from stopwatt.operators.synthesis import MADE
from stopwatt.operators.work import Family
from stopwatt.predicting.basis import GROUPS, MOST_BYTES, MOST_FLOPS, basis


@pytest.fixture(scope="module")
def everything():
    return list(basis())


def sizes(everything, family, kind, name):
    found = [one.work.dims[name] for one in everything if (one.work.family, one.work.kind) == (family, kind)]
    return np.log2(np.array(found))


def test_every_family_that_can_be_made_is_there(everything):
    assert {one.work.family for one in everything} == set(MADE)


def test_each_is_what_it_says_and_no_call_of_it_takes_seconds(everything):
    for one in everything[::97]:
        assert work_of(one.operator) == one.work
    assert all((one.work.flops or 0.0) <= MOST_FLOPS and one.work.bytes <= MOST_BYTES for one in everything)


def test_convolutions_are_dense_grouped_and_of_each_channel_by_itself_with_steps_and_without(everything):
    seen = Counter()
    for one in everything:
        if one.work.kind == "conv2d":
            dims = one.work.dims
            apart = dims["groups"] == dims["in_channels"] > 1
            seen["apart" if apart else "grouped" if dims["groups"] > 1 else "dense", dims["stride"] > 1] += 1
    assert {("dense", False), ("dense", True), ("grouped", False), ("apart", False), ("apart", True)} <= set(seen)
    assert min(seen[kind] for kind in (("apart", False), ("apart", True))) > 50


@pytest.mark.parametrize(
    ("family", "kind", "name", "ends"),
    [
        (Family.GEMM, "linear", "m", (1, 512)),
        (Family.GEMM, "linear", "k", (64, 2048)),
        (Family.RECURRENT, "lstm", "steps", (2, 128)),
        (Family.RECURRENT, "lstm", "hidden", (32, 256)),
        (Family.ELEMENTWISE, "gelu", "elements", (2**8, 2**18)),
        (Family.ATTENTION, "context", "q_len", (16, 256)),
    ],
)
def test_sizes_reach_from_small_to_large_and_lie_on_both_sides_of_the_middle(everything, family, kind, name, ends):
    octaves = sizes(everything, family, kind, name)
    assert octaves.min() <= np.log2(ends[0])
    assert octaves.max() >= np.log2(ends[1])
    middle = (octaves.min() + octaves.max()) / 2
    assert 0.25 < (octaves < middle).mean() < 0.75


def test_each_further_one_of_a_group_is_worth_less_and_heavier_groups_begin_higher(everything):
    first = [one.worth for one in everything if one.worth in {group.weight for group in GROUPS}]
    assert sum(first) >= sum(group.weight for group in GROUPS)
    lstm = [one.worth for one in everything if one.work.kind == "lstm" and one.work.dims["directions"] == 1]
    assert lstm == sorted(lstm, reverse=True)
    assert lstm[9] == pytest.approx(lstm[0] / 10)


def test_equal_seeds_give_equal_operators_and_other_seeds_others(everything):
    assert [one.operator.key for one in basis()] == [one.operator.key for one in everything]
    assert {one.operator.key for one in basis(1)} != {one.operator.key for one in everything}
