import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.stats.ticks import infer_tick, spread_ticks


def ticked(tick, n=1000, seed=0, offset=0.0):
    return np.rint(np.random.default_rng(seed).normal(100, 3, size=n) / tick) * tick + offset


@pytest.mark.parametrize("tick", [0.5, 1.0, 2.5])
def test_the_step_of_a_lattice_is_found_wherever_the_lattice_begins(tick):
    assert infer_tick(ticked(tick, offset=0.3)) == pytest.approx(tick)


def test_values_that_hardly_repeat_have_no_tick():
    assert infer_tick(np.random.default_rng(0).normal(100, 3, size=1000)) == 0.0


def test_values_that_repeat_off_any_lattice_have_no_tick():
    assert infer_tick(np.repeat([1.0, 1.31, 2.0, 3.77], 100)) == 0.0


def test_modes_far_apart_on_a_fine_lattice_are_not_its_step():
    values = np.repeat([100.0, 101.0, 102.0, 250.0, 251.0], 100)

    assert infer_tick(values) == 1.0


def test_two_values_are_a_tick_only_to_those_who_do_not_know_the_clock():
    values = np.repeat([10.0, 20.0], 50)

    assert infer_tick(values) == 10.0
    assert infer_tick(values, least_distinct=8) == 0.0


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0], [1.0, 2.0, 3.0]])
def test_a_few_values_show_no_tick(values):
    assert infer_tick(np.array(values)) == 0.0


def test_equal_values_are_spread_evenly_over_one_tick():
    assert spread_ticks(np.array([7.0, 5.0, 5.0, 5.0, 5.0]), 1.0).tolist() == [4.625, 4.875, 5.125, 5.375, 7.0]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.sampled_from([0.0, 0.5, 1.0, 3.0]))
def test_spreading_keeps_the_number_and_moves_nothing_by_more_than_half_a_tick(values, tick):
    given_values = np.array(values, dtype=np.float64)
    spread = spread_ticks(given_values, tick)

    assert spread.size == given_values.size
    assert (np.diff(spread) >= 0).all()
    assert (spread > 0).all()
    assert np.abs(spread - np.sort(given_values)).max() <= tick / 2 + 1e-12


def test_spreading_does_not_depend_on_the_order():
    values = ticked(1.0)

    assert np.array_equal(spread_ticks(values, 1.0), spread_ticks(values[::-1], 1.0))
