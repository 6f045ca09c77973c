import math
import tracemalloc

import numpy as np
import pytest
from scipy.signal import lfilter
from statsmodels.stats.proportion import proportion_confint

from stopwatt.stats.tail import (
    block_counts,
    deadline_grid,
    exceedances,
    independent_share,
    largest_per_interval,
    longest,
    upper_bound,
)


def test_none_of_a_thousand_says_at_most_three_in_a_thousand():
    assert upper_bound(0, 1000) == pytest.approx(2.99e-3, rel=2e-3)
    assert upper_bound(0, 10**6) == pytest.approx(3e-6, rel=2e-3)


@pytest.mark.parametrize(("count", "n"), [(0, 7), (1, 10), (5, 300), (299, 300), (40, 10**5)])
def test_the_bound_is_that_of_clopper_and_pearson(count, n):
    _, upper = proportion_confint(count, n, alpha=0.1, method="beta")
    assert upper_bound(count, n) == pytest.approx(upper, rel=1e-9)


def test_where_every_trial_missed_nothing_bounds_the_rate():
    assert upper_bound(3, 3) == 1.0


def test_misses_are_counted_exactly_and_a_trial_equal_to_the_deadline_is_none():
    trials = np.array([499_999, 500_000, 500_001, 700_000]) / 1e9
    assert [one.count for one in exceedances([trials], [500e-6, 700e-6, 0.4999e-3])] == [2, 0, 4]


def test_levels_keep_their_order():
    trials = np.arange(1.0, 101.0)
    assert [(one.level, one.count) for one in exceedances([trials], [90.0, 10.0, 50.0])] == [
        (90.0, 10),
        (10.0, 90),
        (50.0, 50),
    ]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_handful_of_trials_gives_a_wide_bound_and_no_error(n):
    (over, under) = exceedances([np.arange(1.0, n + 1)], [0.5, 100.0])
    assert (over.count, over.upper) == (n, 1.0)
    assert under.upper == pytest.approx(1 - 0.05 ** (1 / n))


def test_equal_trials_are_bounded_like_others():
    (met, missed) = exceedances([np.full(1000, 2.0)], [2.0, 1.0])
    assert (met.count, missed.count) == (0, 1000)
    assert met.upper == pytest.approx(upper_bound(0, 1000))


def test_independent_misses_keep_the_exact_bound():
    dice = np.random.default_rng(1)
    trials = np.where(dice.random(10_000) < 0.01, 9.0, 1.0) * dice.uniform(0.9, 1.1, 10_000)
    (seen, none) = exceedances([trials], [5.0, 50.0])
    assert seen.effective_n == none.effective_n == 10_000
    assert seen.upper == upper_bound(seen.count, 10_000)
    assert none.upper == upper_bound(0, 10_000)


def test_misses_in_one_burst_count_as_few():
    trials = np.random.default_rng(2).uniform(1.0, 1.1, 10_000)
    trials[5000:5020] = 9.0
    (burst,) = exceedances([trials], [5.0])
    assert burst.count == 20
    assert burst.effective_n < 10_000 / 10
    assert burst.upper > 2 * upper_bound(20, 10_000)


def test_a_deadline_that_was_never_missed_inherits_the_clustering_of_the_longest_trials():
    trials = np.random.default_rng(2).uniform(1.0, 1.1, 10_000)
    trials[5000:5040] = 9.0
    (never,) = exceedances([trials], [20.0])
    assert never.count == 0
    assert never.upper > 5 * upper_bound(0, 10_000)


def test_misses_of_one_process_among_several_widen_the_bound():
    dice = np.random.default_rng(3)
    rounds = [np.where(dice.random(2000) < rate, 9.0, 1.0) for rate in (0.0, 0.0, 0.03)]
    (one,) = exceedances(rounds, [5.0])
    assert one.effective_n < 6000 / 3


def _autoregressive(dice, n, phi):
    return lfilter([math.sqrt(1 - phi**2)], [1, -phi], dice.standard_normal(n + 300))[300:] + 100


@pytest.mark.parametrize(("phi", "least", "plain_at_most"), [(0.0, 0.9, 1.0), (0.9, 0.88, 0.8)])
def test_the_bound_covers_the_true_rate_where_misses_cluster_and_the_plain_one_does_not(phi, least, plain_at_most):
    true, level = 0.0227501319, 102.0  # two standard deviations above the mean
    found = [exceedances([_autoregressive(np.random.default_rng(seed), 2000, phi)], [level])[0] for seed in range(200)]
    assert np.mean([one.upper >= true for one in found]) >= least
    assert np.mean([upper_bound(one.count, one.n) >= true for one in found]) <= plain_at_most


def test_a_clustering_that_is_not_there_is_seldom_seen():
    seen = []
    for seed in range(300):
        counts, trials = block_counts([np.random.default_rng(seed).random(5000)], [0.98])
        seen.append(independent_share(counts[:, 0], trials) < 1)
    assert np.mean(seen) <= 0.03


def test_the_curve_goes_from_the_median_beyond_the_largest_trial():
    trials = np.random.default_rng(0).lognormal(0.0, 0.5, 20_000)
    grid = deadline_grid([trials])
    assert grid[0] == pytest.approx(np.median(trials), rel=0.01)
    assert grid[-1] == pytest.approx(1.1 * trials.max())
    assert (np.diff(grid) > 0).all()
    counts = [one.count for one in exceedances([trials], grid)]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == 0


def test_the_curve_of_equal_trials_is_finite():
    assert np.isfinite(deadline_grid([np.full(10, 2.0)])).all()


def test_the_longest_trials_keep_their_places_over_all_rounds():
    values, places = longest([np.array([1.0, 9.0, 2.0]), np.array([8.0, 1.0])], 3)
    assert (values.tolist(), places.tolist()) == ([9.0, 2.0, 8.0], [1, 2, 3])


def test_the_largest_of_each_interval_of_time():
    started = np.array([0.0, 0.5, 1.0, 3.2, 4.0])
    found = largest_per_interval(np.array([1.0, 5.0, 2.0, 7.0, 3.0]), started, 4)
    np.testing.assert_array_equal(found, [5.0, 2.0, np.nan, 7.0])


def test_one_trial_has_one_interval():
    assert largest_per_interval(np.array([4.0]), np.array([0.0]), 1).tolist() == [4.0]


def test_ten_million_trials_take_a_few_megabytes_and_keep_their_maximum():
    trials = np.full(10**7, 1e-3, dtype=np.float32)  # half the memory of the machine that runs the tests
    trials[7_654_321] = 0.5
    tracemalloc.start()
    grid = deadline_grid([trials])
    found = exceedances([trials], [0.4, *grid])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 * 2**20
    assert found[0].count == 1
    assert grid[-1] == pytest.approx(0.55)
