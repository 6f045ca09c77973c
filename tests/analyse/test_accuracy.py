"""Accuracy and what is lost of it, from what rounds keep of labelled samples."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.analyse.summary import summarise
from stopwatt.metrics import ACCURACY, ACCURACY_LOSS, ANSWERS
from stopwatt.records import (
    Cell,
    Labelled,
    Measured,
    Measurement,
    Precision,
    Protocol,
    Samples,
    Setup,
    Status,
    Unavailable,
    Workload,
)
from stopwatt.stats.proportions import paired_loss, wilson

JUDGED = Protocol(accuracy=Labelled("d", "", "digest", 100))
RIGHT = np.repeat([1, 0], [90, 10])
WORSE = np.repeat([1, 0, 1, 0], [80, 10, 2, 8])


def measured(answers, *, metric="top-1", accuracy=None, rules=JUDGED, samples=100, **setup):
    """Two rounds of a cell, the first of which judged labelled samples."""
    cell = Cell(Workload("planted"), Setup(**setup), rules)
    latency = {"latency": Samples(np.full(60, 1000), "ns")}
    plain = [Measurement(cell, number, Status.OK, samples=latency) for number in range(2)]
    value = float(answers.mean()) if accuracy is None else accuracy
    first = replace(
        plain[0],
        samples={**latency, ANSWERS: Samples(answers, "1")},
        readings={ACCURACY: Measured(value, "1")},
        facts={"accuracy.metric": metric, "accuracy.samples": samples},
    )
    return [first, plain[1]]


def test_the_share_that_is_right_has_wilson_s_interval():
    (row,) = summarise(measured(RIGHT))
    found = row.estimates[ACCURACY]
    assert (found.value, found.n) == (0.9, 100)
    assert (found.low, found.high) == wilson(90, 100)
    assert found.method == "top-1 of 100 labelled samples, Wilson's interval"


def test_what_is_lost_against_fp32_eager_is_paired_by_sample_whatever_the_batch():
    rounds = [*measured(RIGHT, batch=8), *measured(WORSE, backend="onnxruntime", precision=Precision.INT8)]
    base, other = summarise(rounds)
    lost = other.estimates[ACCURACY_LOSS]
    assert (lost.value, lost.low, lost.high) == paired_loss(RIGHT, WORSE)
    assert base.estimates[ACCURACY_LOSS].value == 0
    assert base.estimates[ACCURACY_LOSS].low is None


def test_without_fp32_eager_on_the_same_samples_nothing_is_said_to_be_lost():
    elsewhere = replace(JUDGED, accuracy=Labelled("d", "", "other", 100))
    pruned = measured(RIGHT, techniques=("prune:0.5",))
    rounds = [*measured(WORSE, backend="onnxruntime"), *measured(RIGHT, rules=elsewhere), *pruned]
    for row in summarise(rounds)[::2]:
        assert row.estimates[ACCURACY_LOSS].value is None
        assert "no fp32 eager row" in row.estimates[ACCURACY_LOSS].why


def test_average_precision_has_the_interval_of_resamples_and_loses_by_the_same_ones():
    draws = np.random.default_rng(0).normal(0, 0.01, 200)
    about = {"metric": "mAP@[.50:.95]", "samples": 40}
    better = measured(0.8 + draws, accuracy=0.8, **about)
    worse = measured(0.79 + draws * 0.9, accuracy=0.79, backend="openvino", **about)
    base, other = summarise([*better, *worse])
    assert base.estimates[ACCURACY].low == pytest.approx(np.quantile(0.8 + draws, 0.025))
    lost = other.estimates[ACCURACY_LOSS]
    assert lost.value == pytest.approx(0.01)
    assert lost.high - lost.low < 0.2 * (base.estimates[ACCURACY].high - base.estimates[ACCURACY].low)


def test_equal_detections_have_no_interval_of_what_is_lost():
    draws = np.random.default_rng(0).normal(0.8, 0.01, 200)
    about = {"metric": "mAP@[.50:.95]", "samples": 40, "accuracy": 0.8}
    _, other = summarise([*measured(draws, **about), *measured(draws, backend="openvino", **about)])
    lost = other.estimates[ACCURACY_LOSS]
    assert (lost.value, lost.low, lost.high) == (0, None, None)
    assert "all resamples agree" in lost.why


def test_why_there_is_no_accuracy_is_said():
    asked, silent = measured(RIGHT), measured(RIGHT, rules=Protocol())
    refused = replace(asked[0], readings={ACCURACY: Unavailable("it would take an hour")}, samples=asked[1].samples)
    failed = replace(asked[0], status=Status.FAILED)
    whys = [summarise(rounds)[0].estimates[ACCURACY].why for rounds in ([refused], [failed, asked[1]], [silent[1]])]
    assert whys == [
        "it would take an hour",
        "the round that has the labelled samples gave no result",
        "not measured",
    ]
