import diptest
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopwatt.stats.dip import CHANCES, CRITICAL, dip, dip_p

SHAPES = {
    "uniform": lambda dice, n: dice.random(n),
    "normal": lambda dice, n: dice.normal(size=n),
    "two modes": lambda dice, n: np.where(dice.random(n) < 0.3, 0, 4) + dice.normal(size=n),
    "tail": lambda dice, n: dice.pareto(1, size=n),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [4, 5, 10, 37, 300, 2000])
def test_the_dip_is_that_of_the_reference_implementation(shape, n):
    for seed in range(20):
        values = np.sort(SHAPES[shape](np.random.default_rng(seed), n))
        assert dip(values) == pytest.approx(diptest.dipstat(values, sort_x=False, allow_zero=False), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-(10**6), 10**6), min_size=4, max_size=40, unique=True))
def test_the_dip_is_that_of_the_reference_for_any_different_values(values):
    ordered = np.sort(np.array(values, dtype=np.float64))

    assert dip(ordered) == pytest.approx(diptest.dipstat(ordered, sort_x=False, allow_zero=False), abs=1e-9)


@given(st.floats(0.01, 100), st.floats(-100, 100))
def test_scale_and_place_do_not_matter(scale, place):
    values = np.sort(SHAPES["two modes"](np.random.default_rng(1), 60))

    assert dip(values * scale + place) == pytest.approx(dip(values), abs=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_three_values_have_the_least_dip(n):
    assert dip(np.arange(n, dtype=np.float64)) == 1 / (2 * n)


def test_evenly_spaced_values_have_the_least_dip():
    assert dip(np.arange(50.0)) == pytest.approx(1 / 100)


def test_two_points_have_nearly_the_largest_dip():
    values = np.concatenate([np.linspace(0, 1e-9, 100), np.linspace(1, 1 + 1e-9, 100)])

    assert dip(values) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("n", [15, 50, 400, 2500])
def test_p_values_are_those_of_the_reference_table(n):
    compared = 0
    for seed in range(60):
        dice = np.random.default_rng(seed)
        values = np.sort(np.where(dice.random(n) < 0.5, 0.0, dice.uniform(1, 3)) + dice.normal(size=n))
        statistic, theirs = diptest.diptest(values, sort_x=False)
        if CHANCES[-1] < theirs < CHANCES[0]:
            compared += 1
            assert dip_p(statistic, n) == pytest.approx(theirs, rel=0.2, abs=0.003)
    assert compared >= 10


def test_the_table_can_be_drawn_again():
    dice = np.random.default_rng(77)
    drawn = np.sqrt(100) * np.array([dip(np.sort(dice.random(100))) for _ in range(2000)])

    assert np.quantile(drawn, 1 - np.array(CHANCES[:5])) == pytest.approx(np.array(CRITICAL[100][:5]), rel=0.04)


def test_p_values_end_where_the_table_does():
    assert dip_p(0.0, 100) == pytest.approx(0.5)
    assert dip_p(0.25, 100) == pytest.approx(0.001)
    assert dip_p(0.25, 9) == 1.0
