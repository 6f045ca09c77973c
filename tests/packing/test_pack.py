"""From a workload to a pack and back: what it holds, what it answers, what it refuses."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import stopwatt
from stopwatt.errors import EnvironmentUnfit, StopwattError, UsageError
from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.job import JobKind
from stopwatt.packing import jobs
from stopwatt.packing.check import check_pack
from stopwatt.packing.copying import copy_files
from stopwatt.packing.opened import CHECKS, open_pack
from stopwatt.records import Precision
from stopwatt.workloads.resolve import resolve

MODELS = f"{Path(__file__).parent}/packed_models.py"
PLAIN = f"{MODELS}:plain"


def answers(runner, arrays):
    try:
        with runner.active():
            return runner.fetch(runner.call(runner.stage(arrays)))
    finally:
        runner.close()


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino", "torchscript"])
def test_a_packed_model_answers_as_the_model_does(pack, plain, backend):
    opened, _ = plain if backend == "onnxruntime" else pack(PLAIN, backend=backend, batches=(2,))
    assert opened.setup(2).backend == backend
    model = resolve(f"served:{PLAIN}").build({}, seed=0)
    arrays = model.make_inputs(2, np.random.default_rng(5))
    import torch

    with torch.inference_mode():
        wanted = model.module(torch.from_numpy(arrays[0])).numpy()
    (got,) = answers(opened.runner(batch=2, threads=1), arrays)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_the_manifest_says_what_how_and_from_what(plain):
    opened, diary = plain
    manifest, (_, artifact) = opened.manifest, opened.manifest.artifacts
    assert opened.batches == (1, 2)
    assert manifest.workload.source == PLAIN
    assert diary.announcements == [f"{PLAIN}: this runs code that is not stopwatt's"]
    assert (manifest.setup.backend, manifest.setup.precision, manifest.setup.batch) == ("onnxruntime", "fp32", 1)
    assert (manifest.contract.labels, manifest.contract.preprocess.inside) == (("cat", "dog", "bird"), True)
    assert [(port.name, port.dtype, port.shape) for port in artifact.inputs] == [("input_0", "uint8", (2, 16, 24, 3))]
    assert [(port.dtype, port.shape) for port in artifact.outputs] == [("float32", (2, 3))]
    assert (artifact.parity.inputs, artifact.parity.top1) == (8, 1.0)
    assert artifact.parity.deviation < artifact.parity.tolerance == 1e-3
    assert artifact.computed["provider"] == "CPUExecutionProvider"
    assert {"onnxruntime", "torch"} <= manifest.software.keys()
    assert "arch" in manifest.machine
    assert (manifest.native, opened.notices) == ((), ())


def test_int8_says_what_it_computes_and_how_it_compares(pack):
    opened, _ = pack(PLAIN, precision="int8")
    (artifact,) = opened.manifest.artifacts
    assert opened.manifest.setup.precision is Precision.INT8
    assert "QDQ" in artifact.computed["quantisation"]
    assert artifact.parity.deviation > 1e-4
    assert artifact.inputs[0].dtype == "uint8"


def test_a_model_of_tensors_is_packed_without_a_contract(pack):
    opened, _ = pack("mlp", params={"hidden": 16}, backend="torchscript")
    assert opened.contract is None
    assert opened.manifest.artifacts[0].inputs[0].dtype == "float32"


def test_parameters_may_be_written_with_the_name_of_the_workload(pack):
    opened, _ = pack("mlp", params={"mlp.hidden": 16}, backend="torchscript")
    assert opened.manifest.workload.params["hidden"] == 16


def test_a_pack_that_would_answer_wrongly_is_not_written(pack, tmp_path, monkeypatch):
    real = jobs.Jobs.convert

    def spoilt(self, cell, bundle, folder, calibration=None):
        real(self, cell, bundle, folder, calibration)
        whole = Bundle.load(bundle)
        Bundle(whole.inputs, tuple((one[0] + 1,) for one in whole.outputs), True, "wrong", whole.input_names).save(
            bundle
        )

    monkeypatch.setattr(jobs.Jobs, "convert", spoilt)
    with pytest.raises(StopwattError, match="wrong answers"):
        pack(PLAIN, backend="torchscript")
    assert not (tmp_path / "model.swpack").exists()


def test_a_check_compares_again_with_what_the_pack_holds(plain, quick):
    opened, diary = plain
    for checked in check_pack(opened, diary, threads=1):
        assert checked.parity.inputs == 2
        assert checked.parity.deviation <= checked.artifact.parity.deviation
    kept = opened.folder / CHECKS / "batch1"
    bundle = Bundle.load(kept)
    Bundle(bundle.inputs, tuple((one[0] * 2,) for one in bundle.outputs), True, "other", bundle.input_names).save(kept)
    with pytest.raises(StopwattError, match="wrong answers"):
        check_pack(opened, diary, threads=1)
    assert check_pack(open_pack(opened.path), diary, threads=1)  # opening lays the changed files out again


def test_a_check_on_another_device_is_refused(plain):
    opened, diary = plain
    with pytest.raises(EnvironmentUnfit, match="made for cpu, cuda was asked for"):
        check_pack(opened, diary, device="cuda")
    with pytest.raises(EnvironmentUnfit, match="made for cpu, cuda was asked for"):
        opened.runner(device="cuda")


def test_a_batch_size_that_was_not_packed_is_refused_with_those_that_were(plain):
    opened, _ = plain
    with pytest.raises(UsageError, match="only for 1, 2") as refusal:
        opened.runner(batch=3)
    assert "--batch 1,2,3" in refusal.value.now


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"backend": "eager"}, "nothing to pack"),
        ({"backend": "onnxrunntime"}, "unknown backend"),
        ({"precision": "fp8"}, "unknown precision"),
        ({"precision": "tf32"}, "does not run tf32 on cpu"),
        ({"out": Path("model.zip")}, "no name of a pack"),
        ({"out": Path("nowhere/model.swpack")}, "folder is not there"),
        ({"out": Path("/proc/model.swpack")}, "the folder cannot be written to"),
        ({"tolerance": -1.0}, "tolerance -1 is out of range"),
        ({"seed": -1}, "seed -1 is out of range"),
        ({"timeout_s": 0.0}, "a timeout of 0 s is out of range"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(pack, asked, what):
    with pytest.raises(StopwattError, match=what):
        pack(PLAIN, **asked)


def test_a_name_that_is_taken_is_refused_before_any_work(pack, tmp_path):
    (tmp_path / "model.swpack").write_text("precious")
    with pytest.raises(UsageError, match="there already"):
        pack(PLAIN)
    assert (tmp_path / "model.swpack").read_text() == "precious"
    pack(PLAIN, force=True, backend="torchscript")
    assert open_pack(tmp_path / "model.swpack").batches == (1,)


def test_the_files_of_a_pack_can_be_copied_to_a_folder_made_anew(plain, tmp_path):
    opened, _ = plain
    copy_files(opened, tmp_path / "files")
    assert json.loads((tmp_path / "files/manifest.json").read_text())["format"] == 1
    assert (tmp_path / "files/batch1/model.onnx").is_file()
    with pytest.raises(UsageError, match="there already"):
        copy_files(opened, tmp_path / "files")


def test_the_library_packs_and_opens(quick, tmp_path):
    opened = stopwatt.pack(PLAIN, tmp_path / "model.swpack", backend="torchscript", batch=[1], threads=1)
    assert stopwatt.open_pack(tmp_path / "model.swpack").identity == opened.identity
    with pytest.raises(UsageError, match="batch"):
        stopwatt.pack(PLAIN, tmp_path / "other.swpack", batch="many")


def test_a_graph_on_which_torch_s_optimiser_fails_runs_as_it_was_frozen_and_says_so(pack, monkeypatch):
    import torch

    def fail(module):
        raise RuntimeError("INTERNAL ASSERT FAILED: expected double")

    monkeypatch.setattr(torch.jit, "optimize_for_inference", fail)
    opened, _ = pack(PLAIN, backend="torchscript")
    (artifact,) = opened.manifest.artifacts
    assert "expected double" in artifact.computed["optimised"]
    assert "expected double" in opened.manifest.notes[0]
    assert artifact.parity.deviation < 1e-3


def test_only_conversions_are_told_to_leave_the_number_of_threads_open(pack, monkeypatch):
    told = {}
    real = jobs.ProcessExecutor.run

    def run(self, job, timeout_s, group=""):
        told[job.kind] = os.environ.get("TORCHINDUCTOR_CPP_DYNAMIC_THREADS")
        return real(self, job, timeout_s, group)

    monkeypatch.delenv("TORCHINDUCTOR_CPP_DYNAMIC_THREADS", raising=False)
    monkeypatch.setattr(jobs.ProcessExecutor, "run", run)
    pack(PLAIN, backend="torchscript")
    assert told == {JobKind.REFERENCE: None, JobKind.INSPECT: None, JobKind.CONVERT: "1", JobKind.CHECK: None}


@pytest.mark.compiles
def test_a_compiled_pack_says_that_it_holds_native_code(pack):
    opened, _ = pack(PLAIN, backend="aoti")
    assert opened.manifest.native == ("batch1/model.pt2",)
    assert "native code" in opened.notices[0]
    (got,) = answers(opened.runner(), (np.zeros((1, 16, 24, 3), np.uint8),))
    assert got.shape == (1, 3)
