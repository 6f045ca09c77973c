"""A ladder keeps what helps, names what does not, and says what overlaps."""

import math
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planted_climb import chosen, climb_of, climbed, measured

from stopwatt.climbing.rungs import conclude
from stopwatt.climbing.steps import base_of, named, setup_of, steps_for, why_not
from stopwatt.errors import UsageError
from stopwatt.stats.ratios import Verdict


def gain(ladder, name):
    return next(one for one in ladder.gains if one.step.name == name)


def test_each_step_has_its_own_gain_and_the_gain_on_top():
    ladder = climbed(("inference-mode", "threads:2"))
    assert gain(ladder, "inference-mode").alone.value == pytest.approx(1.25, rel=0.05)
    assert gain(ladder, "threads:2").alone.value == pytest.approx(1.8, rel=0.05)
    assert gain(ladder, "threads:2").on_top.value == pytest.approx(1.8, rel=0.05)
    assert ladder.whole.value == pytest.approx(1.25 * 1.8, rel=0.05)
    assert gain(ladder, "threads:2").so_far.value == pytest.approx(ladder.whole.value)


def test_what_is_slower_on_top_of_the_others_is_not_kept():
    ladder = climbed(("inference-mode", "bf16", "threads:2"))
    lost = gain(ladder, "bf16")
    assert not lost.kept
    assert lost.why_not == "slower than without it"
    assert lost.on_top.verdict is Verdict.SLOWER
    assert str(ladder.end.cell.setup.precision) == "fp32"


def test_the_better_runtime_takes_the_place_of_the_other():
    ladder = climbed(("inference-mode", "compile", "onnxruntime"))
    assert ladder.end.cell.setup.backend == "onnxruntime"
    assert not gain(ladder, "compile").kept
    assert gain(ladder, "compile").why_not == "onnxruntime took its place"


def test_the_worse_runtime_does_not():
    ladder = climbed(("inference-mode", "onnxruntime", "compile"))
    assert ladder.end.cell.setup.backend == "onnxruntime"
    assert gain(ladder, "compile").why_not == "slower than without it"


def test_a_runtime_that_lacks_the_precision_is_tried_in_fp32():
    """ONNX Runtime has no bf16 on a CPU: it is tried without, and is the faster one here."""
    ladder = climbed(("inference-mode", "compile", "bf16", "onnxruntime"))
    assert why_not(base_of(1, "cpu"), chosen(("bf16", "onnxruntime")))
    assert ladder.end.cell.setup.backend == "onnxruntime"
    assert str(ladder.end.cell.setup.precision) == "fp32"


def test_a_runtime_that_cannot_take_a_technique_is_tried_without_it():
    """A layout is PyTorch's own; ONNX Runtime is the faster one here without it."""
    ladder = climbed(("inference-mode", "channels-last", "onnxruntime"))
    assert ladder.end.cell.setup.backend == "onnxruntime"
    assert ladder.end.cell.setup.techniques == ()
    assert gain(ladder, "channels-last").why_not == "onnxruntime took its place"


def test_what_only_seems_slower_is_not_kept_either():
    ladder = climbed(("inference-mode", "channels-last"), gains={"channels-last": 0.8}, noise=0.2, seed=1)
    lost = gain(ladder, "channels-last")
    assert lost.on_top.verdict is Verdict.INCONCLUSIVE
    assert lost.why_not == "seems slower than without it, which is not shown"


def test_a_setup_that_is_faster_than_the_end_is_named():
    """bf16 is slower in eager, so that it is dropped before a compiler is tried, with which it would have helped."""
    ladder = climbed(("inference-mode", "bf16", "compile"))
    assert ladder.end.cell.setup.label == "compile fp32 batch 1 cpu"
    assert ladder.rival.row.cell.setup.label == "compile bf16 batch 1 cpu"
    assert ladder.rival.ahead.value == pytest.approx(1.3, rel=0.05)
    assert ladder.rival.whole.value == pytest.approx(1.25 * 1.5 * 1.3, rel=0.05)


def test_an_end_that_is_the_fastest_has_no_rival():
    assert climbed(("inference-mode", "threads:2")).rival is None
    assert climbed(("inference-mode", "onnxruntime", "compile")).rival is None


def test_fused_attention_is_a_step_where_the_base_has_it_in_parts():
    base = base_of(1, "cpu", "eager:grad+attention:unfused")
    (step,) = named(["attention:fused"], steps_for(base, 2))
    assert setup_of(base, (step,)).techniques == ()


def test_pruning_is_a_step_where_labelled_data_say_what_it_loses():
    names = [[one.name for one in steps_for(base_of(1, "cpu"), 2, labelled=known)] for known in (False, True)]
    assert "prune:0.5" not in names[0]
    assert "prune:0.5" in names[1]


def test_a_step_that_fails_is_named_and_the_ladder_goes_on():
    ladder = climbed(("inference-mode", "channels-last", "threads:2"), fails=["channels-last"])
    assert gain(ladder, "channels-last").why_not == "it cannot be done"
    assert gain(ladder, "threads:2").kept
    assert ladder.end.cell.setup.techniques == ()


def test_shares_add_up_to_the_whole():
    ladder = climbed()
    shares = [one.share.mean for one in ladder.gains if one.share is not None]
    assert len(shares) == sum(one.kept for one in ladder.gains)
    assert sum(shares) == pytest.approx(math.log(ladder.whole.value), rel=0.05)


def test_a_gain_that_needs_another_step_shows_in_its_share():
    """int8 is slower in eager and 2.5 times faster on ONNX Runtime."""
    found = gain(climbed(("onnxruntime", "int8")), "int8")
    assert found.least.ratio.value == pytest.approx(0.5, rel=0.05)
    assert found.least.on == ()
    assert found.most.ratio.value == pytest.approx(2.5, rel=0.05)
    assert [step.name for step in found.most.on] == ["onnxruntime"]
    assert found.overlaps


def test_gains_that_multiply_are_not_said_to_overlap():
    ladder = climbed(("inference-mode", "channels-last", "threads:2"))
    assert [one.step.name for one in ladder.gains if one.overlaps] == []


def test_a_climb_that_was_cut_off_goes_on_to_the_same_end():
    climb = climb_of()
    found = measured(climb)
    whole = conclude(climb, found)
    for cut in range(1, len(found), 5):
        again = conclude(climb, measured(climb, found=found[:cut]))
        assert [one.step.name for one in again.gains if one.kept] == [one.step.name for one in whole.gains if one.kept]
        assert again.whole == whole.whole


def test_the_base_is_a_careless_script():
    base = base_of(4, "cpu")
    assert (base.backend_label, base.threads, str(base.precision), base.batch) == ("eager:grad", 1, "fp32", 4)
    assert setup_of(base, chosen(("inference-mode",))).variant == ""
    assert setup_of(base, chosen(("openvino",))).variant == ""


def test_any_technique_can_be_a_step_and_unknown_ones_are_refused():
    assert chosen(("prune:0.5",))[0].technique == "prune:0.5"
    with pytest.raises(UsageError, match="unknown step"):
        chosen(("warp-drive",))


def test_a_technique_takes_the_place_of_the_same_one_with_another_argument():
    base = base_of(1, "cpu", "eager:grad+attention:unfused")
    assert setup_of(base, named(["no-dropout", "attention:fused"], ())).techniques == ("no-dropout", "attention:fused")


def test_any_number_of_threads_is_a_step():
    (step,) = named(["threads:3"], steps_for(base_of(1, "cpu"), 2))
    assert setup_of(base_of(1, "cpu"), (step,)).threads == 3


def test_on_one_core_no_step_adds_threads():
    assert all(not one.name.startswith("threads") for one in steps_for(base_of(1, "cpu"), 1))
