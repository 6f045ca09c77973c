"""What figures are drawn from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.analyse.estimate import Series, tail
from stopwatt.analyse.picture import box_of, ecdf_of, histogram_of, labels_of, thin
from stopwatt.analyse.spectrum import spectrum_of

DICE = np.random.default_rng(5)
TRIALS = st.lists(st.floats(min_value=1e-6, max_value=10), min_size=1, max_size=200)


def rounds(*values):
    return [Series(number, np.asarray(one, dtype=np.float64)) for number, one in enumerate(values)]


@given(TRIALS)
def test_a_histogram_counts_every_trial_once_between_its_edges(values):
    found = histogram_of(rounds(values))
    assert found.counts.sum() == len(values)
    assert found.edges_s[0] <= min(values)
    assert found.edges_s[-1] >= max(values)
    assert (np.diff(found.edges_s) > 0).all()


def test_bins_belong_to_the_cluster_of_most_of_their_trials():
    values = np.concatenate([DICE.normal(1, 0.01, 900), DICE.normal(2, 0.01, 100)])
    labels = {0: np.repeat([0, 1], [900, 100]).astype(np.int8)}
    found = histogram_of(rounds(values), labels)
    middles = np.sqrt(found.edges_s[1:] * found.edges_s[:-1])
    filled = found.counts > 0
    assert (found.clusters[filled] == (middles[filled] > 1.5)).all()


def test_two_far_levels_do_not_make_bins_as_wide_as_their_distance():
    values = np.concatenate([DICE.normal(1e-4, 1e-6, 200), DICE.normal(1e-1, 1e-3, 250)])
    labels = {0: np.repeat([0, 1], [200, 250]).astype(np.int8)}
    assert histogram_of(rounds(values), labels).counts.size >= 25


def test_trials_that_are_all_equal_are_one_bin():
    found = histogram_of(rounds([1e-3] * 50))
    assert found.counts.tolist() == [50]


@given(TRIALS)
def test_a_thinned_distribution_function_agrees_with_all_trials_where_it_is_drawn(values):
    ordered = np.sort(values)
    found = ecdf_of(np.asarray(values))
    assert found.below[-1] == 1
    assert found.values_s[0] == ordered[0]
    assert np.allclose(found.below, [np.mean(ordered <= value) for value in found.values_s])


def test_a_thinned_distribution_function_is_short_and_keeps_the_tail():
    values = DICE.lognormal(0, 0.1, 100_000)
    found = ecdf_of(values)
    assert found.values_s.size < 200
    assert np.isin(np.sort(values)[-5:], found.values_s).all()
    assert ecdf_of(values, rounds=10).values_s.size < 80


def test_a_box_has_the_quartiles_and_counts_what_lies_beyond_the_fences():
    values = np.concatenate([np.linspace(1, 2, 99), [10.0, 11.0]])
    box = box_of(rounds(values))
    assert box.q1_s == pytest.approx(np.quantile(values, 0.25))
    assert (box.low_s, box.high_s, box.below, box.above, box.n) == (1.0, 2.0, 0, 2, 101)
    assert box.outliers_s.tolist() == [10.0, 11.0]
    assert box.from_median(box.median_s * 1.25) == pytest.approx(0.25)


def test_fences_are_those_of_each_round():
    box = box_of(rounds(np.linspace(1, 1.01, 50), np.linspace(5, 5.01, 50)))
    assert box.above == 0


def test_a_box_keeps_the_largest_of_very_many_outliers():
    values = np.concatenate([np.linspace(1, 1.01, 5000), np.linspace(2, 9, 500)])
    box = box_of(rounds(values))
    assert box.above == 500
    assert box.outliers_s.size <= 60
    assert box.outliers_s[-1] == 9


@given(st.integers(min_value=31, max_value=5000), st.integers(min_value=0, max_value=2**32 - 1))
def test_thinning_keeps_the_extremes_the_order_and_every_cluster(n, seed):
    dice = np.random.default_rng(seed)
    values = dice.lognormal(0, 0.1, n)
    clusters = dice.choice(3, n, p=[0.97, 0.02, 0.01]).astype(np.int8)
    kept = thin(values, clusters, 300)
    assert (np.diff(kept) > 0).all()
    assert kept.size <= 400
    assert {values.argmin(), values.argmax()} <= set(kept.tolist())
    for index in np.unique(clusters):
        places = np.flatnonzero(clusters == index)
        assert {places[values[places].argmin()], places[values[places].argmax()]} <= set(kept.tolist()) or index == 0
        assert np.isin(kept, places).any()


def test_few_outliers_are_all_kept():
    values = np.ones(10_000)
    clusters = np.zeros(10_000, dtype=np.int8)
    clusters[::500] = 1
    assert np.isin(np.flatnonzero(clusters), thin(values, clusters, 300)).all()


def test_what_is_short_enough_is_not_thinned():
    assert thin(np.arange(1.0, 11), np.zeros(10, dtype=np.int8), 30).tolist() == list(range(10))


def test_labels_of_a_round_measured_twice_stand_one_after_the_other():
    series = [Series(0, np.ones(2)), Series(1, np.ones(1)), Series(0, np.ones(3))]
    labels = {0: np.array([1, 2, 3, 4, 5], dtype=np.int8), 1: np.array([9], dtype=np.int8)}
    assert [one.tolist() for one in labels_of(series, labels)] == [[1, 2], [9], [3, 4, 5]]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_spectrum_says_of_a_quantile_what_the_estimate_of_the_tail_says(count):
    series = rounds(*(DICE.lognormal(0, 0.1, 400) for _ in range(count)))
    points = {point.nines: point for point in spectrum_of(series)}
    for nines, q in ((1.0, 0.9), (2.0, 0.99), (3.0, 0.999)):
        expected = tail("latency", "s", series, q)
        if nines in points:
            found = points[nines]
            assert (found.value_s, found.needs) == (pytest.approx(expected.value), expected.needs)
            assert (found.low_s, found.high_s) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_the_spectrum_ends_at_the_first_standard_quantile_without_support():
    *known, last = spectrum_of(rounds(DICE.lognormal(0, 0.1, 400)))
    assert all(point.value_s is not None for point in known)
    assert (last.q, last.value_s, last.needs) == (pytest.approx(0.999), None, 2995)


def test_dependent_trials_of_one_round_get_no_band():
    values = np.repeat(DICE.lognormal(0, 0.1, 50), 8)
    assert all(point.low_s is None for point in spectrum_of(rounds(values)))
