"""The study of benchmarks/sampling.py on a planted law: points that are chosen teach more than as many by chance."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "predicting"))

from planted_products import products

import sampling
from stopwatt.predicting.choosing import weights_for

STEPS = (16, 32)
SEEDS = range(3)
FEW = range(1)
"""What the quick one of these tests has time for."""


def world(seed):
    return sampling.world_of(products(900, seed=seed, noise=0.01), seed, pool=600, held_out=300, first=STEPS[0])


def of_large_models(seed):
    """The same, though models call large products only, which are one in eleven of those that can be measured."""
    every = products(4000, seed=100 + seed, noise=0.01)
    large = every.take(np.min([every.dims[name] for name in "mnk"], axis=0) >= 512)
    made = world(seed)
    weights = weights_for(made.points, sampling.points_in(large), np.full(len(large), 1 / len(large)))
    return replace(made, weights=weights, held_out=large)


def errors_of(make, seeds=SEEDS):
    """Mean errors by strategy, shape (seeds, steps)."""
    names = (sampling.PLAN, sampling.CHANCE)
    return {name: np.array([sampling.study(make(seed), name, seed, STEPS)[:, 0] for seed in seeds]) for name in names}


@pytest.mark.long
def test_all_begin_with_the_same_rows_and_a_plan_avoids_what_bad_luck_costs():
    errors = errors_of(world)
    plan, chance = errors[sampling.PLAN], errors[sampling.CHANCE]
    assert plan[:, 0].tolist() == chance[:, 0].tolist()
    assert plan[:, 1].mean() < plan[:, 0].mean()
    assert plan[:, 1].max() < chance[:, 1].max()


@pytest.mark.parametrize("seeds", [FEW, pytest.param(SEEDS, marks=pytest.mark.long)])
def test_for_models_that_call_few_of_all_sizes_the_plan_errs_less_than_chance(seeds):
    errors = errors_of(of_large_models, seeds)
    assert errors[sampling.PLAN][:, 1].mean() < 0.8 * errors[sampling.CHANCE][:, 1].mean()


def test_a_page_says_in_words_which_is_better_and_shows_intervals():
    rng = np.random.default_rng(0)
    shape = (sampling.SEEDS, len(sampling.STEPS), 3)
    made = {name: 0.05 * np.exp(0.01 * rng.standard_normal(shape)) for name in sampling.STRATEGIES}
    made[sampling.CHANCE] = made[sampling.CHANCE] * 2
    made[sampling.SPACE] = made[sampling.SPACE] / 2
    page = sampling.page(products(10), {sampling.Demand.ALL: made})
    beside = {sentence.split(". ")[1].split(":")[0]: sentence for sentence in page.sentences[1:]}
    assert "better after 48 rows" in beside["The plan against chance"]
    assert "worse after 48 rows" in beside["The plan against space filling"]
    assert "no difference" in beside["The plan against doubt alone"]
    assert all("[" in cell for _, _, rows in page.tables for row in rows for cell in row[1:])
