"""What a person made of a summary: operators left out, other counts, and what cannot be."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.errors import UsageError
from stopwatt.operators.capture import Capture, Module
from stopwatt.operators.operator import Operator, Tensor
from stopwatt.operators.summary import Entry, Summary, counts_of, edited
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
