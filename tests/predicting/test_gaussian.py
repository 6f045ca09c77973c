"""Gaussian processes: the likelihood by which lengths are found, and what the search makes of it."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from stopwatt.predicting.gaussian import gaussian_process, surprise_of


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 3))
    target = np.sin(values[:, 0]) + 0.3 * values[:, 1] + 0.05 * rng.normal(size=60)
    return values, target - target.mean()


def test_the_likelihood_and_its_gradient_are_those_of_scikit_learn(rows):
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    kernel = ConstantKernel(0.5) * Matern([1.0] * 3, nu=1.5) + WhiteKernel(1e-2)
    theirs = GaussianProcessRegressor(kernel, optimizer=None).fit(*rows)
    lengths, others = np.log([1.3, 2.0, 4.0]), np.log([0.7, 0.02])
    value, gradient = theirs.log_marginal_likelihood(np.array([others[0], *lengths, others[1]]), eval_gradient=True)
    ours, slopes = surprise_of(*rows, np.array([*lengths, *others]))
    assert ours == pytest.approx(-value)
    assert [slopes[3], *slopes[:3], slopes[4]] == pytest.approx(-gradient)


def test_the_gradient_is_that_of_the_value(rows):
    def value(logs):
        return surprise_of(*rows, logs)[0]

    def gradient(logs):
        return surprise_of(*rows, logs)[1]

    assert check_grad(value, gradient, np.log([0.5, 1.0, 2.0, 0.8, 0.05])) < 1e-3


def test_a_column_that_does_not_matter_gets_a_long_length_and_others_are_followed(rows):
    values, target = rows
    found = gaussian_process(values, target, most=60, seed=0)
    assert found.lengths[2] > 5 * found.lengths[0]
    assert np.abs(found.predict(values) - target).mean() < 0.1


def test_a_target_that_does_not_vary_is_predicted_as_it_is():
    values = np.random.default_rng(0).normal(size=(20, 2))
    found = gaussian_process(values, np.full(20, 3.0), most=20, seed=0)
    assert found.predict(values) == pytest.approx(np.full(20, 3.0), abs=1e-3)
