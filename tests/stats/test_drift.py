import math

import numpy as np
import pytest
import ruptures
from scipy.stats import norm, rankdata

from stopwatt.stats.drift import find_levels, segment


def noise(n, seed=0, sd=0.02):
    return np.random.default_rng(seed).lognormal(sigma=sd, size=n)


def step(n, place, size, seed=0):
    return noise(n, seed) * np.where(np.arange(n) >= place, 1 + size, 1)


def pelt(values, penalty, least, jump):
    scores = norm.ppf((rankdata(values) - 0.5) / len(values))
    fitted = ruptures.Pelt(model="l2", min_size=least, jump=jump).fit(scores)
    return (0, *fitted.predict(penalty * math.log(len(values)))[:-1])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [40, 150, 200])
def test_the_segments_are_those_of_pelt(n, seed):
    values = step(n, n // 3, 0.04, seed) * np.where(np.arange(n) >= 2 * n // 3, 0.98, 1)

    assert segment(values, 3.0, 10) == pelt(values, 3.0, 10, jump=1)


def test_a_long_series_is_cut_where_pelt_with_the_same_places_cuts_it():
    values = step(1000, 600, 0.02)

    assert segment(values, 3.0, 10) == pelt(values, 3.0, 10, jump=5)
    assert segment(values, 3.0, 10)[1] == pytest.approx(600, abs=20)


def test_a_step_is_found_where_it_was_planted_with_its_size():
    levels = find_levels(step(1000, 400, 0.05))

    assert len(levels.starts) == 2
    assert levels.starts[1] == pytest.approx(400, abs=10)
    assert levels.change == pytest.approx(0.05, abs=0.01)
    assert levels.changed


def test_outliers_do_not_make_or_hide_a_step():
    values = step(1000, 400, 0.05)
    spikes = np.where(np.random.default_rng(1).random(1000) < 0.02, 10.0, 1.0)

    assert len(find_levels(values * spikes).starts) == 2
    assert len(find_levels(noise(1000) * spikes).starts) == 1


def test_a_steady_series_has_one_level_and_rarely_a_trend():
    levels = [find_levels(noise(300, seed)) for seed in range(100)]

    assert sum(len(one.starts) > 1 for one in levels) <= 1
    assert sum(one.changed for one in levels) <= 4


def test_a_slow_drift_is_a_trend_with_its_size():
    drifting = noise(1000, sd=0.01) * np.linspace(1, 1.01, 1000)
    levels = find_levels(drifting)

    assert levels.trend_p < 1e-6
    assert levels.change == pytest.approx(0.009, abs=0.004)


def test_a_step_within_the_last_tenth_counts_in_full():
    assert find_levels(step(1000, 970, 0.2)).change == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("coefficient", [0.5, 0.9])
def test_trials_that_depend_on_their_neighbours_wander_without_a_change_of_level(coefficient, autoregressive):
    levels = [find_levels(autoregressive(coefficient, 1000, seed)) for seed in range(60)]

    assert sum(len(one.starts) > 1 for one in levels) <= 2
    assert sum(one.changed for one in levels) <= 5


def test_a_large_step_is_still_seen_in_such_a_series(autoregressive):
    values = autoregressive(0.5, 1000, 3) * np.where(np.arange(1000) >= 500, 1.1, 1)
    levels = find_levels(values)

    assert len(levels.starts) == 2
    assert levels.starts[1] == pytest.approx(500, abs=60)


def test_the_place_of_a_step_in_a_long_series_is_in_trials():
    levels = find_levels(step(100_500, 70_000, 0.02))

    assert len(levels.starts) == 2
    assert levels.starts[1] == pytest.approx(70_000, abs=1000)


@pytest.mark.parametrize("n", [1, 2, 3, 19])
def test_a_few_trials_have_one_level(n):
    assert find_levels(noise(n)).starts == (0,)


def test_equal_trials_have_one_level_and_no_trend():
    levels = find_levels(np.full(500, 2.0))

    assert (levels.starts, levels.trend_p, levels.change) == ((0,), 1.0, 0.0)
