"""Knees of planted curves: how often they are found, and how often one is invented where there is none."""

from collections import Counter

import numpy as np
import pytest

from stopwatt.stats.batching import knee
from stopwatt.stats.noise import Noise, fit_noise
from stopwatt.stats.saturation import Course, saturation

BATCHES = 2.0 ** np.arange(9)


def hockney(half):
    """Samples/s of calls with a fixed cost that a batch of `half` samples makes up for; the peak is 1."""
    return BATCHES / (BATCHES + half)


def measured(rates, rounds=3, noise=0.01, state=0.05, seed=0):
    """Samples/s in each round: all batches of a round share its state."""
    dice = np.random.default_rng(seed)
    return rates * np.exp(dice.normal(0, state, (rounds, 1)) + dice.normal(0, noise, (rounds, rates.size)))


def courses(rates, repeats=300, **how):
    found = Counter(saturation(BATCHES, measured(rates, seed=seed, **how)).course for seed in range(repeats))
    return {course: count / repeats for course, count in found.items()}


@pytest.mark.parametrize("half", [0.5, 2, 5, 12])
def test_planted_knees_are_found_and_their_intervals_hold_them(half):
    rates, held, found = hockney(half), 0, 0
    planted = knee(BATCHES, BATCHES / rates)
    for seed in range(300):
        one = saturation(BATCHES, measured(rates, rounds=5, seed=seed))
        found += one.course is Course.KNEE
        held += one.at is not None and one.low <= planted <= one.high
    assert found >= 0.95 * 300
    assert held >= 0.95 * found


@pytest.mark.parametrize("exponent", [1.0, 0.5, 0.25])
@pytest.mark.parametrize("noise", [0.003, 0.03, 0.1])
def test_straight_lines_have_no_knee(exponent, noise):
    found = courses(BATCHES**exponent, noise=noise)
    assert found.get(Course.KNEE, 0) + found.get(Course.FLAT, 0) <= 0.05


def test_a_line_that_rises_by_exactly_a_tenth_a_doubling_has_a_knee_invented_as_often_as_an_interval_errs():
    found = courses(BATCHES ** np.log2(1.1), repeats=1000, noise=0.03)
    assert 0.01 <= found.get(Course.KNEE, 0) + found.get(Course.FLAT, 0) <= 0.04
    assert 0.01 <= found.get(Course.RISING, 0) <= 0.04


def test_lines_that_rise_steeply_are_said_to_rise():
    assert courses(BATCHES**0.5)[Course.RISING] == 1


def test_batches_that_do_not_pay_are_flat():
    assert courses(np.ones(9))[Course.FLAT] >= 0.9
    one = saturation(BATCHES, measured(np.ones(9)))
    assert (one.at, one.low, one.high) == (0, 0, 0)


def test_samples_per_second_that_fall_after_their_most_have_the_knee_before_it():
    rates = np.array([1.0, 1.9, 3.3, 4.0, 3.9, 3.0, 2.5, 2.4, 2.3])
    one = saturation(BATCHES, measured(rates))
    assert one.course is Course.KNEE
    assert (one.at, one.low, one.high) == (3, 3, 3)


def test_a_knee_at_the_edge_of_nine_tenths_has_a_wide_interval():
    rates = np.array([1.0, 1.8, 1.99, 2.0, 2.0])
    one = saturation(BATCHES[:5], measured(rates, rounds=5))
    assert one.course is Course.KNEE
    assert (one.low, one.high) == (1, 2)


def test_what_rounds_do_to_all_batches_does_not_matter():
    calm, wild = (saturation(BATCHES, measured(hockney(2), state=state)) for state in (0.0, 1.0))
    assert (calm.at, calm.low, calm.high) == (wild.at, wild.low, wild.high)


def test_noisy_rounds_leave_it_open_and_more_of_them_decide():
    few, many = (courses(hockney(5), noise=0.1, rounds=rounds, repeats=100) for rounds in (3, 60))
    assert few[Course.OPEN] > 0.5
    assert many[Course.KNEE] > 0.95


def test_the_noise_of_other_lines_decides_what_three_rounds_leave_open():
    rounds = [measured(hockney(5), noise=0.03, seed=seed) for seed in range(200)]
    alone = sum(saturation(BATCHES, one).course is Course.KNEE for one in rounds)
    known = sum(saturation(BATCHES, one, Noise(0.03**2, 30.0)).course is Course.KNEE for one in rounds)
    assert known > 1.3 * alone


def test_a_line_ten_times_as_noisy_as_the_others_rarely_gets_a_knee_by_their_calm():
    edge, found = BATCHES ** np.log2(1.1), 0
    for seed in range(300):
        lines = [measured(edge, noise=noise, seed=[seed, place]) for place, noise in enumerate((0.1, 0.01, 0.01, 0.01))]
        steps = [np.diff(np.log(line), axis=1) for line in lines]
        spreads = [float(step.var(ddof=1)) / 2 for line in steps for step in line.T]
        noise = fit_noise(spreads, [2.0] * len(spreads))
        found += saturation(BATCHES, lines[0], noise).course in (Course.KNEE, Course.FLAT)
    assert found <= 0.1 * 300


def test_growth_is_told_per_doubling_whatever_the_steps_are():
    batches = np.array([1.0, 4, 16, 64])
    one = saturation(batches, measured(batches**0.5))
    assert one.course is Course.RISING
    assert one.growth == pytest.approx(2**0.5, rel=0.03)
    assert one.growth_low < 2**0.5 < one.growth_high


def test_the_last_doubling_is_from_a_batch_of_at_most_half_the_size():
    batches = np.array([1.0, 2, 3, 4, 5, 6, 7, 8])
    one = saturation(batches, measured(batches))
    assert one.growth == pytest.approx(2, rel=0.03)


@pytest.mark.parametrize(
    ("batches", "rounds", "why"),
    [
        (BATCHES[:2], 3, "needs 3 batch sizes (has 2)"),
        (BATCHES, 2, "needs 3 rounds (has 2)"),
        (np.array([10.0, 12, 14]), 3, "span less than a doubling"),
    ],
)
def test_too_little_to_tell_is_said(batches, rounds, why):
    one = saturation(batches, measured(batches, rounds=rounds))
    assert (one.course, one.at) == (Course.UNKNOWN, None)
    assert why in one.why


def test_rounds_that_are_equal_have_no_interval_and_no_knee():
    one = saturation(BATCHES, np.tile(hockney(2), (3, 1)))
    assert (one.course, one.why) == (Course.UNKNOWN, "all 3 rounds gave the same values")
