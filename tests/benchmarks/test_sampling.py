"""The study of benchmarks/sampling.py on a planted law: points that are chosen teach more than as many by chance."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "predicting"))

from planted_products import products

import sampling

STEPS = (16, 40)


@pytest.fixture(scope="module")
def errors():
    """Mean errors after the last step, by seed, and after the first."""
    found = {name: [] for name in (sampling.PLAN, sampling.CHANCE)}
    for seed in range(2):
        world = sampling.world_of(products(900, seed=seed, noise=0.01), seed, pool=600, held_out=300, first=STEPS[0])
        for name, all_ in found.items():
            all_.append(sampling.study(world, name, seed, STEPS)[:, 0])
    return {name: np.array(all_) for name, all_ in found.items()}


def test_all_ways_begin_with_the_same_rows_and_learn_from_more(errors):
    assert errors[sampling.PLAN][:, 0].tolist() == errors[sampling.CHANCE][:, 0].tolist()
    assert (errors[sampling.PLAN][:, 1] < errors[sampling.PLAN][:, 0]).all()


def test_the_plan_errs_less_than_chance_after_as_many_rows(errors):
    assert errors[sampling.PLAN][:, 1].mean() < errors[sampling.CHANCE][:, 1].mean()


def test_a_page_says_in_words_which_is_better_and_shows_intervals():
    rng = np.random.default_rng(0)
    shape = (sampling.SEEDS, len(sampling.STEPS), 3)
    made = {name: 0.05 * np.exp(0.01 * rng.standard_normal(shape)) for name in sampling.STRATEGIES}
    made[sampling.CHANCE] = made[sampling.CHANCE] * 2
    made[sampling.SPACE] = made[sampling.SPACE] / 2
    page = sampling.page(products(10), made)
    beside = {sentence.split(":")[0]: sentence for sentence in page.sentences[1:]}
    assert "better after 48 rows" in beside["The plan against chance"]
    assert "worse after 48 rows" in beside["The plan against space filling"]
    assert "no difference" in beside["The plan against doubt alone"]
    assert all("[" in cell for _, _, rows in page.tables for row in rows for cell in row[1:])
