"""Batches that were much worse wherever they were tried come last."""

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from planted_setups import ROUND_S, Machine

from stopwatt.tuning.batches import unlikely
from stopwatt.tuning.chosen import conclude
from stopwatt.tuning.goals import Goal

BATCHES = (1, 2, 4, 8)


def grid(seed, per_sample, count=12, **about):
    """Setups at several batches; `per_sample` says how many times as long a sample takes at each of them."""
    rng = np.random.default_rng(seed)
    typical = 1e-3 * np.exp(rng.normal(0, 0.5, count))
    made = Machine(typical, rng, **about)
    spread = [
        (replace(cell, setup=replace(cell.setup, batch=batch)), time * per_sample[batch])
        for cell, time in zip(made.cells, typical, strict=True)
        for batch in BATCHES
    ]
    made.cells = tuple(cell for cell, _ in spread)
    made.times = [time for _, time in spread]
    return made


def test_a_batch_is_unlikely_where_every_setup_had_a_much_better_one():
    flat, steep = {1: 1.2, 8: 1.0}, {1: 4.0, 8: 1.0}
    assert unlikely([steep, steep, steep]) == {1}
    assert unlikely([steep, steep, flat]) == frozenset()
    assert unlikely([steep, steep]) == frozenset()


def test_a_batch_that_breaks_a_constraint_everywhere_is_unlikely_and_a_setup_that_fails_everywhere_says_nothing():
    strict, failed = {1: 1.0, 8: None}, {1: None, 8: None}
    assert unlikely([strict, strict, strict]) == {8}
    assert unlikely([strict, strict, failed]) == frozenset()


def test_setups_are_tried_at_likely_batches_first():
    planted = grid(0, {1: 3.0, 2: 2.0, 4: 1.1, 8: 1.0})
    search = planted.search(goal=Goal.THROUGHPUT)
    found = planted.run(search)
    first = [one for one in found if one.round == 0][: len(planted.cells)]
    late = first[-2 * (12 - 4) :]
    assert {one.cell.setup.batch for one in late} == {1, 2}
    assert {one.cell.key for one in first} == {cell.key for cell in planted.cells}


def test_a_small_budget_sees_more_setups_and_finds_better_ones(monkeypatch):
    def found_by(seed):
        planted = grid(seed, {1: 3.0, 2: 2.0, 4: 1.1, 8: 1.0})
        search = planted.search(goal=Goal.THROUGHPUT, budget_s=40 * ROUND_S)
        found = planted.run(search)
        winner = conclude(search, found).winner.row.cell.setup
        place = next(place for place, cell in enumerate(planted.cells) if cell.setup == winner)
        return len({one.cell.setup.backend for one in found}), planted.times[place] / min(planted.times)

    ordered = [found_by(seed) for seed in range(10)]
    monkeypatch.setattr("stopwatt.tuning.search.unlikely", lambda known: frozenset())
    plain = [found_by(seed) for seed in range(10)]
    assert all(more > fewer for (more, _), (fewer, _) in zip(ordered, plain, strict=True))
    assert np.mean([ratio for _, ratio in ordered]) < np.mean([ratio for _, ratio in plain])


def test_where_batches_hardly_differ_none_waits():
    planted = grid(0, {1: 1.2, 2: 1.1, 4: 1.0, 8: 1.05})
    found = planted.run(planted.search(goal=Goal.THROUGHPUT))
    first = [one.cell.setup for one in found if one.round == 0][1 : len(planted.cells)]  # the default comes alone
    backends = [setup.backend for setup in first]
    changes = sum(one != other for one, other in pairwise(backends))
    assert changes == 12 - 1
