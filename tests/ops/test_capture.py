"""Captures from real workers: what models give, and what becomes of those that cannot be captured."""

import json

import pytest

from stopwatt.errors import UsageError
from stopwatt.measuring.job import Job, JobKind
from stopwatt.measuring.worker import perform
from stopwatt.ops.capturing import run_capture
from stopwatt.records import Status
from stopwatt.reporting.operators.capture import CaptureResult
from stopwatt.reporting.result import PartlyFailed
from stopwatt.store import open_store
from stopwatt.sweeping.execute import Interrupted
from stopwatt.sweeping.executors.process import Outcome, ProcessExecutor
from stopwatt.sweeping.plan import Request, make_plan

MODELS = """
import numpy as np
import torch
from torch import nn


class ByName(nn.Module):
    def forward(self, *, x):
        return x


class Fails(nn.Module):
    def forward(self, x):
        return x @ torch.ones(7, 7)


class Random(nn.Module):
    def forward(self, x):
        x.add_(1)
        return x + torch.rand_like(x)


def by_name():
    return ByName(), (torch.rand(1, 4),)


def fails():
    return Fails(), (torch.rand(1, 4),)


def random():
    return Random(), (torch.rand(1, 4),)


def plain():
    weights = torch.rand(4, 4)
    return lambda x: (torch.from_numpy(x) @ weights).numpy(), (np.ones((1, 4), dtype=np.float32),)
"""


def asked(*workloads, **more) -> Request:
    return Request(**{"workloads": workloads, "backends": ("eager",), "baseline": False, "threads": 1} | more)


@pytest.fixture
def models(tmp_path):
    path = tmp_path / "models.py"
    path.write_text(MODELS)
    return lambda name: f"{path}:{name}"


def here(request: Request):
    """The answer of a capture in this process."""
    (cell,) = make_plan(request).cells
    return perform(Job(JobKind.CAPTURE, cell, bundle=""))


def test_a_capture_from_a_worker_has_all_its_parts_and_is_kept_as_it_comes():
    kept = []
    result = run_capture(asked("mlp", params={"layers": 3}), keep=kept.append)
    (capture,) = result
    assert kept == [capture]
    assert [one.name for one in capture.operators].count("aten.linear.default") == 3
    assert (capture.sequence.size, capture.gaps_ns.size) == (7, 8)
    assert capture.parameters * 4 == capture.weight_bytes
    assert set(capture.seconds) == {"forward", "capture"}
    assert capture.facts["inputs"] == "features float32 1x784"
    assert capture.software["torch"]


def test_table_and_json_tell_the_same(capsys):
    result = CaptureResult((here(asked("mlp")).capture,))
    document = json.loads(result.to_json())["captures"][0]
    assert document["calls"] == sum(one["count"] for one in document["operators"]) == len(document["sequence"])
    assert {one["family"] for one in document["operators"]} == {"gemm", "elementwise"}
    assert document["gaps_s"] > 0
    result.table()
    shown = capsys.readouterr().out
    assert "5 calls of 4 different operators" in shown
    assert "next: stopwatt ops measure" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_the_model_s_own_error_is_shown_with_its_place(models):
    result = run_capture(asked(models("fails")))
    with pytest.raises(PartlyFailed, match="cannot be multiplied") as failure:
        result.raise_for_status()
    assert "models.py" in failure.value.when
    assert "models.py" in failure.value.now


def test_a_model_that_wants_inputs_by_name_is_told_what_to_do(models):
    answer = here(asked(models("by_name")))
    assert answer.status is Status.FAILED
    assert "by position" in answer.trouble.when
    assert "passes them on by name" in answer.trouble.now


def test_random_operators_and_inputs_that_are_changed_in_place_are_captured(models):
    capture = here(asked(models("random"))).capture
    assert {"aten.add_.Tensor", "aten.rand_like.default"} <= {one.name for one in capture.operators}
    first = next(one for one in capture.operators if one.name == "aten.add_.Tensor")
    assert first.tensors[0].high <= 1.0  # of the input as it was made


def test_a_plain_function_is_captured_as_one_whole(models):
    capture = here(asked(models("plain"))).capture
    assert "aten.mm.default" in {one.name for one in capture.operators}
    assert [one.path for one in capture.modules] == [""]


def test_what_a_backend_does_not_run_is_unsupported_and_the_others_are_captured():
    result = run_capture(asked("mlp", precisions=("tf32", "fp32")))
    assert [one.status for one in result.failed] == [Status.UNSUPPORTED]
    assert len(result.captures) == 1
    result.raise_for_status()
    with pytest.raises(PartlyFailed, match="tf32"):
        iter(result)


def test_int8_products_on_packed_weights_are_listed_with_their_obstacle():
    capture = here(asked("mlp", precisions=("int8",))).capture
    obstacles = {one.name: one.obstacle for one in capture.operators if one.obstacle}
    assert "object" in obstacles["quantized.linear_dynamic.default"]


def test_an_unknown_workload_is_refused():
    with pytest.raises(UsageError):
        run_capture(asked("mpl"))


def test_nodes_of_onnx_runtime_and_openvino_are_named():
    for backend, product in (("onnxruntime", "Gemm"), ("openvino", "FullyConnected")):
        capture = here(asked("mlp", backends=(backend,))).capture
        assert any(product in one.kind for one in capture.kernels)
        assert sum(one.count for one in capture.kernels) >= 3
        assert all(one.seconds >= 0 for one in capture.kernels)
        assert capture.operators == ()


def test_a_traced_model_shows_the_operators_that_its_interpreter_calls():
    capture = here(asked("mlp", backends=("torchscript",))).capture
    assert any(one.kind in {"linear", "matmul", "addmm"} for one in capture.kernels)
    assert capture.gaps_ns.size == 0


@pytest.mark.compiles
def test_fused_kernels_of_compiled_code_are_named_and_it_is_not_compiled_again():
    capture = here(asked("mlp", backends=("compile",))).capture
    assert any(one.kind.startswith("fused") for one in capture.kernels)
    assert capture.facts["recompilations"] == 0
    assert any("mm" in one.name for one in capture.operators)
    assert not any("relu" in one.name for one in capture.operators)  # fused


def test_a_capture_goes_into_the_store_and_comes_back(tmp_path):
    with open_store(str(tmp_path / "store.db")) as store:
        capture = here(asked("mlp")).capture
        store.operators.save_capture(capture)
        again = store.operators.capture_of(capture.workload, capture.setup)
    assert again.operators == capture.operators
    assert again.sequence.tolist() == capture.sequence.tolist()
    assert again.leaves == capture.leaves


def test_an_interrupt_keeps_what_was_captured_before(monkeypatch):
    answers = iter([Outcome(here(asked("mlp")), "", 0.0)])

    def run(*_):
        answer = next(answers, None)
        if answer is None:
            raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(ProcessExecutor, "run", run)
    kept = []
    with pytest.raises(Interrupted) as stop:
        run_capture(asked("mlp", batches=(1, 2)), keep=kept.append)
    assert len(kept) == 1
    assert stop.value.when == "after 1 of 2 captures"
