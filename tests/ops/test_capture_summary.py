"""Summary files: what is written comes back, and what a careless or hostile hand put in is refused with its line."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.errors import UsageError
from stopwatt.operators.capture import Capture, Module
from stopwatt.operators.operator import Operator, Tensor
from stopwatt.ops.summary import read_summary, selected, summary_text, write_summary
from stopwatt.records import Setup, Workload
from stopwatt.store import open_store
from stopwatt.workloads.params import check_params
from stopwatt.workloads.resolve import resolve

RELU = Operator("aten.relu.default", (Tensor((2, 3), strides=(3, 1)),), ({"tensor": 0},))
ODD = Operator("mine.odd.default", (), ("- &a [yes]",), obstacle="takes a sparse tensor")
CAPTURE = Capture(
    Workload("mlp", check_params(resolve("mlp"), {"hidden": 4})),
    Setup(threads=2),
    (RELU, ODD),
    np.array([0, 1, 0]),
    np.zeros(3, dtype=np.int64),
    np.zeros(0),
    (Module("", "Mlp", leaf=False),),
    facts={"inputs": "features float32 1x784"},
)


def read(tmp_path, text):
    path = tmp_path / "summary.yaml"
    path.write_text(text)
    return read_summary(path)


def test_what_was_written_comes_back(tmp_path):
    found = read_summary(write_summary(CAPTURE, tmp_path / "new", {RELU.key}))
    assert (found.workload, found.setup) == (CAPTURE.workload, CAPTURE.setup)
    assert [(one.key, one.count, one.skip) for one in found.entries] == [(RELU.key, 2, False), (ODD.key, 1, False)]


def test_a_person_finds_model_inputs_shapes_counts_and_what_is_processed(tmp_path):
    text = summary_text(CAPTURE, {RELU.key})
    assert "inputs: features float32 1x784" in text
    assert "{count: 2, name: aten.relu.default, shapes: 2x3, dtypes: float32, processed: true" in text
    assert "obstacle: takes a sparse tensor" in text


def test_variants_and_equal_names_have_files_of_their_own(tmp_path):
    other = replace(CAPTURE, setup=replace(CAPTURE.setup, threads=1))
    more = replace(CAPTURE, setup=replace(CAPTURE.setup, backend="compile", variant="max-autotune"))
    paths = {write_summary(one, tmp_path) for one in (CAPTURE, other, more)}
    assert len(paths) == 3
    assert read_summary(write_summary(more, tmp_path)).setup == more.setup
    assert all(path.parent == tmp_path for path in paths)


def test_an_operator_without_a_line_or_with_skip_is_left_out_by_those_who_ask(tmp_path):
    path = write_summary(CAPTURE, tmp_path)
    path.write_text(path.read_text().replace("name: mine.odd", "skip: true, name: mine.odd"))
    with open_store(str(tmp_path / "store.db")) as store:
        with pytest.raises(UsageError, match="was not captured into this store"):
            selected(path, store)
        store.operators.save_capture(CAPTURE)
        capture, edited = selected(path, store)
        assert (capture.operators, edited.operators) == ((RELU, ODD), (RELU,))


def test_a_summary_that_keeps_nothing_is_refused(tmp_path):
    path = write_summary(CAPTURE, tmp_path)
    path.write_text(path.read_text().replace("count: 1,", "count: 0,").replace("count: 2,", "skip: true, count: 2,"))
    with open_store(str(tmp_path / "store.db")) as store:
        store.operators.save_capture(CAPTURE)
        with pytest.raises(UsageError, match="every operator is left out"):
            selected(path, store)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("count: 2", "count: -2", "count cannot be '-2'"),
        ("count: 2", "count: 1.5", "count cannot be '1.5'"),
        ("count: 2", "count: many", "count cannot be 'many'"),
        ("count: 2, ", "", "count is missing"),
        (f"key: {ODD.key}", f"key: {RELU.key}", "is there twice"),
        (f", key: {ODD.key}", "", "key is missing"),
        ("count: 2", "skip: perhaps, count: 2", "skip cannot be 'perhaps'"),
        ("count: 2", "skpi: true, count: 2", "unknown key 'skpi'"),
        ("count: 2", "count: 2, count: 3", "is there twice"),
        ("count: 2", "count: !!python/object/apply:os.getcwd []", "is refused"),
        ("precision: fp32", "precision: fp31", "precision"),
        ("batch: 1", "batch: 0", "batch cannot be '0'"),
        ("hidden: 4", "hiden: 4", "hiden"),
        ("workload: mlp", "workload: mpl", "mpl"),
        ("setup:", "set-up:", "setup is missing"),
        ("operators:", "operations:", "operators is missing"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(tmp_path, old, new, complaint):
    text = summary_text(CAPTURE)
    assert old in text
    with pytest.raises(UsageError, match=complaint) as refusal:
        read(tmp_path, text.replace(old, new, 1))
    assert "line" in refusal.value.when
    assert refusal.value.now


def test_files_that_are_no_summary_are_refused(tmp_path):
    for text in ("", "just words", "- a\n- b", "a: [", "\x00"):
        with pytest.raises(UsageError):
            read(tmp_path, text)
    with pytest.raises(UsageError, match="cannot read"):
        read_summary(tmp_path / "absent.yaml")


def test_aliases_that_multiply_are_refused(tmp_path):
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(UsageError, match="values"):
        read(tmp_path, bomb)
