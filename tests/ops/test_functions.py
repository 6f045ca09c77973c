"""`stopwatt.ops` as a library: its functions, what they return, and how they fail."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planted_store import Planted, linear, relu
from table_files import package

import stopwatt
from stopwatt.errors import UsageError

US = 1e-6


@pytest.fixture
def planted(tmp_path):
    return Planted(tmp_path / "results.db")


def test_importing_the_functions_imports_no_runtime():
    code = (
        "import sys, stopwatt\n"
        "for name in stopwatt.ops.__all__: getattr(stopwatt.ops, name)\n"
        "stopwatt.predict\n"
        "print(sorted({'torch', 'sklearn', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_functions_stay_functions_whatever_is_imported():
    code = (
        "import importlib, pkgutil, stopwatt, stopwatt.ops\n"
        "for found in pkgutil.iter_modules(stopwatt.ops.__path__):\n"
        "    importlib.import_module(f'stopwatt.ops.{found.name}')\n"
        "print(all(callable(getattr(stopwatt.ops, name)) for name in stopwatt.ops.__all__), callable(stopwatt.predict))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


def test_a_name_that_is_no_function_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'mesure'"):
        _ = stopwatt.ops.mesure


@pytest.mark.long
def test_a_model_is_captured_measured_and_explained_from_python(tmp_path, capsys):
    where = {"params": {"hidden": 16}, "threads": 1}
    store = str(tmp_path / "results.db")
    (capture,) = taken = stopwatt.ops.capture("mlp", **where, out=tmp_path, store=store)
    (file,) = taken.files
    measured = stopwatt.ops.measure(file, modes="reuse", threads=1, store=store)
    assert {one.operator for one in measured.found.replays} <= {one.key for one in capture.operators}
    assert measured.document()["changes"] == []
    found = stopwatt.ops.explain("mlp", **where, mode="reuse", budget_s=0.0, allow=True, store=store)
    assert found.explanation.sum_s > 0
    for result in (taken, measured, found):
        result.table()
        assert json.loads(result.to_json()) == json.loads(json.dumps(result.document()))
    assert "plain sum" in capsys.readouterr().out


def test_a_plan_is_a_list_of_operators_and_a_file(planted, tmp_path, capsys):
    planted.captured("mlp", [linear(8, 64), relu(8, 64)])
    found = stopwatt.ops.plan("mlp", threads=1, count=3, out=tmp_path / "plan.yaml", store=planted.path)
    assert [one.operator.key for one in found] == [one["operator"] for one in found.document()["operators"]]
    assert (tmp_path / "plan.yaml").is_file()
    found.table()
    assert "stopwatt ops measure" in capsys.readouterr().out


def test_tables_go_in_and_out(tmp_path, capsys):
    store = str(tmp_path / "results.db")
    brought = stopwatt.ops.import_(package(tmp_path), store=store)
    written = stopwatt.ops.export(tmp_path / "out.json", families="gemm", store=store)
    assert 0 < written.document()["rows"] <= brought.document()["rows"]
    brought.table()
    written.table()
    assert "out.json" in "".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        (lambda: stopwatt.ops.capture(["mlp"]), "a workload cannot be"),
        (lambda: stopwatt.ops.capture("mlp", params=["hidden"]), "params cannot be"),
        (lambda: stopwatt.ops.capture("mlp", timeout_s="1min"), "timeout_s"),
        (lambda: stopwatt.ops.measure("mlp", modes="warm"), "unknown memory mode 'warm'"),
        (lambda: stopwatt.ops.measure("mlp", budget_s=0), "the budget is not above 0"),
        (lambda: stopwatt.ops.measure("mlp", energy="much"), "energy cannot be"),
        (lambda: stopwatt.ops.explain("mlp", until="90%"), "until"),
        (lambda: stopwatt.ops.explain("mlp", by="colour"), "by cannot be"),
        (lambda: stopwatt.ops.explain("mlp", batch=[1, 2]), "batch cannot be"),
        (lambda: stopwatt.ops.fit("gem"), "there is no family 'gem'"),
        (lambda: stopwatt.ops.plan("mlp", budget_s="1h"), "budget_s"),
        (lambda: stopwatt.ops.plan("mlp", precision="fp31"), "unknown precision 'fp31'"),
        (lambda: stopwatt.ops.import_(3), "what cannot be 3"),
        (lambda: stopwatt.ops.export("out.json", families="gem"), "there is no family 'gem'"),
        (lambda: stopwatt.predict("mlp", batch="one"), "batch"),
        (lambda: stopwatt.predict("mlp", within="10%"), "within"),
        (lambda: stopwatt.predict(["mlp"]), "workload cannot be"),
    ],
)
def test_what_cannot_be_is_a_usage_error_that_says_what_to_do(tmp_path, monkeypatch, call, wrong):
    monkeypatch.setenv("STOPWATT_STORE", str(tmp_path / "results.db"))
    with pytest.raises(UsageError, match=wrong) as refused:
        call()
    assert refused.value.now
