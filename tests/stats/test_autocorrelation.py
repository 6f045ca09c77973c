import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.stats.autocorrelation import ljung_box, looks_independent, midranks


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=50))
def test_midranks_are_those_of_scipy(values):
    assert midranks(np.array(values)).tolist() == scipy.stats.rankdata(values).tolist()


@pytest.mark.parametrize(("n", "most"), [(150, 10), (30, 6)])
def test_the_p_value_follows_the_formula_of_ljung_and_box(n, most, autoregressive):
    values = autoregressive(0.2, n, seed=1)
    ranks = scipy.stats.rankdata(values)
    lags = range(1, most + 1)
    centred = ranks - ranks.mean()
    r = [sum(centred[k:] * centred[:-k]) / sum(centred**2) for k in lags]
    q = n * (n + 2) * sum(r[k - 1] ** 2 / (n - k) for k in lags)

    assert ljung_box(values) == pytest.approx(scipy.stats.chi2.sf(q, most), rel=1e-9)


def test_false_alarms_are_about_as_rare_as_stated_even_with_heavy_tails():
    generator = np.random.default_rng(5)
    alarms = np.mean([ljung_box(generator.pareto(1.1, size=300)) < 0.05 for _ in range(1000)])

    assert 0.02 < alarms < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)


def test_neighbours_that_depend_on_each_other_are_noticed(autoregressive):
    assert not looks_independent(autoregressive(0.5, 300, seed=2))


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [1.0, 2.0, 3.0], [1.0] * 500])
def test_nothing_speaks_against_a_short_or_constant_series(values):
    assert ljung_box(np.array(values)) == 1.0
