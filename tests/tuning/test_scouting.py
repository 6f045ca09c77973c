"""Setups around the best one so far are tried first, one coordinate at a time."""

import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planted_setups import COMPILED_S, ROUND_S, Machine

from stopwatt.records import Precision, Setup
from stopwatt.tuning.chosen import conclude
from stopwatt.tuning.goals import Goal
from stopwatt.tuning.scouting import next_group

BATCHES = (1, 2, 4, 8)
RUNTIMES = {"eager": 1.0, "onnxruntime": 0.7, "openvino": 0.5, "torchscript": 0.9}
PRECISIONS = {Precision.FP32: 1.0, Precision.BF16: 0.7, Precision.INT8: 0.6}
THREADS = {2: 1.0, 1: 1.8}


def grid(seed, *, batches=None, scatter=0.1, **about):
    """Setups whose time of a sample is the product of what each coordinate does to it; eager in fp32 comes first."""
    rng = np.random.default_rng(seed)
    batches = batches or {1: 1.0}
    setups = {
        Setup(backend=runtime, precision=precision, threads=threads, batch=batch): (
            1e-3 * a * b * c * d * np.exp(rng.normal(0, scatter))
        )
        for (runtime, a), (precision, b), (threads, c), (batch, d) in product(
            RUNTIMES.items(), PRECISIONS.items(), THREADS.items(), batches.items()
        )
    }
    made = Machine(list(setups.values()), rng, **about)
    made.cells = tuple(replace(made.cells[0], setup=setup) for setup in setups)
    return made


def setups_of(found):
    return [one.cell.setup for one in found]


def time_of(planted, setup):
    return planted.times[next(place for place, cell in enumerate(planted.cells) if cell.setup == setup)]


def test_who_runs_the_model_is_tried_before_precisions_and_these_before_threads():
    planted = grid(0)
    first = planted.cells[0].setup
    around = [
        [setup for setup in (cell.setup for cell in planted.cells) if setup != first and same(setup)]
        for same in (
            lambda setup: (setup.precision, setup.threads) == (first.precision, first.threads),
            lambda setup: (setup.backend, setup.threads) == (first.backend, first.threads),
            lambda setup: (setup.backend, setup.precision) == (first.backend, first.precision),
        )
    ]
    missing = list(planted.cells[1:])
    for expected in around:
        group = next_group(missing, first, lambda cell: False)
        assert [cell.setup for cell in group] == expected
        missing = [cell for cell in missing if cell not in group]


def test_the_next_step_is_around_the_best_one():
    planted = grid(0)
    found = setups_of(planted.run(planted.search()))
    assert {setup.backend for setup in found[1:4]} == {"onnxruntime", "openvino", "torchscript"}
    assert [(setup.backend, setup.threads) for setup in found[4:6]] == [("openvino", 2)] * 2
    assert {setup.precision for setup in found[4:6]} == {Precision.BF16, Precision.INT8}


def test_everything_is_tried_in_the_end():
    planted = grid(1)
    assert {*setups_of(planted.run(planted.search()))} == {cell.setup for cell in planted.cells}


def test_what_most_likely_may_not_win_comes_last_of_all_that_start_quickly():
    planted = grid(0)
    missing = [replace(cell, setup=replace(cell.setup, variant="reduced")) for cell in planted.cells]
    compiled = replace(missing[0], setup=replace(missing[0].setup, backend="compile"))
    order = []
    left = [compiled, *missing]
    while left:
        group = next_group(left, planted.cells[0].setup, lambda cell: cell.setup.precision is Precision.INT8)
        order += group
        left = [cell for cell in left if cell not in group]
    last = [cell.setup.precision for cell in order[:-1]][-8:]
    assert last == [Precision.INT8] * 8
    assert order[-1] is compiled


def test_the_same_on_other_threads_comes_last_where_answers_were_wrong():
    planted = grid(0)
    wrong = [place for place, cell in enumerate(planted.cells) if cell.setup.precision is Precision.INT8]
    planted.invalid = set(wrong)
    found = setups_of(planted.run(planted.search()))
    tried = list(dict.fromkeys(found))
    int8 = [place for place, setup in enumerate(tried) if setup.precision is Precision.INT8]
    other = [place for place, setup in enumerate(tried) if setup.precision is not Precision.INT8]
    alone = [place for place in int8 if tried[place].threads == 1]
    assert min(alone) > max(other)


@pytest.mark.parametrize("seed", range(5))
def test_a_small_budget_finds_what_is_nearly_the_best_of_a_grid_whose_coordinates_act_alone(seed):
    planted = grid(seed, batches={1: 3.0, 2: 2.0, 4: 1.1, 8: 1.0}, scatter=0.02)
    search = planted.search(goal=Goal.THROUGHPUT, budget_s=35 * ROUND_S)
    found = planted.run(search)
    winner = conclude(search, found).winner.row.cell.setup
    assert len({*setups_of(found)}) < len(planted.cells) / 3
    assert time_of(planted, winner) < 1.1 * min(planted.times)
    assert search.spent_s(found) <= 35 * ROUND_S


def test_of_a_group_as_many_are_tried_as_the_budget_pays_for():
    rng = np.random.default_rng(3)
    planted = Machine([1e-3 * (1 + number % 3) for number in range(30)], rng)
    search = planted.search(budget_s=100)
    found = planted.run(search)
    tried = {*setups_of(found)}
    assert 5 < len(tried) < 20
    assert search.spent_s(found) <= 100


@pytest.mark.parametrize("budget_s", [120, 160, 200, 300, 400])
def test_a_setup_that_takes_long_to_start_is_tried_only_where_the_budget_pays_for_it(budget_s):
    """Of the first one nobody knows how long it takes; of the others it is known."""
    rng = np.random.default_rng(5)
    planted = Machine(1e-3 * np.exp(rng.normal(0, 0.7, 20)), rng, compiled=range(10, 20))
    search = planted.search(budget_s=budget_s)
    found = planted.run(search)
    assert conclude(search, found).winner is not None
    compiled = {one.cell.setup for one in found if one.cell.setup.backend == "compile"}
    assert search.spent_s(found) <= budget_s + (COMPILED_S if len(compiled) == 1 else 0)
