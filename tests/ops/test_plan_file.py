"""Plans as files: they come back as they were, may be edited, and what is wrong in them is named with its line."""

import json
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from planted_store import Planted, linear, relu

from stopwatt.errors import UsageError
from stopwatt.operators.formulas import work_of
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Place
from stopwatt.ops import plan
from stopwatt.ops.plan_file import is_plan, read_plan, write_plan
from stopwatt.ops.selection import select
from stopwatt.predicting.candidates import Why
from stopwatt.records import Precision
from stopwatt.store import open_store


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    found = Planted(tmp_path_factory.mktemp("store") / "s.db")
    found.captured("mlp", [linear(8, 64), linear(8, 256), relu(8, 64)])
    return found


@pytest.fixture(scope="module")
def made(planted):
    """Captured operators, neighbours and points between."""
    found = plan(threads=1, store=planted.path, budget_s=120.0).plan
    assert {Why.CAPTURED, Why.NEIGHBOUR, Why.SPACE} <= {one.why for one in found.planned}
    return found


@pytest.fixture
def text(made, tmp_path):
    """The YAML of the plan."""
    write_plan(made, tmp_path / "written.yaml")
    return (tmp_path / "written.yaml").read_text()


def read(planted, path):
    with open_store(planted.path) as store:
        return read_plan(path, store)


def refused(planted, path):
    with pytest.raises(UsageError) as found:
        read(planted, path)
    assert found.value.what
    assert path.name in found.value.when or path.name in found.value.what
    assert found.value.now
    return found.value


@pytest.mark.parametrize("name", ["plan.yaml", "plan.yml", "plan.json"])
def test_a_plan_comes_back_from_its_file(planted, made, tmp_path, name):
    write_plan(made, tmp_path / name)
    assert is_plan(str(tmp_path / name))
    found = read(planted, tmp_path / name)
    assert [one.key for one in found.operators] == [one.operator.key for one in made.planned]
    assert (found.hardware, found.device, found.budget_s) == (made.hardware, "cpu", 120.0)
    assert found.precision is Precision.FP32


def test_every_line_of_yaml_says_why_and_what_was_expected(text, made):
    rows = yaml.safe_load(text)["operators"]
    assert [row["why"] for row in rows] == [str(one.why) for one in made.planned]
    captured = next(row for row in rows if row["why"] == "captured")
    assert captured["shapes"]
    beside = next(row for row in rows if row["why"] == "neighbour")
    assert beside["family"] in {"gemm", "elementwise"}
    assert text.startswith("# Operators that are worth measuring next")


def test_a_person_may_change_sizes_and_the_order_and_take_lines_out(planted, tmp_path):
    path = tmp_path / "plan.yaml"
    about = {"plan": 1, "hardware": "here", "device": "cpu", "precision": "fp32", "budget": "10min"}
    mine = {"family": "gemm", "kind": "linear", "dtype": "bfloat16", "m": 77, "n": 5, "k": 9, "batch": 1}
    path.write_text(yaml.safe_dump(about | {"operators": [mine, {"key": relu(8, 64).key}]}))
    found = read(planted, path)
    assert found.budget_s == 600.0
    assert [work_of(one).kind for one in found.operators] == ["linear", "relu"]
    assert work_of(found.operators[0]).dims == {"m": 77.0, "n": 5.0, "k": 9.0, "batch": 1.0}


@pytest.mark.parametrize(
    ("before", "after", "what", "part"),
    [
        ("plan: 1", "plan: 2", "version 2", "plan"),
        ("plan: 1\n", "plain: 1\n", "no plan", ""),
        ("budget: 2 min", "budget: soon", "soon", "budget"),
        ("budget: 2 min", "budget: 0 s", "not above 0", "budget"),
        ("precision: fp32", "precision: int8", "int8", "precision"),
        ("family: gemm", "family: gem", "gem", "operators"),
        ("kind: linear", "kind: lineal", "lineal", "operators"),
        ("batch: 1}", "batch: 3}", "no batch", "operators"),
        ("batch: 1}", "batch: many}", "no number", "operators"),
        ("batch: 1}", "bunch: 1}", "batch is missing", "operators"),
        (f"key: {relu(8, 64).key}", "key: 00ff", "00ff", "operators"),
        ("hardware: ", "software: ", "hardware is missing", "hardware"),
        ("operators:\n", "operations:\n", "operators are missing", "operators"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(planted, text, tmp_path, before, after, what, part):  # noqa: PLR0917  (one case)
    text = text.replace("budget: 120 s", "budget: 2 min")
    assert before in text
    place = text.index(before)
    path = tmp_path / "plan.yaml"
    path.write_text(text[:place] + after + text[place + len(before) :])
    error = refused(planted, path)
    assert what in error.what
    if part == "operators" and "missing" not in what:
        assert f"line {text[:place].count(chr(10)) + 1}" in error.when


@pytest.mark.parametrize("content", ["", "[]", "text", "plan: [1", "a: 1\na: 2\n", "plan: 1\noperators: 3\n"])
def test_yaml_that_is_no_plan_is_refused(planted, tmp_path, content):
    path = tmp_path / "plan.yaml"
    path.write_text(content)
    assert refused(planted, path).now


@pytest.mark.parametrize(
    "content", ["", "[]", "null", '{"plan": 1}', '{"plan": 2, "operators": []}', '{"plan": 1, "operators": [', "\xff"]
)
def test_json_that_is_no_plan_is_refused(planted, tmp_path, content):
    path = tmp_path / "plan.json"
    path.write_bytes(content.encode("latin1"))
    assert refused(planted, path).now


def test_json_whose_operators_were_changed_is_refused_with_their_number(planted, made, tmp_path):
    path = tmp_path / "plan.json"
    write_plan(made, path)
    document = json.loads(path.read_text())
    for change, what in (
        (lambda row: row["operator"].update(name="aten.mm.default"), "not the one that its key says"),
        (lambda row: row["operator"].update(tensors="none"), "damaged"),
        (lambda row: row.pop("operator"), "missing"),
    ):
        changed = json.loads(json.dumps(document))
        change(changed["operators"][1])
        path.write_text(json.dumps(changed))
        error = refused(planted, path)
        assert what in error.what
        assert "operator 2 of" in error.when


def test_a_file_that_is_not_there_or_of_another_kind_is_refused(planted, made, tmp_path):
    refused(planted, tmp_path / "gone.json")
    refused(planted, tmp_path / "gone.yaml")
    with pytest.raises(UsageError, match="no name of a plan"):
        write_plan(made, tmp_path / "plan.txt")


def test_a_plan_that_is_there_is_replaced_only_where_that_was_asked_for(made, tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        write_plan(made, path)
    assert path.read_text() == "mine"
    write_plan(made, path, overwrite=True)
    assert path.read_text() != "mine"


def test_a_plan_for_another_place_is_not_measured_here(planted, made, tmp_path):
    write_plan(made, tmp_path / "plan.json")
    elsewhere = Place("cuda", "NVIDIA H200", "machine", 1)
    with open_store(planted.path) as store, pytest.raises(UsageError, match="this plan is for") as found:
        select(store, [str(tmp_path / "plan.json")], elsewhere)
    assert "stopwatt ops plan --device cuda" in found.value.now


def test_names_that_mean_no_plans_are_left_to_others(tmp_path):
    (tmp_path / "summary.yaml").write_text("workload: mlp\n")
    assert not is_plan(str(tmp_path / "summary.yaml"))
    assert not is_plan("mlp")
    assert not is_plan(str(tmp_path / "gone.yaml"))


def test_an_empty_plan_says_so_when_it_is_to_be_measured(planted, made, tmp_path):
    path = tmp_path / "plan.yaml"
    about = {"plan": 1, "hardware": made.hardware, "device": "cpu", "precision": "fp32", "budget": "10min"}
    path.write_text(yaml.safe_dump(about | {"operators": []}))
    with open_store(planted.path) as store, pytest.raises(UsageError, match="no operators"):
        select(store, [str(path)], planted.place)


def test_every_operator_of_a_plan_is_complete(made):
    assert all(isinstance(one.operator, Operator) and one.operator.tensors for one in made.planned)
