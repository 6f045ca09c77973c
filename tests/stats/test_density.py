import math

import numpy as np
import pytest
from scipy.stats import gaussian_kde, norm

from stopwatt.stats.density import MOST_BINS, log_histogram, smooth


def lognormal(n, seed=0, sigma=0.1):
    return np.random.default_rng(seed).lognormal(sigma=sigma, size=n)


def test_every_trial_is_counted_in_the_bin_of_its_logarithm():
    histogram = log_histogram(np.array([1.0, 1.0, math.e**0.25, math.e**0.95]), 0.1)

    assert histogram.counts.tolist() == [2, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    assert histogram.value_at(2.5) == pytest.approx(math.exp(0.25))


def test_values_over_hundreds_of_powers_of_ten_take_a_bounded_number_of_bins():
    histogram = log_histogram(np.array([5e-324, 1.0, 1e308]), 0.001)

    assert histogram.counts.size <= MOST_BINS
    assert histogram.n == 3


def test_the_deviation_is_that_of_a_normal_logarithm_and_ignores_outliers():
    values = np.concatenate([lognormal(10_000), np.full(1000, 1e6)])

    assert log_histogram(lognormal(10_000), 0.0005).deviation() == pytest.approx(0.1, rel=0.03)
    assert log_histogram(values, 0.0005).deviation() == pytest.approx(0.1, rel=0.2)


def test_the_density_is_that_of_an_exact_kernel_estimate():
    values = lognormal(500)
    density = smooth(log_histogram(values, 0.001), bandwidth=0.03)
    histogram = density.histogram
    places = np.log(histogram.base) + (np.arange(histogram.counts.size) + 0.5) * histogram.width
    exact = norm.pdf((places[:, None] - np.log(values)) / 0.03).sum(axis=1) / 0.03 * histogram.width
    inside = density.heights[density.margin : density.margin + histogram.counts.size]

    assert np.abs(inside - exact).max() < 0.005 * exact.max()
    assert gaussian_kde(np.log(values), 0.03 / np.log(values).std(ddof=1))(places[100:101])[0] == pytest.approx(
        inside[100] / values.size / histogram.width, rel=0.02
    )


def test_smoothing_keeps_the_mass():
    assert smooth(log_histogram(lognormal(777), 0.001), 0.05).heights.sum() == pytest.approx(777)


def test_quantiles_of_the_histogram_are_those_of_the_trials():
    values = np.sort(lognormal(20_000))
    quantiles = log_histogram(values, 0.0002).quantiles(1000)

    assert np.allclose(quantiles, np.quantile(values, (np.arange(1000) + 0.5) / 1000), rtol=2e-3)


def test_a_single_value_is_one_bin():
    histogram = log_histogram(np.array([3.0]), 0.01)

    assert histogram.counts.tolist() == [1]
    assert histogram.value_at(0) == pytest.approx(3.0)
