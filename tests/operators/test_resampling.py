"""The median of a sum against the sum of medians."""

import numpy as np
import pytest

from stopwatt.operators.resampling import excess_of_median

RARE = np.array([10.0] * 90 + [20.0] * 10)
"""One call in ten takes twice as long."""


def test_one_call_of_one_operator_has_its_own_median():
    assert excess_of_median([(RARE, 1)]) == 0


def test_many_operators_have_the_sum_of_their_means():
    assert excess_of_median([(RARE, 1)] * 100) == pytest.approx(100 * (RARE.mean() - 10.0), rel=0.1)


@pytest.mark.parametrize("calls", [50, 500])
def test_many_calls_of_one_operator_do_so_too(calls):
    assert excess_of_median([(RARE, calls)]) == pytest.approx(calls * (RARE.mean() - 10.0), rel=0.1)


def test_what_is_symmetric_adds_up():
    even = np.linspace(9.0, 11.0, 101)
    assert abs(excess_of_median([(even, 40)])) < 0.5


def test_nothing_has_no_excess():
    assert excess_of_median([]) == 0
