import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import polygamma

from stopwatt.stats.noise import LEAST_FAMILY, UNKNOWN, Noise, _inverse_trigamma, fit_noise, weigh


def spreads(sds, rounds, seed=0):
    dice = np.random.default_rng(seed)
    return (np.asarray(sds)[:, None] * dice.normal(size=(len(sds), rounds))).var(axis=1, ddof=1)


def test_cells_that_are_alike_lend_each_other_many_degrees_of_freedom():
    noise = fit_noise(spreads(np.full(2000, 0.01), 3), [2] * 2000)

    assert noise.variance == pytest.approx(0.01**2, rel=0.1)
    assert noise.freedom > 20


def test_the_prior_of_cells_that_differ_is_recovered():
    freedom, scale = 6.0, 0.01
    dice = np.random.default_rng(1)
    sds = scale * np.sqrt(freedom / dice.chisquare(freedom, 4000))

    noise = fit_noise(spreads(sds, 5), [4] * 4000)

    assert noise.freedom == pytest.approx(freedom, rel=0.2)
    assert noise.variance == pytest.approx(scale**2, rel=0.1)


def test_a_family_that_is_too_small_knows_nothing():
    assert fit_noise([1e-4] * (LEAST_FAMILY - 1), [2] * (LEAST_FAMILY - 1)) == UNKNOWN


def test_spreads_of_zero_are_no_knowledge():
    assert fit_noise([0.0] * 50, [2] * 50) == UNKNOWN
    alone, among = fit_noise([1e-4] * 20, [2] * 20), fit_noise([1e-4] * 20 + [0.0] * 20, [2] * 40)
    assert among == alone


@given(st.floats(1e-6, 1e6))
def test_the_inverse_of_trigamma_is_one(value):
    assert float(polygamma(1, _inverse_trigamma(value))) == pytest.approx(value, rel=1e-6)


def test_without_knowledge_it_is_the_t_test_on_rounds():
    values = np.array([0.03, 0.01, 0.05, 0.02])

    evidence = weigh(values)
    oracle = scipy.stats.ttest_1samp(values, 0)

    assert evidence.p == pytest.approx(oracle.pvalue, rel=1e-12)
    assert evidence.interval() == pytest.approx(tuple(oracle.confidence_interval(0.95)), rel=1e-12)
    assert evidence.above(0.0) == pytest.approx(evidence.p / 2)
    assert evidence.below(0.0) == pytest.approx(1 - evidence.p / 2)


def test_knowledge_widens_a_spread_that_is_small_by_chance_and_narrows_the_interval():
    lucky = np.array([0.01, 0.0101, 0.0099])
    known = Noise(0.01**2, 30)

    assert weigh(lucky).p < 1e-3
    assert weigh(lucky, known).p > 0.05
    ordinary = np.array([0.02, 0.03, 0.04])
    assert np.diff(weigh(ordinary, known).interval()) < np.diff(weigh(ordinary).interval())


def test_the_spread_that_was_seen_is_never_smoothed_away():
    disturbed = np.array([0.0, 0.0, -0.3])

    assert weigh(disturbed, Noise(0.001**2, 500)).error == pytest.approx(weigh(disturbed).error)


def test_the_noise_of_a_sum_grows_with_its_norm():
    values, known = np.array([0.02, 0.0201, 0.0199]), Noise(0.01**2, 500)

    assert weigh(values, known, norm=4).error == pytest.approx(2 * weigh(values, known, norm=2).error, rel=1e-3)


@pytest.mark.parametrize("values", [[], [0.1], [0.1, 0.2], [0.1, 0.1, 0.1], [0.1, 0.1, 0.1 + 1e-15]])
def test_fewer_than_three_rounds_or_rounds_without_a_difference_are_no_evidence(values):
    assert weigh(np.array(values)) is None


@pytest.mark.parametrize(("rounds", "narrower"), [(3, 0.6), (6, 0.95)])
def test_shared_noise_keeps_its_coverage_and_narrows_the_interval(rounds, narrower):
    dice = np.random.default_rng(rounds)
    values = dice.normal(0.05, 0.01, size=(2000, rounds))
    noise = fit_noise(values.var(axis=1, ddof=1), [rounds - 1] * 2000)

    intervals = [weigh(one, noise).interval() for one in values]
    covered = np.mean([low <= 0.05 <= high for low, high in intervals])

    assert 0.94 <= covered <= 0.985  # the spread never falls below the own one: a little wide
    widths = [high - low for low, high in intervals]
    alone = [np.diff(weigh(one).interval())[0] for one in values]
    assert np.mean(widths) < narrower * np.mean(alone)
