import math

import numpy as np
import pytest
from scipy.stats import binomtest, expon

from stopwatt.stats.fences import EXPONENTIAL_FAR_OUT, OUTER, heavy_tail_p, upper_fence


def test_the_fence_stands_one_and_a_half_ranges_above_the_third_quartile():
    assert upper_fence(np.arange(1.0, 102.0)) == 76 + 1.5 * 50


def test_so_much_of_an_exponential_tail_is_far_out():
    low, high = expon.ppf([0.25, 0.75])

    assert expon.sf(high + OUTER * (high - low)) == pytest.approx(EXPONENTIAL_FAR_OUT)
    assert math.isclose(EXPONENTIAL_FAR_OUT, 1 / 108)


def test_the_p_value_is_binomial():
    values = np.concatenate([np.linspace(1, 2, 990), np.full(10, 100.0)])

    expected = binomtest(10, 1000, EXPONENTIAL_FAR_OUT, alternative="greater").pvalue
    assert heavy_tail_p(values) == pytest.approx(expected)


@pytest.mark.parametrize(("family", "least", "most"), [("pareto", 38, 40), ("exponential", 0, 3), ("normal", 0, 0)])
def test_a_power_law_is_heavy_and_an_exponential_is_not(family, least, most):
    draw = {
        "pareto": lambda dice: 1 + dice.pareto(2, size=1000),
        "exponential": lambda dice: 1 + dice.exponential(size=1000),
        "normal": lambda dice: dice.normal(1, 0.05, size=1000),
    }[family]
    heavy = sum(heavy_tail_p(draw(np.random.default_rng(seed))) < 0.01 for seed in range(40))

    assert least <= heavy <= most


def test_what_is_far_out_but_not_slow_does_not_count():
    values = np.concatenate([np.full(900, 1.0), np.full(100, 1.01)])

    assert heavy_tail_p(values) < 1e-6
    assert heavy_tail_p(values, least=1.1) == 1.0


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_trials_are_never_heavy(n):
    assert heavy_tail_p(np.arange(1.0, n + 1)) == 1.0
