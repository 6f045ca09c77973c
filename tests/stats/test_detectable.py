import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp, ttest_ind

from stopwatt.stats.detectable import (
    Spread,
    detectable_effect,
    effect_of_pairs,
    effect_of_rounds,
    rounds_to_find,
    spread_of_pairs,
)


@pytest.mark.parametrize("sizes", [(3, 3), (6, 6), (20, 20), (4, 12)])
def test_the_smallest_detectable_effect_is_found_nine_times_in_ten(sizes):
    generator = np.random.default_rng(4)
    effect = effect_of_rounds(0.01, *sizes)

    base = generator.normal(0, 0.01, size=(sizes[0], 4000))
    other = generator.normal(math.log1p(effect), 0.01, size=(sizes[1], 4000))
    found = np.mean(ttest_ind(other, base, equal_var=False).pvalue <= 0.05)

    assert found == pytest.approx(0.9, abs=0.03)


def test_more_power_and_more_noise_need_larger_effects():
    assert detectable_effect(0.01, 4, power=0.8) < detectable_effect(0.01, 4, power=0.9) < detectable_effect(0.02, 4)


def test_an_effect_beyond_all_measure_is_none_at_all():
    assert detectable_effect(1e9, 4) is None


def test_fewer_than_three_rounds_detect_nothing():
    assert effect_of_rounds(0.01, 2, 20) is None
    assert effect_of_pairs(0.01, 2) is None


def test_pairs_find_what_a_paired_t_test_finds_nine_times_in_ten():
    generator = np.random.default_rng(8)
    logs = generator.normal(math.log1p(effect_of_pairs(0.01, 4)), 0.01, size=(4, 4000))

    assert np.mean(ttest_1samp(logs, 0).pvalue <= 0.05) == pytest.approx(0.9, abs=3 * math.sqrt(0.09 / 4000))


def test_the_rounds_that_it_takes_are_the_fewest_that_find_it():
    rounds = rounds_to_find(0.02, lambda n: effect_of_rounds(0.01, n, n))

    assert effect_of_rounds(0.01, rounds, rounds) <= 0.02 < effect_of_rounds(0.01, rounds - 1, rounds - 1)


@pytest.mark.parametrize(("spread", "rounds"), [(0.0001, 3), (1.0, None)])
def test_a_quiet_machine_needs_no_more_than_three_rounds_and_a_wild_one_never_gets_there(spread, rounds):
    assert rounds_to_find(0.02, lambda n: effect_of_pairs(spread, n)) == rounds


def test_the_spread_of_single_rounds_follows_from_pairs():
    generator = np.random.default_rng(9)
    slow_change = np.exp(np.linspace(0, 0.5, 5000))
    first, second = (slow_change * np.exp(generator.normal(0, 0.02, 5000)) for _ in range(2))

    assert spread_of_pairs(first, second).sd == pytest.approx(0.02, rel=0.05)


def test_too_few_or_equal_pairs_tell_no_spread():
    assert spread_of_pairs(np.ones(2), np.array([1.0, 1.1])) is None
    assert spread_of_pairs(np.ones(5), np.ones(5)) is None


def test_the_interval_of_a_spread_covers_it():
    generator = np.random.default_rng(6)
    intervals = [Spread(float(generator.normal(size=10).std(ddof=1)), 9.0).interval() for _ in range(2000)]

    assert np.mean([one.low <= 1 <= one.high for one in intervals]) == pytest.approx(0.95, abs=0.015)
