"""The whole pipeline on a CUDA device."""

from dataclasses import replace

import pytest

from stopwatt import api
from stopwatt.records import Boundary, Status
from stopwatt.sweeping.plan import Request

pytestmark = [pytest.mark.gpu, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _needs_a_gpu():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")


@pytest.fixture
def bench(short, store):
    """Measure an MLP on the GPU; returns the rows by backend and precision."""

    def go(backends=("eager",), precisions=("fp32",), boundary=Boundary.DEVICE, batch=64):
        asked = Request(
            ["mlp"],
            {"hidden": 2048},
            backends=backends,
            precisions=precisions,
            batches=[batch],
            device="cuda",
            protocol=replace(short(trials=200), boundary=boundary),
        )
        rows = api.run_request(asked, store=store, allow=True).rows
        return {(row.cell.setup.backend, str(row.cell.setup.precision)): row for row in rows}

    return go


def test_every_cuda_backend_answers_rightly_in_every_precision(bench):
    rows = bench(("eager", "compile", "cudagraph", "torchscript", "aoti"), ("fp32", "tf32", "fp16", "bf16"))
    wrong = {key: row.trouble for key, row in rows.items() if row.status not in (Status.OK, Status.UNSUPPORTED)}
    assert wrong == {}
    assert rows["eager", "fp32"].status is Status.OK
    assert rows["cudagraph", "fp16"].status is Status.OK


def test_device_time_hides_the_launches_that_latency_shows(bench):
    row = bench(batch=1)["eager", "fp32"]
    assert 0 < row.estimates["device_time"].value < row.estimates["latency"].value


def test_copies_are_inside_the_host_boundary_only(bench):
    device = bench(batch=4096)["eager", "fp32"].estimates["latency"].value
    host = bench(batch=4096, boundary=Boundary.HOST)["eager", "fp32"].estimates["latency"].value
    assert host > device


def test_memory_on_the_device_is_measured(bench):
    row = bench()["eager", "fp32"]
    assert row.estimates["device_memory"].value > 2048 * 2048 * 4


def test_onnxruntime_on_cuda_uses_cuda_or_says_that_it_cannot(bench):
    row = bench(("onnxruntime",))["onnxruntime", "fp32"]
    assert row.status in (Status.OK, Status.UNSUPPORTED, Status.FAILED)
    if row.status is not Status.OK:
        assert "CUDAExecutionProvider" in row.trouble.what or "cuda" in row.trouble.what.lower()
