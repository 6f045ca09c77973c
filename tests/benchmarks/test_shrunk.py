"""What the page on int8 and pruning says follows from its figures."""

import json
from dataclasses import replace

import pytest

import shrunk
import shrunk_page as page
from shrunk_study import BASE, Arm, Kept, Result, Study, kept
from stopwatt.analyse.estimate import Estimate
from stopwatt.records import Precision
from stopwatt.stats.ratios import Ratio, Verdict

NO_METER = "no meter of this machine"


def estimate(metric, unit="1", value=None, half=0.0, why=""):
    """An estimate with an interval of that half-width; without one if it is 0."""
    bounds = (value - half, value + half) if half else (None, None)
    return Estimate(metric, unit, value, *bounds, why=why)


def ratio(value, verdict=Verdict.FASTER):
    return Ratio(value, 0.99 * value, 1.01 * value, verdict, 3)


def result(arm, times=1.0, loss=0.0, half=0.004, megabytes=300.0, **others):
    """What came of an arm that is so many times as fast as everything else."""
    made = Result(
        arm,
        "",
        estimate("latency", "s", 0.01 / times, 1e-4),
        ratio(times),
        ratio(times),
        estimate("host_memory", "B", megabytes * 2**20, 2**20),
        10**6,
        estimate("accuracy", value=0.9 - loss, half=0.02),
        estimate("accuracy_loss", value=loss, half=half),
        estimate("deviation", value=0.01),
        estimate("energy_package", "J", why=NO_METER),
    )
    return replace(made, **others)


def studied(*results):
    reference = result(BASE, same=Ratio(), eager=Ratio(), loss=0.0, half=0.0)
    return Study("detector", "mAP", 250, 64, 200, 40.0, (reference, *results))


INT8 = Arm("openvino", Precision.INT8)
PRUNED, TRAINED = Arm("eager+prune:0.5"), Arm("eager", trained=True)


@pytest.mark.parametrize(
    ("value", "half", "said"),
    [
        (0.004, 0.006, Kept.YES),
        (-0.02, 0.005, Kept.YES),
        (0.004, 0.0061, Kept.UNDECIDED),
        (0.015, 0.005, Kept.UNDECIDED),
        (0.0151, 0.005, Kept.NO),
        (0.0, 0.0, Kept.YES),
        (0.02, 0.0, Kept.NO),
        (None, 0.0, Kept.UNKNOWN),
    ],
)
def test_accuracy_is_kept_only_where_the_whole_interval_of_the_loss_is_within_the_limit(value, half, said):
    assert kept(estimate("accuracy_loss", value=value, half=half)) is said


def test_each_setup_is_told_under_what_becomes_of_its_accuracy():
    arms = (result(INT8), result(PRUNED, loss=0.3), result(TRAINED, loss=0.01))
    text = page._of_accuracy(studied(*arms))
    assert "Within 0.01 of it with their whole interval: openvino int8." in text
    assert "Not decided by 250 samples: eager fp32 (prune:0.5, trained on) (" in text
    assert "More than 0.01 is lost by: eager fp32 (prune:0.5) (" in text


def test_what_loses_its_accuracy_is_never_called_the_fastest():
    slower, faster = result(INT8, 1.5), result(PRUNED, 9.0, loss=0.3)
    assert "the fastest is openvino int8: 1.50" in page._of_best(studied(slower, faster))


def test_where_nothing_but_the_reference_keeps_its_accuracy_it_alone_is_named():
    text = page._of_best(studied(result(PRUNED, 9.0, loss=0.3)))
    assert "prune" not in text
    assert "the least memory is that of eager fp32" in text


def test_a_setup_that_is_slower_is_not_told_as_a_gain():
    slow = result(INT8, same=ratio(0.8, Verdict.SLOWER))
    assert ", slower, loses" in page._gain(slow)
    assert ", slower" not in page._gain(result(INT8, 1.3))


def test_the_page_shows_what_was_refused_and_why_there_is_no_energy(tmp_path):
    refused = result(Arm("eager", Precision.INT8), refused="nothing to quantise")
    studies = [studied(result(INT8, 1.5), result(PRUNED, loss=0.3), result(TRAINED), refused)]
    page.page_of(studies, rounds=3, size="640x360", seed=1).write(tmp_path)
    text = (tmp_path / "shrunk.md").read_text()
    assert "Not to be had: eager int8 (nothing to quantise)." in text
    assert f"Energy: unavailable ({NO_METER})." in text
    assert "after 200 steps of training" in text
    head, rule, *rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in (head, rule, *rows)} == {head.count("|")}
    setups = json.loads((tmp_path / "shrunk.json").read_text())["data"]["models"][0]["setups"]
    assert [(one["backend"], one["kept"]) for one in setups[:3]] == [
        ("eager", "yes"),
        ("openvino", "yes"),
        ("eager", "no"),
    ]


@pytest.mark.long
def test_a_small_study_runs_from_end_to_end(tmp_path, monkeypatch):
    for name, place in {"BUILD": tmp_path, "DRAWN": tmp_path / "shrunk"}.items():
        monkeypatch.setattr(shrunk, name, place)
    rules = replace(shrunk.RULES, trials=30, trial_seconds=0.1, warmup=replace(shrunk.RULES.warmup, cap_seconds=0.5))
    small = shrunk.Scale(40, "320x180", 0.5, 16, 0.5, (2, 2), (4, 8), (12, 24), rules)
    shrunk.main(tmp_path, small, (BASE, Arm("onnxruntime"), Arm("onnxruntime", Precision.INT8), PRUNED, TRAINED))
    models = json.loads((tmp_path / "shrunk.json").read_text())["data"]["models"]
    assert [one["model"] for one in models] == ["detector", "classifier"]
    for model in models:
        assert [one["refused"] for one in model["setups"]] == [None] * 5
        whole, _, quantised, pruned, trained = (one["weight_bytes"] for one in model["setups"])
        assert quantised < whole
        assert pruned == trained < whole
