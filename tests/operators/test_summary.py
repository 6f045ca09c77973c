"""What a person made of a summary: operators left out, other counts, and what cannot be."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.errors import UsageError
from stopwatt.operators.capture import Capture, Module
from stopwatt.operators.operator import Operator, Tensor
from stopwatt.operators.summary import Entry, Summary, counts_of, edited, said_of
from stopwatt.records import Setup, Workload

RELU = Operator("aten.relu.default", (Tensor((2, 3), strides=(3, 1)),), ({"tensor": 0},))
ADD = Operator("aten.add.Tensor", (Tensor((2, 3), strides=(3, 1)),), ({"tensor": 0}, 1))
CAPTURE = Capture(
    Workload("mlp", {"hidden": 4}),
    Setup(),
    (RELU, ADD),
    np.array([0, 1, 0]),
    np.zeros(3, dtype=np.int64),
    np.zeros(0),
    (Module("", "Mlp", leaf=False),),
)


def summary(*entries: Entry) -> Summary:
    return Summary(CAPTURE.workload, CAPTURE.setup, entries, "mlp.yaml")


def test_calls_are_counted_by_operator():
    assert counts_of(CAPTURE) == [2, 1]


def test_an_unedited_summary_changes_nothing():
    found = edited(summary(Entry(RELU.key, 2), Entry(ADD.key, 1)), CAPTURE)
    assert (found.operators, found.counts, found.changes) == ((RELU, ADD), (2, 1), ())


@pytest.mark.parametrize("entries", [(Entry(RELU.key, 2),), (Entry(RELU.key, 2), Entry(ADD.key, 1, skip=True))])
def test_operators_that_were_taken_out_or_skipped_are_left_out_and_said(entries):
    found = edited(summary(*entries), CAPTURE)
    assert found.operators == (RELU,)
    assert found.changes == ("1 of 2 operators (1 calls) are left out",)


def test_another_count_is_kept_and_said():
    found = edited(summary(Entry(RELU.key, 5, where="mlp.yaml, line 9"), Entry(ADD.key, 1)), CAPTURE)
    assert found.counts == (5, 1)
    assert found.changes == ("mlp.yaml, line 9: counted 5 times, captured 2 times",)


def test_an_operator_that_the_capture_does_not_have_is_refused_with_its_line():
    with pytest.raises(UsageError, match="has the key 'abc'") as refusal:
        edited(summary(replace(Entry("abc", 1), where="mlp.yaml, line 7")), CAPTURE)
    assert refusal.value.when == "mlp.yaml, line 7"


def said(entry: Entry, **changed: str) -> Entry:
    (operator,) = (one for one in (RELU, ADD) if one.key == entry.key)
    return replace(entry, said=said_of(operator) | changed, where="mlp.yaml, line 7")


def test_what_a_line_says_beside_the_key_is_that_of_the_operator():
    assert said_of(RELU) == {"name": "aten.relu.default", "shapes": "2x3", "dtypes": "float32"}
    assert edited(summary(said(Entry(RELU.key, 2)), said(Entry(ADD.key, 1))), CAPTURE).changes == ()


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"name": "aten.rleu.default"}, "name is 'aten.rleu.default', and the operator .* has 'aten.relu.default'"),
        ({"shapes": "2x4"}, "shapes is '2x4', and the operator .* has '2x3'"),
        ({"dtypes": "float16"}, "dtypes is 'float16', and the operator .* has 'float32'"),
    ],
)
def test_an_operator_cannot_be_changed_into_another_and_the_nearest_is_named(changed, complaint):
    with pytest.raises(UsageError, match=complaint) as refusal:
        edited(summary(said(Entry(RELU.key, 2), **changed)), CAPTURE)
    assert refusal.value.when == "mlp.yaml, line 7"
    assert f"the nearest is aten.relu.default 2x3 float32, key {RELU.key}" in refusal.value.now


def test_of_an_unknown_key_the_nearest_operator_is_named():
    wrong = replace(said(Entry(ADD.key, 1)), key="abc")
    with pytest.raises(UsageError, match="has the key 'abc'") as refusal:
        edited(summary(wrong), CAPTURE)
    assert f"aten.add.Tensor 2x3 float32, key {ADD.key}" in refusal.value.now


def test_no_calls_of_an_operator_are_the_same_as_none():
    assert edited(summary(Entry(RELU.key, 0), Entry(ADD.key, 1)), CAPTURE).operators == (ADD,)
