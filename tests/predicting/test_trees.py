"""Forests as arrays say what scikit-learn says."""

import numpy as np
import pytest

from stopwatt.predicting.gaussian import gaussian_process
from stopwatt.predicting.trees import of_boosted_trees, of_extra_trees


@pytest.fixture
def sample():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((400, 6)) * [1, 10, 1e3, 1, 1e-3, 1]
    return values, np.sin(values[:, 0]) + values[:, 1] ** 2 / 50 + 0.1 * rng.standard_normal(400)


@pytest.mark.parametrize("least", [1, 5])
def test_extra_trees_say_the_same_to_twelve_digits(sample, least):
    from sklearn.ensemble import ExtraTreesRegressor

    values, target = sample
    model = ExtraTreesRegressor(12, min_samples_leaf=least, random_state=1).fit(values[:300], target[:300])
    np.testing.assert_allclose(of_extra_trees(model).predict(values), model.predict(values), rtol=0, atol=1e-12)


def test_boosted_trees_say_the_same_to_twelve_digits(sample):
    from sklearn.ensemble import HistGradientBoostingRegressor

    values, target = sample
    model = HistGradientBoostingRegressor(max_iter=60, max_leaf_nodes=20, min_samples_leaf=3)
    model.fit(values[:300], target[:300])
    np.testing.assert_allclose(of_boosted_trees(model).predict(values), model.predict(values), rtol=0, atol=1e-12)


def test_many_rows_are_walked_in_pieces_and_none_gives_none(sample, monkeypatch):
    from sklearn.ensemble import ExtraTreesRegressor

    values, target = sample
    forest = of_extra_trees(ExtraTreesRegressor(5, random_state=0).fit(values, target))
    whole = forest.predict(values)
    monkeypatch.setattr("stopwatt.predicting.trees.PIECE", 35)
    np.testing.assert_array_equal(forest.predict(values), whole)
    assert forest.predict(values[:0]).shape == (0,)


def test_a_gaussian_process_follows_a_smooth_function_and_ignores_a_constant_column():
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.uniform(0, 6, 200), np.full(200, 3.0)])
    model = gaussian_process(values[:150], np.sin(values[:150, 0]), most=1000, seed=0)
    error = model.predict(values[150:]) - np.sin(values[150:, 0])
    assert np.abs(error).max() < 0.05
    moved = values[150:] + np.array([0.0, 7.0])
    np.testing.assert_allclose(model.predict(moved), model.predict(values[150:]))
