"""What the page of the ladders says of claims, and of a ladder that was cut off."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tuning"))

from planted_setups import Machine

import ladders
from stopwatt.records import Setup
from stopwatt.stats.ratios import Ratio

ONNX = next(one for one in ladders.CLAIMS if one.backend == "onnxruntime")
DYNAMO = next(one for one in ladders.CLAIMS if one.backend == "compile")


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.9, 3.2, "holds"),
        (3.4, 4.0, "more"),
        (1.0, 1.7, "less"),
        (1.5, 2.5, "not decided"),
        (2.9, 3.5, "not decided"),
    ],
)
def test_a_claim_holds_where_the_whole_interval_lies_within_it(low, high, verdict):
    assert ladders._verdict(ONNX, {8: Ratio((low + high) / 2, low, high)}, "") == f"{verdict} at batch 8"


def test_the_batch_of_the_largest_speed_up_stands_beside_the_claimed_one():
    told = ladders._verdict(DYNAMO, {1: Ratio(1.2, 1.1, 1.3), 8: Ratio(2.5, 2.4, 2.6)}, "")
    assert told == "less at batch 1; holds at batch 8; largest at 8, claimed at 1"


def test_what_could_not_be_measured_is_no_verdict():
    assert ladders._verdict(ONNX, {}, "no such provider") == "not tested here: no such provider"
    assert ladders._verdict(ONNX, {1: Ratio(2.5)}, "") == "not decided at batch 1"


def test_of_a_ladder_that_was_cut_off_each_setup_stands_by_itself():
    planted = Machine([4e-3, 2e-3, 1e-3], np.random.default_rng(0))
    labels = ("eager:grad", "eager", "compile")
    cells = [replace(cell, setup=Setup.of_label(label)) for cell, label in zip(planted.cells, labels, strict=True)]
    planted.cells = tuple(cells)
    asked = next(one for one in ladders.GPU if one.workload == "lstm")
    rounds = [planted.measure(cell, number) for number in range(3) for cell in cells]
    title, _, lines = ladders._cut_off_table(asked, rounds)
    assert title == "lstm, batch 1: cut off, no step was judged"
    assert [line[:2] for line in lines] == [("eager:grad fp32", "3"), ("eager fp32", "3"), ("compile fp32", "3")]
    assert lines[0][3] == "-"
    assert [float(line[3].split()[0]) for line in lines[1:]] == pytest.approx([2, 4], rel=0.2)
    alone = [one for one in rounds if one.cell.setup.backend_label != "eager:grad"]
    assert {line[3] for line in ladders._cut_off_table(asked, alone)[2]} == {"-"}
