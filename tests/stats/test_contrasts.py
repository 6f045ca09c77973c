"""A weighted sum of means from rounds that they share, or do not."""

import numpy as np
import pytest
from scipy import stats

from stopwatt.stats.contrasts import contrast
from stopwatt.stats.noise import Evidence
from stopwatt.stats.quantiles import NoInterval


def named(values, prefix="r", first=0):
    return {f"{prefix}{first + number}": float(value) for number, value in enumerate(values)}


@pytest.fixture
def draw():
    return np.random.default_rng(4).normal


def test_of_means_from_the_same_rounds_it_is_the_paired_t_test(draw):
    a, b, both = draw(size=(3, 6))
    found = contrast([named(both), named(a), named(b)], (1, -1, -1))
    oracle = stats.ttest_1samp(both - a - b, 0)
    assert found.value == pytest.approx((both - a - b).mean())
    assert found.rounds == 6
    assert found.evidence.interval() == pytest.approx(tuple(oracle.confidence_interval()))
    assert found.evidence.p == pytest.approx(oracle.pvalue)


def test_of_two_means_from_different_rounds_it_is_welchs_test(draw):
    a, b = draw(size=5), draw(scale=3, size=9)
    found = contrast([named(a, "a"), named(b, "b")], (1, -1))
    oracle = stats.ttest_ind(a, b, equal_var=False)
    assert found.evidence.freedom == pytest.approx(oracle.df)
    assert found.evidence.interval() == pytest.approx(tuple(oracle.confidence_interval()))
    assert found.rounds == 5


def test_what_two_means_of_one_round_share_counts_once(draw):
    """Their difference does not know of it, and their sum has it twice."""
    shared, other = draw(size=8), draw(size=8)
    means = [named(other, "x"), named(shared), named(shared)]
    difference, total = contrast(means, (1, 1, -1)), contrast(means, (1, 1, 1))
    alone = other.var(ddof=1) / 8
    assert difference.evidence.error**2 == pytest.approx(alone)
    assert total.evidence.error**2 == pytest.approx(alone + 4 * shared.var(ddof=1) / 8)


def test_its_interval_holds_the_truth_as_often_as_it_says():
    """Two means share rounds and what is special about them; the third has others, fewer and noisier."""
    rng, hits, trials = np.random.default_rng(9), 0, 1500
    for _ in range(trials):
        special = rng.normal(0, 2, 6)
        a, b = special + rng.normal(1, 1, 6), special + rng.normal(2, 1, 6)
        low, high = contrast([named(rng.normal(5, 4, 4), "x"), named(a), named(b)], (1, -1, -1)).evidence.interval()
        hits += low <= 2 <= high
    assert 0.93 <= hits / trials <= 0.975


def test_a_round_that_is_alone_in_what_it_holds_is_left_out(draw):
    a, b, both = draw(size=4), draw(size=4), draw(size=4)
    means = [named(both, "x"), named(a), named(b)]
    lonely = [means[0], {**means[1], "only a": 1000.0}, means[2]]
    assert contrast(lonely, (1, -1, -1)) == contrast(means, (1, -1, -1))


def test_without_a_round_there_is_no_value():
    found = contrast([{}, named([1, 2, 3]), named([1, 2, 3])], (1, -1, -1))
    assert (found.value, found.rounds) == (None, 0)
    assert isinstance(found.evidence, NoInterval)


def test_two_rounds_have_a_value_and_no_interval():
    found = contrast([named([1, 2, 4], "x"), named([1, 2])], (1, -1))
    assert found.value == pytest.approx(7 / 3 - 1.5)
    assert found.evidence == NoInterval("needs 3 rounds of each (has 2)")


def test_rounds_without_any_difference_have_no_interval():
    found = contrast([named([1, 1, 1], "x"), named([3, 3, 3])], (1, -1))
    assert found.value == pytest.approx(-2)
    assert found.evidence == NoInterval("all rounds gave the same value")


def test_evidence_and_value_agree(draw):
    found = contrast([named(draw(size=3), "x"), named(draw(size=5))], (2, -1))
    assert isinstance(found.evidence, Evidence)
    assert found.evidence.value == found.value
