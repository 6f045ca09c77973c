"""Questions that are asked of a table, and what answers beside ours."""

from dataclasses import replace

import numpy as np
import pytest
from planted_products import SPECS, products

from stopwatt.operators.table import joined
from stopwatt.predicting.baselines import BASELINES, constant_power, share_of_limit
from stopwatt.predicting.evaluate import OURS, evaluate, noise_floor
from stopwatt.predicting.extrapolating import sizes_of
from stopwatt.predicting.model import shapes_of
from stopwatt.predicting.scores import score
from stopwatt.predicting.splits import Question, divide


@pytest.fixture(scope="module")
def table():
    return joined([products(300, powered=True), products(200, seed=1, device="other", powered=True)])


def test_unseen_shapes_are_in_the_test_alone(table):
    division = divide(joined([table, table]), Question.SHAPE, 0)
    shapes = shapes_of(joined([table, table]))
    assert not np.isin(shapes[division.test], shapes[division.train]).any()


def test_larger_rows_are_larger_than_all_that_is_learnt_from(table):
    division = divide(table, Question.LARGER, 0)
    assert sizes_of(table)[division.test].min() > sizes_of(table)[division.train].max()


def test_an_unseen_device_is_the_named_one_else_that_with_the_most_rows(table):
    assert set(table.device[divide(table, Question.DEVICE, 0).test]) == {"planted"}
    assert set(table.device[divide(table, Question.DEVICE, 0, "other").test]) == {"other"}
    assert divide(table.take(table.device == "other"), Question.DEVICE, 0) is None


def test_models_are_held_out_where_groups_name_them_and_not_where_they_are_shapes(table):
    assert divide(table, Question.MODEL, 0) is None
    shapes = np.array([f"linear m={one:g}" for one in table.dims["m"]])
    assert divide(replace(table, group=shapes), Question.MODEL, 0) is None
    models = np.array(["bert", "resnet", "gpt2", "vit", "lstm"])[np.arange(len(table)) % 5]
    division = divide(replace(table, group=models), Question.MODEL, 0)
    assert set(models[division.test]).isdisjoint(models[division.train])


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_answers_every_row(table, name):
    division = divide(table, Question.RANDOM, 0)
    train, test = table.take(division.train), table.take(division.test)
    answer = BASELINES[name](train, test, SPECS)
    assert answer.shape == (len(test),)
    assert np.all(np.isfinite(answer) & (answer > 0))


def test_interpolation_finds_what_is_linear_in_the_logarithms():
    table = products(400, noise=0.0)
    linear = replace(table, time_s=1e-9 * table.dims["m"] * table.dims["n"])
    answer = BASELINES["log interpolation"](linear.take(np.arange(300)), linear.take(np.arange(300, 400)), SPECS)
    assert np.median(np.abs(answer / linear.time_s[300:] - 1)) < 0.1


def test_ours_beats_every_baseline_on_unseen_shapes_and_scores_energy():
    table = products(300, largest=15, powered=True)
    found = evaluate(table, SPECS, questions=(Question.SHAPE, Question.DEVICE), most=(150, 100))
    (answer,) = found.answers
    assert found.missing == (Question.DEVICE,)
    assert min(answer.time, key=lambda name: answer.time[name].mape) == OURS
    assert min(answer.energy, key=lambda name: answer.energy[name].mape) == OURS
    assert answer.trained == 150


def test_powers_that_learn_nothing_are_the_mean_and_the_limit(table):
    np.testing.assert_allclose(constant_power(table, table), table.power_w.mean())
    np.testing.assert_array_equal(share_of_limit(table, table, SPECS), table.limit_w)


def test_the_noise_floor_is_how_much_two_collections_of_the_same_rows_differ():
    table = products(100)
    again = replace(table, time_s=table.time_s * 1.05, source=np.array(["planted 2.0 products"] * 100))
    apart = replace(table, source=np.array(["planted 2.0 others"] * 100))
    found = noise_floor(joined([table, again]))
    assert found.rows >= 90  # a few rows are there twice in the first collection already
    assert found.median == pytest.approx(0.05, abs=0.003)
    assert noise_floor(table) is None
    assert noise_floor(joined([table, apart])) is None


def test_scores_are_shares_of_what_was_measured():
    found = score(np.array([1.0, 2.2, 3.0]), np.array([1.0, 2.0, 4.0]), (np.zeros(3), np.array([1.0, 2.2, 3.0])))
    assert found.mape == pytest.approx((0 + 0.1 + 0.25) / 3)
    assert found.median == pytest.approx(0.1)
    assert found.bias == pytest.approx((0 + 0.1 - 0.25) / 3)
    assert found.coverage == pytest.approx(2 / 3)
    assert np.isnan(score(np.ones(1), np.ones(1)).coverage)
