import numpy as np
import pytest
from scipy.stats import rankdata
from statsmodels.stats.diagnostic import acorr_ljungbox

from stopwatt.stats.independence import battery


def trials(n, seed):
    return np.random.default_rng(seed).lognormal(sigma=0.05, size=n)


def test_false_alarms_are_about_as_rare_as_stated():
    p = np.array([battery(trials(300, seed)).p for seed in range(400)])

    assert 0.01 < (p < 0.05).mean() < 0.085


def test_neighbours_are_tested_as_the_reference_does():
    values = trials(500, 1)
    reference = acorr_ljungbox(rankdata(values), lags=[10])["lb_pvalue"].iloc[0]

    assert battery(values).neighbours_p == pytest.approx(reference, rel=1e-6)


def test_each_way_of_depending_is_noticed_by_its_test(autoregressive):
    wandering = battery(autoregressive(0.5, 500, 2))
    rising = battery(trials(500, 3) * np.linspace(1, 1.1, 500))
    spikes = np.ones(500)
    spikes[[100, 101, 102, 300, 301, 302]] = 3.0
    bursty = battery(trials(500, 4) * spikes)

    assert wandering.neighbours_p < 1e-6
    assert rising.trend_p < 1e-6
    assert bursty.outliers_p < 0.003
    assert bursty.neighbours_p > 0.01
    assert max(wandering.p, rising.p, bursty.p) < 0.01


@pytest.mark.parametrize("n", [1, 2, 3])
def test_nothing_speaks_against_a_few_trials(n):
    assert battery(trials(n, 0)).p == 1.0


def test_equal_trials_are_not_dependent():
    assert battery(np.full(500, 3.0)).p == 1.0


def test_a_long_series_is_judged_by_its_middle():
    values = np.concatenate([np.repeat(trials(1000, 5), 100), trials(2**20, 6), np.repeat(trials(1000, 7), 100)])

    assert battery(values).neighbours_p > 1e-4
    assert battery(np.repeat(trials(2**19, 8), 3)).neighbours_p < 1e-9
