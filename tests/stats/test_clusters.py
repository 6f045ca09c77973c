import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopwatt.stats.clusters import MOST, find_clusters

UNIMODAL = {
    "normal": lambda dice, n: dice.normal(1, 0.05, size=n),
    "lognormal": lambda dice, n: dice.lognormal(sigma=0.3, size=n),
    "gamma": lambda dice, n: dice.gamma(4, size=n),
    "pareto": lambda dice, n: 1 + dice.pareto(2, size=n),
    "exponential": lambda dice, n: 1 + 0.05 * dice.exponential(size=n),
    "body with pareto tail": lambda dice, n: (
        dice.normal(1, 0.02, size=n) * np.where(dice.random(n) < 0.1, 1 + dice.pareto(2, size=n), 1)
    ),
}


def mixture(shares, n=1000, seed=0, sd=0.02):
    """Ratio -> share of the trials; the rest is at 1."""
    dice = np.random.default_rng(seed)
    ratios = [1.0, *shares]
    kind = dice.choice(len(ratios), size=n, p=[1 - sum(shares.values()), *shares.values()])
    return np.array(ratios)[kind] * np.exp(dice.normal(0, sd, size=n)), kind


def found(values, ratios, tick=0.0):
    clusters = find_clusters(values, tick)
    relative = np.array(clusters.modes) / clusters.modes[clusters.main]
    return len(relative) == len(ratios) and np.allclose(relative, ratios, rtol=0.04)


@pytest.mark.parametrize("share", [0.05, 0.02])
def test_the_founding_example_is_found_exactly_nearly_always(share):
    series = [mixture({1.25: share, 2.0: share}, seed=seed)[0] for seed in range(60)]

    assert sum(found(values, [1, 1.25, 2]) for values in series) >= 57


def test_every_trial_is_labelled_as_it_was_planted():
    values, kind = mixture({1.25: 0.05, 2.0: 0.05})
    clusters = find_clusters(values)

    assert np.array_equal(clusters.label(values), kind)
    assert clusters.counts == tuple(np.bincount(kind))
    assert clusters.main == 0


def test_the_main_cluster_may_be_the_slowest():
    values, _ = mixture({0.5: 0.1})

    assert find_clusters(values).main == 1


def test_few_trials_with_few_outliers_are_one_cluster():
    values, _ = mixture({2.0: 0.01}, n=300)

    assert np.count_nonzero(values > 1.5) < 5
    assert len(find_clusters(values).modes) == 1


@pytest.mark.parametrize("family", UNIMODAL)
@pytest.mark.parametrize("n", [300, 1000])
def test_one_mode_stays_one_mode(family, n):
    false = [len(find_clusters(UNIMODAL[family](np.random.default_rng(seed), n)).modes) > 1 for seed in range(60)]

    assert sum(false) <= 3


def test_a_scattered_tail_is_refused_and_said_to_be():
    refused = [
        find_clusters(UNIMODAL["body with pareto tail"](np.random.default_rng(s), 1000)).refused for s in range(20)
    ]

    assert sum(count > 0 for count in refused) >= 10


def test_modes_nearer_than_a_tenth_are_left_to_the_body():
    values, _ = mixture({1.08: 0.5}, sd=0.003)

    assert len(find_clusters(values).modes) == 1


@pytest.mark.parametrize("tick", [0.01, 0.05, 0.1, 0.3])
def test_ticks_make_no_modes(tick):
    values = np.random.default_rng(1).lognormal(sigma=0.1, size=1000)
    ticked = np.maximum(1, np.rint(values / tick)) * tick

    assert len(find_clusters(ticked, tick).modes) == 1


def test_without_the_tick_a_coarse_clock_would_make_modes():
    ticked = np.maximum(1, np.rint(np.random.default_rng(1).lognormal(sigma=0.3, size=1000) / 0.3)) * 0.3

    assert len(find_clusters(ticked).modes) > 1


def test_clusters_stand_out_of_a_coarse_clock_too():
    values, _ = mixture({1.25: 0.05, 2.0: 0.05})

    assert found(np.rint(values / 0.02) * 0.02, [1, 1.25, 2], tick=0.02)


@pytest.mark.parametrize(
    "values", [[3.0], [3.0, 3.0], [1.0, 9.0], [1.0, 2.0, 3.0], [7.0] * 1000, [1.0] * 4 + [50.0] * 4]
)
def test_too_little_is_one_cluster(values):
    clusters = find_clusters(np.array(values))

    assert clusters.counts == (len(values),)
    assert clusters.label(np.array(values)).tolist() == [0] * len(values)


def test_two_values_of_many_trials_each_are_two_clusters_where_the_clock_could_tell_more():
    clusters = find_clusters(np.repeat([1.0, 2.0], [900, 100]), tick=1e-6)

    assert clusters.counts == (900, 100)


def test_labels_never_run_out():
    values = np.repeat(1.3 ** np.arange(58), [7000, *[51] * 57])
    clusters = find_clusters(values)

    assert len(clusters.modes) == MOST
    assert clusters.label(values).max() == MOST - 1


positive = st.lists(st.floats(0.1, 10) | st.sampled_from([1.0, 1.001, 1.25, 2.0]), min_size=1, max_size=120).map(
    lambda values: np.array(values, dtype=np.float64)
)


@settings(max_examples=60, deadline=None)
@given(positive, st.randoms(use_true_random=False))
def test_the_order_of_the_trials_does_not_matter(values, dice):
    shuffled = list(values)
    dice.shuffle(shuffled)
    one, other = find_clusters(values), find_clusters(np.array(shuffled))

    assert (one.modes, one.bounds, one.counts) == (other.modes, other.bounds, other.counts)


@settings(max_examples=60, deadline=None)
@given(positive, st.sampled_from([0.0, 0.01, 0.5]))
def test_every_trial_is_in_one_cluster(values, tick):
    clusters = find_clusters(values, tick)

    assert sum(clusters.counts) == values.size
    assert min(clusters.counts) > 0
    assert np.array_equal(np.bincount(clusters.label(values), minlength=len(clusters.modes)), clusters.counts)
    assert list(clusters.bounds) == sorted(clusters.bounds)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(-60, 60))
def test_the_unit_of_the_trials_does_not_matter(seed, power):
    values, _ = mixture({1.25: 0.05, 2.0: 0.05}, n=400, seed=seed)
    one, other = find_clusters(values), find_clusters(values * 2.0**power)

    assert one.counts == other.counts
    assert np.allclose(np.array(one.modes) * 2.0**power, other.modes, rtol=1e-9)


def test_many_trials_take_a_few_megabytes():
    values, _ = mixture({1.25: 0.02, 2.0: 0.02}, n=10**6)
    tracemalloc.start()
    try:
        clusters = find_clusters(values, tick=1e-6)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(clusters.modes) == 3
    assert peak < values.nbytes


def test_many_trials_with_strays_everywhere_still_show_their_clusters():
    values, _ = mixture({1.25: 0.02, 2.0: 0.02}, n=300_000, sd=0.03)
    strays = np.exp(np.random.default_rng(3).uniform(0, math.log(3), size=3000))

    assert found(np.concatenate([values, strays]), [1, 1.25, 2])
