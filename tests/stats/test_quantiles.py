import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.stats.quantiles import (
    RESOLUTION_LIMITED,
    Interval,
    NeedsTrials,
    NoInterval,
    Quantile,
    interval_ranks,
    needed_trials,
    percentile,
)


@pytest.mark.parametrize(
    ("q", "finite_bound", "loadgen"),
    [(0.9, 29, 64), (0.95, 59, 130), (0.99, 299, 662), (0.999, 2995, 6636), (0.9999, 29956, 66381)],
)
def test_needed_trials_are_those_of_the_published_tables(q, finite_bound, loadgen):
    assert needed_trials(q) == finite_bound
    assert needed_trials(q, confidence=0.99, over=1) == loadgen


def least_n_by_brute_force(q, confidence, over):
    """Adds up the binomial probabilities of 0..over trials above the quantile, n by n, in plain floating point."""
    n = over
    while True:
        n += 1
        logs = [
            math.lgamma(n + 1)
            - math.lgamma(k + 1)
            - math.lgamma(n - k + 1)
            + k * math.log(1 - q)
            + (n - k) * math.log(q)
            for k in range(over + 1)
        ]
        if math.fsum(map(math.exp, logs)) <= 1 - confidence:
            return n


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize(("confidence", "over"), [(0.95, 0), (0.99, 1), (0.99, 3)])
def test_needed_trials_agree_with_brute_force(q, confidence, over):
    assert needed_trials(q, confidence, over) == least_n_by_brute_force(q, confidence, over)


@pytest.mark.parametrize(
    ("q", "confidence", "over"), [(0.999, 0.95, 0), (0.9999, 0.95, 0), (0.999, 0.99, 1), (0.9999, 0.99, 1)]
)
def test_needed_trials_far_out_are_enough_and_one_less_is_not(q, confidence, over):
    n = needed_trials(q, confidence, over)

    assert scipy.stats.binom.cdf(over, n, 1 - q) <= 1 - confidence
    assert scipy.stats.binom.cdf(over, n - 1, 1 - q) > 1 - confidence


@pytest.mark.parametrize("over", [1023, 1024, 1025, 1500, 5000])
@pytest.mark.parametrize("q", [0.9, 0.99])
def test_loadgens_rule_holds_beyond_1024_trials_over(q, over):
    n = needed_trials(q, confidence=0.99, over=over)
    pmf = scipy.stats.binom.pmf

    assert math.fsum(pmf(range(over + 1), n, 1 - q)) <= 0.01
    assert math.fsum(pmf(range(over + 1), n - 1, 1 - q)) > 0.01


@pytest.mark.parametrize(("q", "confidence", "over"), [(0, 0.95, 0), (1, 0.95, 0), (0.9, 1, 0), (0.9, 0.95, -1)])
def test_a_question_without_an_answer_is_refused(q, confidence, over):
    with pytest.raises(ValueError, match="no number of trials"):
        needed_trials(q, confidence, over)


def coverage(n, q, ranks):
    lower, upper = ranks
    return math.fsum(scipy.stats.binom.pmf(range(lower, upper), n, q))


@given(n=st.integers(1, 3000), q=st.sampled_from([0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999]))
def test_ranks_cover_at_least_what_is_promised_or_do_not_exist(n, q):
    ranks = interval_ranks(n, q)

    if ranks is None:
        assert coverage(n, q, (1, n)) < 0.95
    else:
        assert 1 <= ranks[0] < ranks[1] <= n
        assert coverage(n, q, ranks) >= 0.95 - 1e-12


@given(n=st.integers(10, 2000), q=st.sampled_from([0.5, 0.75, 0.9]))
def test_ranks_are_not_wider_than_they_must_be(n, q):
    ranks = interval_ranks(n, q)

    if ranks is not None:
        lower, upper = ranks
        assert scipy.stats.binom.cdf(lower, n, q) > 0.025 or coverage(n, q, (lower + 1, upper)) < 0.95
        assert scipy.stats.binom.sf(upper - 2, n, q) > 0.025 or coverage(n, q, (lower, upper - 1)) < 0.95


def test_ranks_of_a_median_are_those_of_the_textbook():
    assert interval_ranks(5, 0.5) is None
    assert interval_ranks(6, 0.5) == (1, 6)
    assert interval_ranks(10, 0.5) == (2, 9)
    assert interval_ranks(100, 0.5) == (40, 61)


@pytest.mark.parametrize(("q", "n"), [(0.9, 29), (0.95, 59), (0.99, 299), (0.999, 2995)])
def test_a_percentile_is_given_from_the_needed_number_of_trials_on(q, n):
    values = np.arange(1, n + 1)

    enough = percentile(values, q)
    short = percentile(values[:-1], q)

    assert isinstance(enough, Quantile)
    assert isinstance(enough.interval, Interval)
    assert enough.interval.high == n
    assert short == NeedsTrials(q=q, n=n - 1, needed=n)
    assert str(short) == f"needs {n} trials (has {n - 1})"


@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize("q", [0.5, 0.99])
def test_a_handful_of_trials_gives_no_percentile(n, q):
    assert isinstance(percentile(np.arange(1, n + 1), q), NeedsTrials)


def test_the_value_of_a_percentile_is_an_order_statistic():
    values = np.random.default_rng(0).permutation(np.arange(1, 1001))

    assert percentile(values, 0.99).value == 990
    assert percentile(values, 0.9).value == 900
    assert percentile(values, 0.5).value == 500.5


def test_equal_trials_are_resolution_limited_instead_of_infinitely_exact():
    result = percentile(np.full(400, 1000), 0.99)

    assert isinstance(result, Quantile)
    assert result.value == 1000
    assert result.interval == NoInterval(RESOLUTION_LIMITED)


@pytest.mark.parametrize(("q", "n"), [(0.5, 30), (0.5, 301), (0.9, 40), (0.99, 300)])
def test_order_statistics_cover_the_quantile_of_a_skewed_distribution(q, n):
    generator = np.random.default_rng(7)
    truth = scipy.stats.lognorm.ppf(q, s=1)
    draws = np.sort(generator.lognormal(sigma=1, size=(4000, n)), axis=1)
    lower, upper = interval_ranks(n, q)

    covered = np.mean((draws[:, lower - 1] <= truth) & (truth <= draws[:, upper - 1]))

    assert covered >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 4000)


@given(st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=400), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_percentile_and_its_interval_are_trials_in_order(values, q):
    result = percentile(np.array(values), q)

    if isinstance(result, Quantile):
        assert min(values) <= result.value <= max(values)
        if isinstance(result.interval, Interval):
            assert {result.interval.low, result.interval.high} <= set(values)
            assert result.interval.low <= result.value <= result.interval.high


def test_the_rank_of_a_quantile_is_not_pushed_up_by_rounding():
    assert 100 * 0.55 > 55

    assert percentile(np.arange(1, 101), 0.55).value == 55
