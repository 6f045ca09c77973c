import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.stats.batching import best_batch, best_within, fit_additive, knee

BATCHES = np.array([1.0, 2, 4, 8, 16])


def rounds_of(levels, rounds=5, noise=0.01, state=0.02, seed=0):
    dice = np.random.default_rng(seed)
    return levels * np.exp(dice.normal(0, state, (rounds, 1)) + dice.normal(0, noise, (rounds, levels.size)))


@given(st.floats(0, 1), st.floats(1e-6, 1))
def test_fixed_and_marginal_cost_are_recovered(fixed, marginal):
    model = fit_additive(BATCHES, fixed + marginal * BATCHES)
    assert model.fixed.value == pytest.approx(fixed, abs=1e-6 * (fixed + marginal))
    assert model.marginal.value == pytest.approx(marginal, rel=1e-6)
    assert model.error < 1e-6


def test_the_intervals_cover_the_planted_costs():
    covered = []
    for seed in range(300):
        rounds = rounds_of(2e-3 + 5e-4 * BATCHES, state=0.0, seed=seed)
        model = fit_additive(BATCHES, np.exp(np.log(rounds).mean(axis=0)), rounds)
        covered += [model.fixed.low <= 2e-3 <= model.fixed.high, model.marginal.low <= 5e-4 <= model.marginal.high]
    assert 0.92 <= np.mean(covered) <= 0.98


@pytest.mark.parametrize("rounds", [None, np.empty((0, 5)), rounds_of(1 + BATCHES, rounds=2)])
def test_fewer_than_three_rounds_give_no_interval(rounds):
    model = fit_additive(BATCHES, 1 + BATCHES, rounds)
    assert (model.fixed.low, model.marginal.high) == (None, None)


def test_rounds_that_are_equal_give_no_interval_of_width_zero():
    model = fit_additive(BATCHES, 1 + BATCHES, np.tile(1 + BATCHES, (3, 1)))
    assert (model.fixed.low, model.marginal.low) == (None, None)


def test_small_batches_count_as_much_as_large_ones():
    levels = 1 + BATCHES
    levels[0] *= 1.1
    shifted = np.abs((1 + BATCHES) / (fit_additive(BATCHES, levels).fixed.value + BATCHES) - 1)
    assert shifted[0] > 0.03  # one of five points pulls the fit to itself, however small its latency is


def test_a_line_that_the_model_does_not_describe_has_a_large_error():
    assert fit_additive(BATCHES, BATCHES**2).error > 0.3


def test_two_batches_cannot_contradict_the_model():
    model = fit_additive(BATCHES[:2], np.array([1.0, 1.5]))
    assert (model.fixed.value, model.marginal.value, model.error) == (pytest.approx(0.5), pytest.approx(0.5), 0.0)


def test_the_best_batch_has_the_most_samples_per_second_and_the_knee_nearly_as_many():
    levels = np.array([1.0, 1.1, 1.3, 2.4, 4.7])
    rates = BATCHES / levels
    assert best_batch(BATCHES, levels) == rates.argmax() == 4
    assert knee(BATCHES, levels) == 2
    assert rates[2] >= 0.9 * rates.max() > rates[1]


def test_batches_that_do_not_pay_leave_the_smallest():
    assert knee(BATCHES, BATCHES) == 0
    assert best_batch(BATCHES, BATCHES) == 0


@pytest.mark.parametrize(("bound", "index"), [(0.5, None), (1.0, 0), (1.3, 2), (100.0, 4)])
def test_a_bound_of_latency_limits_the_batch(bound, index):
    assert best_within(BATCHES, np.array([1.0, 1.1, 1.3, 2.4, 4.7]), bound) == index
