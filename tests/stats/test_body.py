import numpy as np
import pytest

from stopwatt.stats.body import find_body_modes, smallest_step

UNIMODAL = {
    "normal": lambda dice, n: dice.normal(1, 0.05, size=n),
    "lognormal": lambda dice, n: dice.lognormal(sigma=0.3, size=n),
    "gamma": lambda dice, n: 1 + 0.05 * dice.gamma(2, size=n),
    "exponential": lambda dice, n: 1 + 0.05 * dice.exponential(size=n),
    "weibull": lambda dice, n: 0.5 + dice.weibull(1.5, size=n),
    "logistic": lambda dice, n: dice.logistic(1, 0.02, size=n),
}


def two_modes(apart, share, n=900, seed=0, sd=0.01):
    dice = np.random.default_rng(seed)
    return np.where(dice.random(n) < share, 1 + apart, 1) * np.exp(dice.normal(0, sd, size=n))


def found(values, centres, tick=0.0):
    modes = find_body_modes(values, centres[0], tick)
    return len(modes) == len(centres) and np.allclose(modes, centres, rtol=0.01)


@pytest.mark.parametrize(("apart", "share", "least"), [(0.04, 0.5, 38), (0.06, 0.3, 38), (0.08, 0.1, 36)])
def test_modes_a_few_per_cent_apart_are_found_with_their_centres(apart, share, least):
    hits = [found(two_modes(apart, share, seed=seed), [1, 1 + apart]) for seed in range(40)]

    assert sum(hits) >= least


@pytest.mark.parametrize("family", UNIMODAL)
@pytest.mark.parametrize("n", [300, 1000])
def test_a_body_with_one_mode_has_none_to_report(family, n):
    false = 0
    for seed in range(60):
        values = np.abs(UNIMODAL[family](np.random.default_rng(seed), n))
        histogram, edges = np.histogram(values, 30)
        mode = edges[histogram.argmax()] + (edges[1] - edges[0]) / 2
        false += bool(find_body_modes(values, mode))

    assert false <= 3


def test_modes_of_a_very_quiet_machine_are_told_apart_too():
    assert found(two_modes(0.004, 0.5, sd=0.0005), [1, 1.004])


@pytest.mark.parametrize("tick", [0.002, 0.01, 0.03])
def test_ticks_are_no_modes(tick):
    values = np.rint(np.random.default_rng(4).normal(1, 0.03, size=1000) / tick) * tick

    assert find_body_modes(values, 1.0, tick) == ()


def test_two_modes_stay_two_on_a_ticked_clock():
    values = np.rint(two_modes(0.08, 0.5) / 0.01) * 0.01

    assert found(values, [1, 1.08], tick=0.01)


def test_a_small_mode_is_found_by_the_trough_where_the_dip_does_not_see_it():
    values = two_modes(0.06, 0.1)

    assert len(find_body_modes(values, 1.0)) == 2


def test_what_lies_beyond_a_tenth_above_the_mode_is_no_part_of_the_body():
    body = np.random.default_rng(5).normal(1, 0.02, size=900)

    assert find_body_modes(np.concatenate([body, np.full(300, 1.3)]), 1.0) == ()


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 1.05], [1.0, 1.02, 1.05], [1.0] * 500, [1.0, 1.05] * 10])
def test_too_little_has_no_modes(values):
    assert find_body_modes(np.array(values), 1.0) == ()


def test_a_long_series_gives_the_same_answer_as_a_short_one():
    assert found(two_modes(0.08, 0.3, n=100_000), [1, 1.08])
    assert find_body_modes(np.random.default_rng(6).normal(1, 0.03, size=100_000), 1.0) == ()
    assert find_body_modes(np.rint(np.random.default_rng(6).normal(1, 0.03, size=100_000) * 100) / 100, 1.0, 0.01) == ()


@pytest.mark.parametrize(("values", "step"), [([1.0, 1.5, 1.7], 0.2), ([2.0], 0.0), ([2.0, 2.0 + 1e-15], 0.0)])
def test_the_smallest_step_is_more_than_rounding(values, step):
    assert smallest_step(np.array(values)) == pytest.approx(step)
