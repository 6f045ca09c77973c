from dataclasses import replace

import pytest

from stopwatt.errors import UsageError
from stopwatt.records import Precision, Protocol
from stopwatt.sweeping.plan import Request, make_plan


def setups(plan):
    return [(cell.setup.backend_label, str(cell.setup.precision), cell.setup.batch) for cell in plan.cells]


def test_all_combinations_are_planned_once():
    plan = make_plan(Request(["mlp"], backends=["eager", "aoti", "eager"], precisions=["fp32", "bf16"], batches=[1, 2]))
    assert len(setups(plan)) == len(set(setups(plan))) == 8


def test_the_baseline_is_added_unless_it_is_there_or_not_wanted():
    asked = {"workloads": ["mlp"], "backends": ["onnxruntime"], "batches": [1, 2]}
    assert setups(make_plan(Request(**asked))) == [
        ("eager", "fp32", 1), ("onnxruntime", "fp32", 1), ("eager", "fp32", 2), ("onnxruntime", "fp32", 2),
    ]  # fmt: skip
    assert [name for name, _, _ in setups(make_plan(Request(**asked, baseline=False)))] == ["onnxruntime"] * 2


def test_auto_leaves_compilers_out_and_all_has_them():
    auto = {name for name, _, _ in setups(make_plan(Request(["mlp"])))}
    everything = {name for name, _, _ in setups(make_plan(Request(["mlp"], backends=["all"])))}
    assert "eager" in auto
    assert not auto & {"compile", "aoti"}
    assert {"compile", "aoti", "torchscript"} <= everything
    assert "cudagraph" not in everything, "it cannot run on a CPU at all"


def test_variants_are_setups_of_their_own():
    plan = make_plan(Request(["mlp"], backends=["compile", "compile:max-autotune"], baseline=False))
    assert [cell.setup.variant for cell in plan.cells] == ["", "max-autotune"]
    assert len({cell.key for cell in plan.cells}) == 2


def test_parameters_go_to_all_workloads_or_to_the_one_they_name():
    plan = make_plan(Request(["mlp", "lstm"], {"hidden": "32", "lstm.seq": "16"}, backends=["eager"]))
    params = {cell.workload.source: cell.workload.params for cell in plan.cells}
    assert params["mlp"]["hidden"] == params["lstm"]["hidden"] == 32
    assert params["lstm"]["seq"] == 16


@pytest.mark.parametrize("names", [("hidden", "lstm.hidden"), ("lstm.hidden", "hidden")])
def test_a_parameter_of_one_workload_wins_over_that_of_all_in_any_order(names):
    given = {name: "7" if name.startswith("lstm") else "32" for name in names}
    plan = make_plan(Request(["mlp", "lstm"], given, backends=["eager"]))
    assert {cell.workload.source: cell.workload.params["hidden"] for cell in plan.cells} == {"mlp": 32, "lstm": 7}


def test_a_parameter_must_mean_something_to_every_workload_it_goes_to():
    with pytest.raises(UsageError, match="seq"):
        make_plan(Request(["mlp", "lstm"], {"seq": "16"}))


def test_equal_requests_have_equal_plans_and_a_tag_makes_another():
    one, same = make_plan(Request(["mlp"])), make_plan(Request(["mlp"]))
    assert one.digest == same.digest
    assert make_plan(Request(["mlp"], tag="again")).digest != one.digest
    assert make_plan(Request(["mlp"], protocol=Protocol(rounds=9))).digest != one.digest


def test_absurdly_many_cells_are_refused():
    with pytest.raises(UsageError, match="too many"):
        make_plan(Request(["mlp"], batches=range(1, 20_000)))


def test_threads_default_to_the_cores_that_may_be_used():
    (cell,) = make_plan(Request(["mlp"], backends=["eager"])).cells
    assert cell.setup.threads >= 1
    assert cell.setup.precision is Precision.FP32


def test_code_from_outside_is_announced(tmp_path):
    file = tmp_path / "model.py"
    file.write_text("import torch\ndef make():\n    return torch.nn.Linear(4, 2), (torch.randn(1, 4),)\n")
    (text,) = make_plan(Request([f"{file}:make"], backends=["eager"])).announcements
    assert "not stopwatt's" in text
    assert make_plan(Request(["mlp"], backends=["eager"])).announcements == ()


def test_changed_code_is_another_cell(tmp_path):
    file = tmp_path / "model.py"
    source = "import torch\ndef make():\n    return torch.nn.Linear(4, 2), (torch.randn(1, 4),)\n"
    file.write_text(source)
    before = make_plan(Request([f"{file}:make"], backends=["eager"])).cells[0].key
    assert make_plan(Request([f"{file}:make"], backends=["eager"])).cells[0].key == before
    file.write_text(source.replace("4, 2", "4, 3"))
    assert make_plan(Request([f"{file}:make"], backends=["eager"])).cells[0].key != before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rounds", 0), ("trials", 0), ("input_sets", 0), ("seed", -1), ("seed", 2**63), ("tolerance", float("nan")),
        ("timeout_s", 1e200), ("timeout_s", float("nan")), ("timeout_s", 0.0), ("trial_seconds", -1.0),
        ("throughput_windows", 0),
    ],
)  # fmt: skip
def test_rules_that_no_round_could_follow_are_refused(name, value):
    with pytest.raises(UsageError, match=name):
        make_plan(Request(["mlp"], backends=["eager"], protocol=replace(Protocol(), **{name: value})))
