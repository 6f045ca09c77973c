import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.stats.trend import Trend, mann_kendall


def score_by_brute_force(values):
    return sum(int(np.sign(later - earlier)) for j, later in enumerate(values) for earlier in values[:j])


@given(st.lists(st.integers(-5, 5), max_size=60))
def test_the_score_counts_all_pairs_also_with_ties(values):
    assert mann_kendall(np.array(values, dtype=np.int64)).score == score_by_brute_force(values)


@given(st.lists(st.floats(-1e6, 1e6), max_size=60))
def test_the_score_counts_all_pairs_of_any_numbers(values):
    assert mann_kendall(np.array(values)).score == score_by_brute_force(values)


@pytest.mark.parametrize("levels", [3, 20, 10**9])
def test_the_p_value_is_kendalls_with_correction_for_ties_and_continuity(levels):
    values = np.random.default_rng(levels).integers(0, levels, size=200) + np.arange(200) * levels // 1500
    trend = mann_kendall(values)

    # kendalltau knows no continuity correction: undo it in z before comparing
    oracle = scipy.stats.kendalltau(np.arange(200), values, method="asymptotic")
    z = scipy.stats.norm.isf(trend.p / 2) * abs(trend.score) / (abs(trend.score) - 1)

    assert 2 * scipy.stats.norm.sf(z) == pytest.approx(oracle.pvalue, rel=1e-9)


@pytest.mark.parametrize("values", [[], [1], [1, 2], [5, 5, 5], [7] * 1000])
def test_short_and_constant_series_have_no_trend(values):
    assert mann_kendall(np.array(values, dtype=np.int64)).p > 0.3


def test_a_constant_series_has_score_zero_and_p_one():
    assert mann_kendall(np.full(50, 3.0)) == Trend(score=0, p=1.0)


def test_a_steady_rise_and_a_steady_fall_are_seen():
    rise = np.arange(30)

    assert mann_kendall(rise).score == 30 * 29 / 2
    assert mann_kendall(rise[::-1]).score == -30 * 29 / 2
    assert mann_kendall(rise).p < 1e-10


def test_false_alarms_on_independent_values_are_as_rare_as_stated():
    generator = np.random.default_rng(3)
    alarms = sum(mann_kendall(generator.lognormal(size=60)).p <= 0.05 for _ in range(1000))

    assert alarms / 1000 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)
