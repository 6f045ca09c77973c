"""Which candidates are chosen: share of time, doubt, distance, and what the budget has room for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_products import SPECS, products

from stopwatt.operators.formulas import work_of
from stopwatt.operators.synthesis import operator_of
from stopwatt.operators.work import Family
from stopwatt.predicting.choosing import HALF, KEPT, Points, Weights, choose, distances, kind_of, points_of, weights_for
from stopwatt.predicting.doubt import doubt_of, held_out_errors
from stopwatt.predicting.predictor import fit


def line(*octaves, family=0):
    """Points on a line."""
    return Points(np.full(len(octaves), family), np.array(octaves, dtype=np.float64)[:, None])


def teaching(*worth):
    """What says something of others only."""
    return Weights(np.zeros(len(worth)), np.array(worth, dtype=np.float64))


def places(picks):
    return [pick.place for pick in picks]


def test_the_most_gain_a_second_comes_first():
    points, near = line(0, 100, 200), np.full(3, np.inf)
    picks = choose(points, teaching(1.0, 3.0, 2.0), near, cost_s=np.array([1.0, 6.0, 2.5]))
    assert places(picks) == [0, 2, 1]
    assert [pick.gain for pick in picks] == pytest.approx([1.0, 2.0, 3.0])


def test_what_was_chosen_lowers_the_gain_of_what_lies_near_it():
    points, worth = line(0, 0.5, 50), teaching(1.0, 0.9, 0.5)
    picks = choose(points, worth, np.full(3, np.inf))
    assert places(picks) == [0, 2, 1]
    assert picks[2].gain < 0.1 * worth.others[1]


def test_what_is_known_lowers_it_too_and_other_families_do_not():
    points = Points(np.array([0, 1]), np.zeros((2, 1)))
    near = distances(points, line(0.0))
    assert near.tolist() == [0.0, np.inf]
    assert places(choose(points, teaching(5.0, 1.0), near)) == [1, 0]


@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(0, 1), st.floats(0.1, 9)), min_size=1, max_size=25),
    st.floats(0.05, 40),
    st.integers(1, 10),
)
@settings(max_examples=60, deadline=None)
def test_a_choice_fits_the_budget_and_the_count_and_takes_nothing_twice(candidates, budget_s, count):
    at, worth, cost = (np.array(column) for column in zip(*candidates, strict=True))
    near = np.full(at.size, np.inf)
    picks = choose(line(*at), teaching(*worth), near, cost_s=cost, budget_s=budget_s, count=count)
    chosen = places(picks)
    assert len(chosen) == len(set(chosen)) <= count
    assert cost[chosen].sum() <= budget_s + 1e-9
    left = np.setdiff1d(np.arange(at.size), chosen)
    if len(chosen) < count:
        assert (cost[left] > budget_s - cost[chosen].sum() - 1e-9).all()
    assert near.tolist() == [np.inf] * at.size  # what is given stays as it is


def test_an_operator_speaks_for_its_own_time_and_for_half_of_that_of_its_neighbours():
    real, shares = line(0, 1, 30), np.array([0.5, 0.3, 0.2])
    weights = weights_for(line(0, 10), real, shares)
    assert weights.own.tolist() == [0.5, 0.0]
    assert weights.others[0] == pytest.approx(0.3 * HALF * np.exp(-0.5))
    assert weights.others[1] < 1e-6


def test_what_belongs_to_no_model_shares_what_other_models_count_and_changes_nothing_where_there_is_none():
    weights = Weights(np.array([0.5, 0.0, 0.0]), np.zeros(3))
    assert weights.also(np.array([0.0, 3.0, 1.0]), 0.2).own == pytest.approx([0.5, 0.15, 0.05])
    assert weights.also(np.zeros(3), 0.2) is weights


def test_of_its_own_time_some_gain_is_left_beside_what_is_known():
    doubtful = Weights(np.array([0.5]), np.array([9.0])).times(np.array([0.2]))
    (pick,) = choose(line(0), doubtful, np.zeros(1))
    assert pick.gain == pytest.approx(KEPT * 0.5 * 0.2)


def test_operators_of_another_kind_or_type_are_apart_and_those_of_another_family_infinitely():
    def made(kind, dtype="float32"):
        return work_of(operator_of(Family.GEMM, kind, {"m": 8, "n": 8, "k": 8, "batch": 1}, dtype))

    norm = work_of(operator_of(Family.NORM, "layer_norm", {"rows": 8, "columns": 8}, "float32"))
    works = [made("linear"), made("mm"), made("linear", "bfloat16"), norm]
    points = points_of(works, [kind_of(one) for one in works])
    assert points.to(points, 0).tolist() == pytest.approx([0.0, 1.0, 1.0, np.inf])


def test_doubling_a_size_is_about_an_octave():
    def made(m):
        return work_of(operator_of(Family.GEMM, "linear", {"m": m, "n": 512, "k": 512, "batch": 1}, "float32"))

    works = [made(256), made(512), made(1024)]
    points = points_of(works, [kind_of(one) for one in works])
    assert points.to(points, 0).tolist() == pytest.approx([0, 1, 2], abs=0.01)


@pytest.fixture(scope="module")
def learnt():
    """A predictor of products up to 512 in each size."""
    return fit({Family.GEMM: products(48, largest=9)}, SPECS)


def test_doubt_is_larger_far_outside_of_what_was_learnt_from(learnt):
    model = learnt.models[Family.GEMM]
    inside, outside = products(40, seed=5, largest=9), products(200, seed=6, largest=15)
    far = outside.take(outside.flops > 8 * products(48, largest=9).flops.max())
    assert len(far) > 5
    assert np.median(doubt_of(model, far, SPECS)) > 2 * np.median(doubt_of(model, inside, SPECS))


def test_a_row_that_breaks_the_law_has_the_largest_error_of_all_that_were_held_out():
    table = products(60, noise=0.01)
    times = table.time_s.copy()
    times[17] *= 3
    table = type(table)(**{name: getattr(table, name) for name in table.__slots__} | {"time_s": times})
    errors = held_out_errors(table, SPECS)
    assert int(np.argmax(np.abs(errors))) == 17
    assert errors[17] == pytest.approx(np.log(3), rel=0.4)
