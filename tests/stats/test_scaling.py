import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.stats.noise import UNKNOWN, Noise
from stopwatt.stats.scaling import (
    broken_line,
    deviation_from_power_law,
    exponent,
    exponent_weights,
    find_kinks,
    fit_smooth,
    judge_by_residuals,
    judge_by_rounds,
    judge_weights,
    segment_weights,
)

SIZES = 32.0 * 2.0 ** np.arange(6)
KNOWN = Noise(0.01**2, 100)
CRITICAL = 0.05 / 4

sizes_and_levels = st.lists(
    st.tuples(st.floats(1, 1e4), st.floats(1e-6, 1e2)), min_size=3, max_size=8, unique_by=lambda pair: round(pair[0], 1)
).map(lambda pairs: tuple(np.array(column) for column in zip(*sorted(pairs), strict=True)))


def rounds_of(levels, rounds=3, noise=0.01, state=0.03, seed=0):
    dice = np.random.default_rng(seed)
    shape = (rounds, len(levels))
    return np.log(levels) + dice.normal(0, state, (rounds, 1)) + dice.normal(0, noise, shape)


def two_slopes(before, after, at=256.0):
    return np.where(at >= SIZES, (SIZES / at) ** before, (SIZES / at) ** after)


def kinks_of(logs, noise=UNKNOWN):
    return find_kinks(SIZES, np.exp(logs.mean(axis=0)), judge_by_rounds(logs, noise), CRITICAL)


def test_the_exponent_of_a_power_law_is_found():
    assert exponent(SIZES, 3e-6 * SIZES**1.7) == pytest.approx(1.7, rel=1e-12)
    assert deviation_from_power_law(SIZES, 3e-6 * SIZES**1.7) == pytest.approx(0, abs=1e-12)


@given(sizes_and_levels)
def test_the_exponent_is_the_slope_of_the_regression(pair):
    sizes, levels = pair
    assert exponent(sizes, levels) == pytest.approx(
        scipy.stats.linregress(np.log(sizes), np.log(levels)).slope, rel=1e-6, abs=1e-6
    )


@given(sizes_and_levels, st.floats(1e-3, 1e3), st.floats(1e-2, 1e2))
def test_other_units_of_time_and_size_change_no_exponent(pair, time, size):
    sizes, levels = pair
    assert exponent(sizes * size, levels * time) == pytest.approx(exponent(sizes, levels), rel=1e-6, abs=1e-6)


def test_the_state_of_the_machine_in_a_round_is_not_noise_of_the_exponent():
    logs = rounds_of(SIZES**1.2, state=0.5, noise=0.001)

    low, high = judge_weights(logs, exponent_weights(SIZES)).interval()

    assert low < 1.2 < high
    assert high - low < 0.02


def test_the_interval_of_the_exponent_covers_it():
    evidence = [judge_weights(rounds_of(SIZES**1.2, seed=seed), exponent_weights(SIZES)) for seed in range(400)]
    inside = [low <= 1.2 <= high for low, high in (one.interval() for one in evidence)]
    assert 0.92 <= np.mean(inside) <= 0.98


@pytest.mark.parametrize(("before", "after"), [(0.5, 1.5), (1.0, 0.4), (1.0, 2.0)])
def test_a_planted_kink_is_found_where_it_is(before, after):
    found = [kinks_of(rounds_of(two_slopes(before, after), seed=seed), KNOWN) for seed in range(50)]
    assert np.mean([one == (3,) for one in found]) >= 0.9


def test_a_size_that_is_off_is_a_kink_there_and_at_its_neighbours():
    levels = SIZES.copy()
    levels[3] *= 1.3
    assert kinks_of(rounds_of(levels, noise=0.002)) == (2, 3, 4)


def test_a_power_law_has_no_kink():
    found = [kinks_of(rounds_of(SIZES**0.8, noise=0.05, seed=seed), Noise(0.05**2, 100)) for seed in range(300)]
    assert np.mean([bool(one) for one in found]) <= 0.05


def test_a_change_that_is_known_but_small_is_no_kink():
    logs = rounds_of(two_slopes(1.0, 1.05), noise=1e-5)
    assert kinks_of(logs) == ()


@pytest.mark.parametrize("points", [1, 2])
def test_a_line_of_two_points_cannot_bend(points):
    logs = rounds_of(SIZES[:points])
    assert find_kinks(SIZES[:points], SIZES[:points], judge_by_rounds(logs), 1.0) == ()


def test_a_coefficient_of_single_values_is_judged_by_its_t_test():
    sizes = 2.0 ** np.arange(12)
    logs = np.log(sizes) + np.random.default_rng(0).normal(0, 0.1, 12)
    design = broken_line(sizes, (5,))

    ((value, p),) = judge_by_residuals(logs)(design)

    fitted, residual, *_ = np.linalg.lstsq(design, logs, rcond=None)
    error = np.sqrt(residual[0] / 8 * np.linalg.inv(design.T @ design)[2, 2])  # 12 points - 3 columns - 1 for the place
    assert value == pytest.approx(fitted[2])
    assert p == pytest.approx(2 * scipy.stats.t.sf(abs(fitted[2]) / error, 8))


def test_a_long_line_of_single_values_shows_its_kink():
    sizes = 2.0 ** np.linspace(0, 8, 17)
    levels = np.where(sizes <= 16, sizes**0.3, 16**0.3 * (sizes / 16) ** 1.3)
    logs = np.log(levels) + np.random.default_rng(0).normal(0, 0.01, 17)
    assert find_kinks(sizes, np.exp(logs), judge_by_residuals(logs), 0.05 / 15) == (8,)


def test_single_values_without_freedom_left_say_nothing():
    assert judge_by_residuals(np.log(SIZES[:4]))(broken_line(SIZES[:4], (1,))) == [(pytest.approx(0, abs=1e-12), 1.0)]


def test_the_slopes_of_the_segments_are_those_planted():
    logs = np.log(two_slopes(0.5, 1.5))
    assert [float(logs @ weights) for weights in segment_weights(SIZES, (3,))] == pytest.approx([0.5, 1.5])


@pytest.mark.parametrize(("fixed", "factor", "power"), [(3.0, 0.01, 2.0), (0.0, 1.0, 0.8), (1.0, 40.0, -1.0)])
def test_a_fixed_cost_with_work_that_grows_is_recognised(fixed, factor, power):
    found = fit_smooth(SIZES, fixed + factor * SIZES**power)
    assert (found.fixed, found.factor) == pytest.approx((fixed, factor), rel=1e-6, abs=1e-6)
    assert found.exponent == pytest.approx(power)
    assert found.error < 1e-9


def test_a_kink_is_not_taken_for_a_gradual_bend():
    assert fit_smooth(SIZES, two_slopes(0.5, 1.5)).error > 0.1
    assert fit_smooth(SIZES, two_slopes(1.0, 0.4)).error > 0.05
