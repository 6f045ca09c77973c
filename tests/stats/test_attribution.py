"""Shares add up to the whole, are even where gains do not depend on each other, and show what overlaps."""

from itertools import permutations

import pytest

from stopwatt.stats.attribution import orders_of, prefixes, shares

STEPS = ("threads", "bf16", "compile")


def independent(chosen):
    return sum({"threads": 0.5, "bf16": 0.25, "compile": 0.125}[one] for one in chosen)


def overlapping(chosen):
    """bf16 and compile help alike, but not twice."""
    return 0.5 * ("threads" in chosen) + 0.4 * bool({"bf16", "compile"} & chosen)


def test_what_does_not_depend_on_others_has_the_same_share_in_every_order():
    found = {one.step: one for one in shares(list(permutations(STEPS)), independent)}
    assert [found[step].mean for step in STEPS] == pytest.approx([0.5, 0.25, 0.125])
    assert all(one.least == pytest.approx(one.most) for one in found.values())


def test_what_overlaps_is_shared_evenly_and_says_so():
    found = {one.step: one for one in shares(list(permutations(STEPS)), overlapping)}
    assert found["bf16"].mean == pytest.approx(0.2)
    assert found["compile"].mean == pytest.approx(0.2)
    assert (found["bf16"].least, found["bf16"].most) == pytest.approx((0.0, 0.4))
    assert sum(one.mean for one in found.values()) == pytest.approx(overlapping(set(STEPS)))


def test_over_a_few_orders_shares_still_add_up_to_the_whole():
    orders = orders_of(STEPS, 4, seed=1)
    assert sum(one.mean for one in shares(orders, overlapping)) == pytest.approx(overlapping(set(STEPS)))


def test_orders_hold_the_given_one_its_reverse_and_no_other_twice():
    orders = orders_of(STEPS, 100, seed=0)
    assert orders[:2] == [STEPS, STEPS[::-1]]
    assert len(set(orders)) == len(orders) == 6


def test_orders_are_those_of_the_seed():
    assert orders_of(STEPS, 4, seed=3) == orders_of(STEPS, 4, seed=3)


def test_prefixes_begin_with_nothing_and_hold_each_set_once():
    found = prefixes([STEPS, STEPS[::-1]])
    assert found[0] == frozenset()
    assert len(found) == len(set(found)) == 6


def test_a_set_that_nobody_could_measure_costs_its_neighbours_only():
    def value(chosen):
        return None if chosen == {"threads", "bf16"} else independent(chosen)

    found = {one.step: one for one in shares([STEPS], value)}
    assert list(found) == ["threads"]
