"""Packs for a CUDA device: made there, answering there as the model does, and refused elsewhere."""

from pathlib import Path

import numpy as np
import pytest

import stopwatt
from stopwatt.errors import EnvironmentUnfit
from stopwatt.packing.check import check_pack
from stopwatt.workloads.resolve import resolve

pytestmark = [pytest.mark.gpu, pytest.mark.slow]
PLAIN = f"{Path(__file__).parent}/packed_models.py:plain"


@pytest.fixture
def packed(tmp_path):
    """`(backend, precision)`: a pack for the GPU. Each step is a process of its own: one that crashes ends no test."""

    def make(backend, precision="fp32"):
        path = tmp_path / "model.swpack"
        return stopwatt.pack(PLAIN, path, backend=backend, precision=precision, batch=2, device="cuda", threads=1)

    return make


@pytest.fixture
def answers_again(packed, plain):
    """`(backend, precision)`: makes a pack, and looks whether it does."""

    def look(backend, precision):
        opened = packed(backend, precision)
        (checked,) = check_pack(opened, plain[1], threads=1)
        assert checked.parity.deviation <= checked.artifact.parity.tolerance
        assert opened.setup(2).device == "cuda"
        with pytest.raises(EnvironmentUnfit, match="made for cuda, cpu was asked for"):
            opened.runner(batch=2, device="cpu")

    return look


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_pack_for_a_gpu_answers_there_again_as_it_did(answers_again, precision):
    answers_again("torchscript", precision)


@pytest.mark.usefixtures("packages_load")
def test_a_package_for_a_gpu_answers_there_again_as_it_did(answers_again):
    answers_again("aoti", "fp32")


def test_a_packed_model_takes_bytes_from_the_host_to_the_gpu_that_is_named(packed):
    import torch

    opened = packed("torchscript")
    model = resolve(f"served:{PLAIN}").build({}, seed=0)
    arrays = model.make_inputs(2, np.random.default_rng(5))
    with torch.inference_mode():
        wanted = model.module(torch.from_numpy(arrays[0])).numpy()
    name = f"cuda:{torch.cuda.device_count() - 1}"
    runner = opened.runner(batch=2, device=name, threads=1)
    try:
        with runner.active():
            (got,) = runner.fetch(runner.call(runner.stage(arrays)))
        assert runner.computed()["device"] == name
    finally:
        runner.close()
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4)
