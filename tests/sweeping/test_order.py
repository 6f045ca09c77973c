from collections import Counter
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.records import Cell, Protocol, Setup, Workload
from stopwatt.sweeping.estimate import Estimate
from stopwatt.sweeping.plan import Plan
from stopwatt.sweeping.turns import Order, order

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


def test_in_abba_blocks_the_order_turns_round_with_every_round():
    turns = [turn.cell.setup.batch for turn in order(CELLS[:2], rounds=4, seed=1, within=Order.ABBA)]
    assert turns == [1, 2, 2, 1, 1, 2, 2, 1]


def test_a_plan_in_abba_blocks_is_another_plan_and_so_is_one_with_the_arms_exchanged():
    a, b = CELLS[:2]
    random = Plan((a, b), Protocol(), {})
    there, back = (Plan(pair, Protocol(), {}, order=Order.ABBA) for pair in ((a, b), (b, a)))
    assert len({random.digest, there.digest, back.digest}) == 3
    assert random.digest == Plan((b, a), Protocol(), {}).digest


def test_nothing_is_estimated_before_anything_is_known():
    assert Estimate({"a": 6}, done=4).left_s() is None


def test_what_is_left_is_estimated_from_each_cells_own_rounds_and_the_mean_of_all():
    estimate = Estimate({"slow": 2, "fast": 2, "unknown": 1})
    estimate.add("slow", 10.0)
    estimate.add("fast", 2.0)
    assert (estimate.done, estimate.total) == (2, 5)
    assert estimate.left_s() == pytest.approx(10 + 2 + 6)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.floats(0.1, 100.0)), max_size=60))
def test_the_running_sum_is_the_sum(steps):
    rest = Counter(key for key, _, _ in steps)
    estimate, walls = Estimate(rest), {}
    for key, skipped, wall in steps:
        rest[key] -= 1
        if skipped:
            estimate.skip(key)
        else:
            estimate.add(key, wall)
            walls[key] = wall
        usual = sum(walls.values()) / len(walls) if walls else None
        expected = None if usual is None else sum(n * walls.get(k, usual) for k, n in rest.items())
        assert estimate.left_s() == (None if expected is None else pytest.approx(expected, abs=1e-6))
