import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.stats.intervals import across_rounds, geometric_mean, within_round
from stopwatt.stats.quantiles import RESOLUTION_LIMITED, Interval, NoInterval, percentile


def test_it_is_the_t_interval_on_logarithms():
    values = np.array([4.0, 5.0, 4.4, 4.9])

    interval = across_rounds(values)
    oracle = scipy.stats.ttest_1samp(np.log(values), 0).confidence_interval(0.95)

    assert interval.low == pytest.approx(math.exp(oracle.low), rel=1e-12)
    assert interval.high == pytest.approx(math.exp(oracle.high), rel=1e-12)
    assert interval.method == "t on 4 rounds"


@given(st.lists(st.floats(1e-9, 1e3), min_size=3, max_size=12))
def test_it_contains_the_geometric_mean_or_does_not_exist(values):
    interval = across_rounds(np.array(values))

    if isinstance(interval, Interval):
        assert interval.low < geometric_mean(np.array(values)) < interval.high
    else:
        assert max(values) / min(values) < 1 + 1e-11


@given(st.lists(st.floats(1e-6, 1e3), min_size=3, max_size=8), st.floats(1e-3, 1e3))
def test_another_unit_gives_the_same_interval_in_that_unit(values, scale):
    interval = across_rounds(np.array(values))
    scaled = across_rounds(np.array(values) * scale)

    if isinstance(interval, Interval) and isinstance(scaled, Interval):
        assert scaled.low == pytest.approx(interval.low * scale, rel=1e-6)
        assert scaled.high == pytest.approx(interval.high * scale, rel=1e-6)


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_fewer_than_three_rounds_give_no_interval(rounds):
    assert across_rounds(np.arange(1.0, rounds + 1)) == NoInterval(f"needs 3 rounds (has {rounds})")


def test_equal_rounds_give_no_interval_of_width_zero():
    assert across_rounds(np.full(3, 0.1)) == NoInterval("all 3 rounds gave the same value")


def test_rounds_that_differ_only_by_rounding_give_none_either():
    assert isinstance(across_rounds(np.array([0.1, 0.1, 0.1 * (1 + 1e-14)])), NoInterval)


def test_rounds_that_differ_beyond_all_measure_do_not_overflow():
    assert isinstance(across_rounds(np.array([1e-300, 1.0, 1e300])), NoInterval)


@pytest.mark.parametrize("rounds", [3, 5, 10])
def test_it_covers_as_promised_when_processes_differ(rounds, two_levels):
    medians = [np.median(two_levels(rounds, 50, seed), axis=1) for seed in range(2000)]
    intervals = [across_rounds(values) for values in medians]

    covered = np.mean([interval.low <= 1 <= interval.high for interval in intervals])

    assert 0.93 <= covered <= 0.97


def test_pooling_the_trials_of_several_processes_would_be_wrong(two_levels):
    pooled = [percentile(two_levels(3, 1000, seed, within=0.01).ravel(), 0.5).interval for seed in range(1000)]

    covered = np.mean([interval.low <= 1 <= interval.high for interval in pooled])

    assert covered < 0.2


def test_independent_trials_get_order_statistics():
    values = np.random.default_rng(4).lognormal(size=300)

    assert within_round(values) == percentile(values, 0.5).interval


def test_dependent_trials_get_a_bootstrap(autoregressive):
    interval = within_round(autoregressive(0.8, 1000, seed=0))

    assert isinstance(interval, Interval)
    assert interval.method == "moving-block bootstrap"


@pytest.mark.parametrize(
    ("n", "why"), [(0, "needs 6 trials (has 0)"), (1, "needs 6 trials (has 1)"), (3, "needs 6 trials (has 3)")]
)
def test_a_handful_of_trials_says_how_many_it_needs(n, why):
    assert within_round(np.arange(1.0, n + 1)) == NoInterval(why)


def test_equal_trials_are_resolution_limited():
    assert within_round(np.full(300, 1000)) == NoInterval(RESOLUTION_LIMITED)


def test_trials_that_mostly_fall_on_one_tick_are_resolution_limited():
    values = np.full(300, 1000)
    values[::10] = 1001

    assert within_round(values) == NoInterval(RESOLUTION_LIMITED)


@given(st.lists(st.floats(1e-9, 1e3), max_size=80))
def test_within_a_round_nothing_crashes_and_no_interval_is_empty(values):
    result = within_round(np.array(values))

    assert isinstance(result, NoInterval) or result.low < result.high
