"""Whether a contract can hold, before anything runs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopwatt.serving.checks import flaw_of, misfit
from stopwatt.serving.contract import Contract, Decoding, Placement, Preprocess, Task
from stopwatt.serving.decoding import WrongOutputs, decoded

PRE = Preprocess(32, 48)
SOUND = Contract(Task.DETECT, PRE, Decoding.BOXES)


def test_a_plain_contract_of_each_task_has_no_flaw():
    for task, decoding in zip(Task, ("boxes", "logits", "vector", "arrays"), strict=True):
        assert flaw_of(Contract(task, PRE, Decoding(decoding))) is None
    assert flaw_of(replace(SOUND, decoding=Decoding.DETR, labels=("a", "b"), category_ids=(7, 9))) is None


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"decoding": Decoding.LOGITS}, "decoding"),
        ({"preprocess": replace(PRE, height=0)}, "preprocess.height"),
        ({"preprocess": replace(PRE, width=10**6)}, "preprocess.width"),
        ({"preprocess": replace(PRE, std=(0.2, 0.0, 0.2))}, "preprocess.std"),
        ({"preprocess": replace(PRE, std=(58.4, 57.1, 57.4))}, "preprocess.std"),
        ({"preprocess": replace(PRE, mean=(123.7, 116.3, 103.5))}, "preprocess.mean"),
        ({"preprocess": replace(PRE, padding=256)}, "preprocess.padding"),
        ({"threshold": 1.5}, "threshold"),
        ({"most": 0}, "most"),
        ({"labels": ("a",), "category_ids": (1, 2)}, "category_ids"),
        ({"category_ids": (3, 3)}, "category_ids"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_place(changes, path):
    flaw = flaw_of(replace(SOUND, **changes))
    assert ".".join(flaw.path) == path
    assert flaw.now


@pytest.mark.parametrize(
    ("decoding", "shapes", "said"),
    [
        ("boxes", [(1, 9, 4), (1, 9)], "2 outputs, not 3 (boxes, scores, classes)"),
        ("boxes", [(1, 9), (1, 9, 4), (1, 9)], "boxes are of shape [1, 9], not [?, ?, 4]"),
        ("boxes", [(1, 9, 5), (1, 9), (1, 9)], "boxes are of shape [1, 9, 5]"),
        ("boxes", [(None, 9, 4), (1, 8), None], "9 boxes, 8 scores"),
        ("detr", [(1, 9, 6), (1, 7, 4)], "9 logits, 7 boxes"),
        ("logits", [(1, 10)], "logits are of 10 classes, where 2 have names"),
        ("vector", [(1, 3, 8, 8)], "vector are of shape [1, 3, 8, 8]"),
    ],
)
def test_outputs_of_another_form_are_named(decoding, shapes, said):
    assert said in misfit(shapes, Contract(Task.RAW, PRE, Decoding(decoding), labels=("a", "b")))


def test_what_is_not_known_of_an_output_is_no_misfit():
    contract = Contract(Task.DETECT, PRE, Decoding.BOXES)
    assert misfit([(None, None, 4), None, (None, None)], contract) is None
    assert misfit([None], Contract(Task.RAW, PRE, Decoding.ARRAYS)) is None


shapes = st.lists(
    st.one_of(st.tuples(st.just(2), *[st.integers(1, 4)] * more) for more in (1, 2, 3)), min_size=1, max_size=3
)


@settings(max_examples=200, deadline=None)
@given(shapes, st.sampled_from([Decoding.BOXES, Decoding.DETR, Decoding.LOGITS, Decoding.VECTOR]))
def test_shapes_fit_exactly_where_outputs_of_these_shapes_can_be_read(found, decoding):
    contract = Contract(Task.RAW, PRE, decoding)
    try:
        decoded([np.zeros(shape) for shape in found], contract, [Placement(48, 32)] * 2)
        readable = True
    except WrongOutputs:
        readable = False
    assert (misfit(found, contract) is None) is readable
