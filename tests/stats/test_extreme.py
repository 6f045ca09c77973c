from collections import Counter

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from stopwatt.stats.extreme import LEAST_TRIALS, Refusal, ReturnLevel, extrapolate
from stopwatt.stats.pareto import Pareto, fit_pareto

N = LEAST_TRIALS
SEEDS = range(20)


def drawn(distribution, seed, n=N):
    return distribution.rvs(size=n, random_state=np.random.default_rng(seed))


def outcomes(distribution, seeds=SEEDS):
    """Passed extrapolations, and the level that is truly exceeded once in so many trials."""
    found = [extrapolate([drawn(distribution, seed)]) for seed in seeds]
    return [one for one in found if isinstance(one, ReturnLevel)], distribution.isf(1 / (10 * N))


def gates(series):
    return Counter(one.gate if isinstance(one := extrapolate([values]), Refusal) else "passed" for values in series)


@pytest.mark.parametrize(
    "tail",
    [stats.expon(1), stats.genpareto(0.1, 1), stats.genpareto(0.3, 1)],
    ids=["exponential", "pareto 0.1", "pareto 0.3"],
)
def test_a_true_pareto_tail_passes_mostly_and_its_interval_holds_the_truth(tail):
    passed, true = outcomes(tail)
    assert len(passed) >= 0.6 * len(SEEDS)
    assert np.mean([one.low <= true <= one.high for one in passed]) >= 0.85


@pytest.mark.parametrize("sigma", [0.05, 0.2, 0.5, 1.0])
def test_what_is_extrapolated_from_a_lognormal_is_not_optimistic(sigma):
    passed, true = outcomes(stats.lognorm(sigma))
    assert len(passed) >= 10, "it must not only refuse"
    assert np.mean([one.high < true for one in passed]) <= 0.1


def test_a_shape_that_may_be_negative_would_be_optimistic_on_a_lognormal():
    """The reason for the bound on the shape: the longest tenth of the same trials, fitted without it."""
    optimistic = []
    for seed in SEEDS:
        values = np.sort(drawn(stats.lognorm(0.05), seed))[-1001:]
        shape, _, scale = stats.genpareto.fit(values[1:] - values[0], floc=0)
        level = values[0] + stats.genpareto.isf(1 / 10_000, shape, 0, scale)
        optimistic.append(level < stats.lognorm(0.05).isf(1 / (10 * N)))
    assert np.mean(optimistic) > 0.8


def mixture(seed, *shares):
    dice = np.random.default_rng(seed)
    values, draw, reached = dice.lognormal(0.0, 0.05, N), dice.random(N), 0.0
    for share, factor in shares:
        values[(draw >= reached) & (draw < reached + share)] *= factor
        reached += share
    return values


@pytest.mark.parametrize("shares", [((0.05, 1.25), (0.05, 2.0)), ((0.02, 1.25), (0.02, 2.0)), ((0.001, 2.0),)])
def test_a_mixture_is_refused_even_if_nobody_said_that_it_is_one(shares):
    assert gates(mixture(seed, *shares) for seed in range(10))["passed"] == 0


def test_a_mixture_is_refused_by_name_where_the_clusters_are_known():
    refusal = extrapolate([drawn(stats.expon(1), 0)], clusters=3)
    assert refusal.gate == "mixture"
    assert "3 clusters" in refusal.why


def test_drift_is_refused():
    rising = 1 + 0.2 * np.arange(N) / N
    found = gates(drawn(stats.expon(1), seed) * rising for seed in range(10))
    assert found == {"stationarity": 10}


def test_trials_that_depend_on_their_neighbours_are_refused():
    def series(seed):
        return np.exp(lfilter([0.954], [1, -0.3], np.random.default_rng(seed).standard_normal(N)))

    found = gates(series(seed) for seed in range(5))
    assert found["passed"] == 0
    assert found["independence"] >= 4


def test_bursts_in_the_tail_are_refused_though_the_body_is_independent():
    values = drawn(stats.expon(1), 0)
    values[4000:4040] += 8.0
    assert extrapolate([values]).gate in {"independence", "stationarity"}


def test_a_process_with_a_longer_tail_than_the_others_is_refused():
    rounds = [drawn(stats.expon(0, scale), seed, 5000) for seed, scale in enumerate((1, 1, 1.5))]
    assert extrapolate(rounds).gate == "independence"


def test_rounds_that_agree_pass_together():
    rounds = [drawn(stats.expon(1), seed, 5000) for seed in range(3)]
    found = extrapolate(rounds)
    assert isinstance(found, ReturnLevel)
    assert found.once_in == 150_000
    assert found.low < found.level < found.high


def test_a_clock_too_coarse_is_refused():
    assert extrapolate([np.ceil(drawn(stats.expon(1), 0) * 5)]).gate == "resolution"
    assert extrapolate([np.full(N, 2.0)]).gate == "resolution"


def test_few_trials_are_refused_with_the_number_it_takes():
    assert extrapolate([np.ones(100)]).why == f"needs {N} trials (has 100)"


@pytest.mark.parametrize("once_in", [N / 10, 1000 * N])
def test_what_was_counted_or_lies_too_far_is_not_extrapolated(once_in):
    assert extrapolate([drawn(stats.expon(1), 0)], once_in=once_in).gate == "horizon"


def test_equal_trials_give_equal_answers():
    values = drawn(stats.genpareto(0.1, 1), 4)
    assert extrapolate([values]) == extrapolate([values.copy()])


def test_the_fit_is_that_of_maximum_likelihood():
    values = drawn(stats.genpareto(0.4, 0, 2.0), 7, 3000)
    ours = fit_pareto(values)
    shape, _, scale = stats.genpareto.fit(values, floc=0)
    assert ours.log_likelihood(values) >= stats.genpareto(shape, 0, scale).logpdf(values).sum() - 1e-3
    assert (ours.shape, ours.scale) == pytest.approx((shape, scale), rel=0.01)


def test_a_bounded_tail_is_fitted_by_the_exponential():
    values = drawn(stats.uniform(0, 1), 0, 1000)
    assert fit_pareto(values) == Pareto(0.0, float(values.mean()))


def test_the_functions_of_the_distribution_agree_with_each_other():
    for law in (Pareto(0.0, 2.0), Pareto(0.3, 2.0)):
        reference = stats.genpareto(law.shape, 0, law.scale)
        assert law.quantile(1e-3) == pytest.approx(reference.isf(1e-3))
        levels = np.array([0.1, 1.0, 10.0])
        np.testing.assert_allclose(law.survival(levels), reference.sf(levels))
        assert law.log_likelihood(levels) == pytest.approx(reference.logpdf(levels).sum())
        sample = law.draw(20_000, np.random.default_rng(0))
        assert stats.kstest(sample, reference.cdf).pvalue > 0.01


def test_the_statistic_of_the_fit_is_that_of_anderson_and_darling():
    values = drawn(stats.expon(0, 3.0), 3, 500)
    expected = stats.anderson(values, "expon", method="interpolate").statistic
    assert fit_pareto(values).shape == 0.0
    assert Pareto(0.0, float(values.mean())).anderson_darling(values) == pytest.approx(expected, rel=1e-6)
