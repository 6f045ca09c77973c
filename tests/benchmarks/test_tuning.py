"""A search that is played with measured rounds asks, pays and finds as a real one does."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tuning"))

from planted_setups import Machine

import batching
import tuning
from stopwatt.records import Setup
from stopwatt.stats.ratios import Ratio
from stopwatt.tuning.space import SCOUT


@pytest.fixture
def measured():
    """A machine, its search, and all rounds of every setup: short ones and those of a proof."""
    planted = Machine([10e-3, 1e-3, 2e-3, 3e-3, 1.2e-3], np.random.default_rng(0))
    search = planted.search()
    short = [planted.measure(cell, number) for number in range(5) for cell in planted.cells]
    proofs = [planted.measure(search.proving(cell), number) for number in range(5) for cell in planted.cells]
    return planted, search, short, proofs


def test_a_played_search_finds_the_best_and_pays_for_what_it_asked(measured):
    planted, search, short, proofs = measured
    everything = search.spent_s(proofs)
    for seed in range(5):
        played = tuning.play(replace(search, budget_s=0.9 * everything), short, proofs, seed)
        assert played.winner == planted.cells[1].setup
        assert 0 < played.spent_s <= 0.9 * everything


def test_compile_is_left_out_where_the_page_says_so():
    planted = Machine([1e-3], np.random.default_rng(0))
    (cell,) = planted.cells
    search = planted.search()
    labels = [("compile", "fp32"), ("compile", "int8"), ("onnxruntime", "int8")]
    setups = [Setup(backend=name, precision=precision) for name, precision in labels]
    for source, left in (("bert", 3), ("resnet", 2), ("detector", 1)):
        workload = replace(cell.workload, source=source)
        cells = tuple(replace(cell, workload=workload, setup=setup, protocol=SCOUT) for setup in setups)
        space = replace(search.space, cells=cells)
        assert len(tuning._tried(replace(search, space=space)).space.cells) == left


def test_near_is_the_best_itself_or_within_three_percent_of_it():
    best, close, far = (Setup(backend=name) for name in ("eager", "compile", "openvino"))
    again = {close: Ratio(1.02, 0.9, 1.1), far: Ratio(1.04, 1.0, 1.1)}
    found = tuning.Found("bert", 3, 100.0, best, (), again, ())
    assert [tuning._is_near(found, one) for one in (best, close, far, None)] == [True, True, False, False]


def test_the_page_on_predicted_models_says_what_a_batch_buys():
    pairs = batching.pairs()
    assert len({one.model for one in pairs}) == len(pairs) > 1
    assert all(one.batches[0] < one.batches[1] and one.measured > 0 for one in pairs)
    assert f"Of {len(pairs)} models" in batching.sentence(pairs)
