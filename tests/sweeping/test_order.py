from collections import Counter
from itertools import groupby

import pytest

from stopwatt.records import Cell, Protocol, Setup, Workload
from stopwatt.sweeping.estimate import Estimate
from stopwatt.sweeping.execute import order

CELLS = [Cell(Workload("mlp"), Setup(batch=batch), Protocol()) for batch in range(1, 9)]


def test_every_round_of_every_cell_comes_once():
    turns = list(order(CELLS, rounds=3, seed=1))
    assert Counter((turn.round, turn.cell.setup.batch) for turn in turns) == Counter(
        (number, cell.setup.batch) for number in range(3) for cell in CELLS
    )


def test_rounds_follow_each_other_and_each_has_an_order_of_its_own():
    turns = list(order(CELLS, rounds=3, seed=1))
    rounds = [[turn.cell.setup.batch for turn in group] for _, group in groupby(turns, key=lambda turn: turn.round)]
    assert len(rounds) == 3
    assert rounds[0] != rounds[1] != rounds[2]
    assert rounds[0] != [cell.setup.batch for cell in CELLS]


def test_the_same_seed_gives_the_same_order():
    assert list(order(CELLS, 2, seed=5)) == list(order(CELLS, 2, seed=5))
    assert list(order(CELLS, 2, seed=5)) != list(order(CELLS, 2, seed=6))


def test_nothing_is_estimated_before_anything_is_known():
    assert Estimate(total=10, done=4).left_s(["a"]) is None


def test_what_is_left_is_estimated_from_each_cells_own_rounds_and_the_mean_of_all():
    estimate = Estimate(total=10, done=0)
    estimate.add("slow", 10.0)
    estimate.add("fast", 2.0)
    assert estimate.done == 2
    assert estimate.left_s(["slow", "fast", "unknown"]) == pytest.approx(10 + 2 + 6)
