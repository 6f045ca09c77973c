"""Intervals of shares: against scipy's, and by how often they hold the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from stopwatt.stats.proportions import paired_loss, wilson


@given(st.integers(1, 2000), st.data())
def test_wilson_s_interval_is_scipy_s(n, draw):
    count = draw.draw(st.integers(0, n))
    wanted = binomtest(count, n).proportion_ci(method="wilson")
    assert wilson(count, n) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_a_loss_is_what_changed_for_the_worse_less_what_changed_for_the_better():
    before = np.array([1, 1, 1, 1, 0, 0, 0, 0, 1, 1])
    after = np.array([0, 0, 0, 1, 1, 0, 0, 0, 1, 1])
    value, low, high = paired_loss(before, after)
    assert value == pytest.approx(0.2)
    assert low < value < high
    assert paired_loss(after, before) == pytest.approx((-value, -high, -low))


def test_equal_answers_lose_nothing_within_an_interval_that_more_samples_narrow():
    few, many = (paired_loss(np.ones(n), np.ones(n)) for n in (50, 5000))
    assert few[0] == many[0] == 0
    assert few[1] < many[1] < 0 < many[2] < few[2]


def test_only_samples_that_changed_widen_the_interval():
    alike = np.repeat([0, 1], 500)
    shuffled = np.random.default_rng(0).permutation(alike)
    assert np.diff(paired_loss(alike, alike)[1:]) < 0.2 * np.diff(paired_loss(alike, shuffled)[1:])


@pytest.mark.parametrize(("lost", "won", "n"), [(0.02, 0.02, 100), (0.05, 0.01, 200), (0.2, 0.1, 60)])
def test_the_interval_holds_the_true_loss_in_95_of_100_cases(lost, won, n):
    generator = np.random.default_rng(3)
    held = 0
    for _ in range(2000):
        change = generator.random(n)
        before = np.where(change < lost, 1, np.where(change < lost + won, 0, 1))
        after = np.where(change < lost, 0, 1)
        _, low, high = paired_loss(before, after)
        held += low <= lost - won <= high
    assert held / 2000 > 0.94


def test_samples_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="do not pair"):
        paired_loss(np.ones(3), np.ones(4))
