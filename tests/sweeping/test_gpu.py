"""The whole pipeline on a CUDA device."""

import time
from dataclasses import replace

import pytest

from stopwatt import running
from stopwatt.records import Boundary, Status
from stopwatt.store import Selection, open_store
from stopwatt.sweeping.plan import Request

pytestmark = [pytest.mark.gpu, pytest.mark.slow]

MODELS = """
import torch


class Late(torch.nn.Module):
    '''Behaves until the call with this number in its process.'''

    def __init__(self, calls):
        super().__init__()
        self.layer = torch.nn.Linear(64, 64)
        self.left = calls

    def forward(self, x):
        self.left -= 1
        return self.layer(x if self.left else self.misbehave(x))


def inputs(batch):
    return (torch.randn(batch, 64),)


def hungry(calls=20, gigabytes=10):
    class Hungry(Late):
        def misbehave(self, x):
            torch.empty(gigabytes * 2**30 * len(x), dtype=torch.uint8, device=x.device)
            return x

    return Hungry(calls), inputs


def broken(calls=20, batch=2):
    class Broken(Late):
        def misbehave(self, x):
            return x[torch.full((len(x),), 10**9 if len(x) == batch else 0, device=x.device)]

    return Broken(calls), inputs


def hanging(calls=20):
    class Hanging(Late):
        def misbehave(self, x):
            torch.cuda._sleep(10**15)
            return x

    return Hanging(calls), inputs


def waiting():
    class Waiting(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(64, 64)

        def forward(self, x):
            return self.layer(x) if self.layer(x).sum().item() < 1e9 else x

    return Waiting(), inputs


def aside():
    class Aside(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4096, 4096)
            self.stream = None

        def forward(self, x):
            self.stream = self.stream or torch.cuda.Stream()
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):
                return self.layer(self.layer(x))

    return Aside(), lambda batch: (torch.randn(batch, 4096),)
"""


@pytest.fixture
def bench(short, store):
    """Measure on the GPU; returns the rows by backend and precision."""

    def go(backends=("eager",), precisions=("fp32",), batch=64, workload="mlp", params=None, **changes):
        asked = Request(
            [workload],
            {"hidden": 2048} if params is None else params,
            backends=backends,
            precisions=precisions,
            batches=[batch],
            device="cuda",
            protocol=replace(short(trials=200, timeout_s=180.0), **changes),
        )
        rows = running.run_request(asked, store=store, allow=True).rows
        return {(row.cell.setup.backend, str(row.cell.setup.precision)): row for row in rows}

    return go


@pytest.fixture
def planted(short, store, tmp_path):
    """Measure one of the models above at several batch sizes; returns the rows in the order of the batches."""
    path = tmp_path / "models.py"
    path.write_text(MODELS)

    def go(function, batches=(1,), backend="eager", **changes):
        asked = Request(
            [f"{path}:{function}"],
            {},
            backends=[backend],
            batches=batches,
            device="cuda",
            protocol=short(**{"trials": 100, **changes}),
        )
        rows = running.run_request(asked, store=store, allow=True).rows
        return sorted((row for row in rows if row.cell.setup.backend == backend), key=lambda row: row.cell.setup.batch)

    return go


@pytest.fixture
def notes(store):
    """Kinds of the notes on all measurements so far."""

    def read():
        with open_store(store) as database:
            return {note.kind for measurement in database.measurements(Selection()) for note in measurement.notes}

    return read


@pytest.mark.parametrize("backend", ["eager", "cudagraph", "torchscript"])
def test_a_cuda_backend_answers_rightly_in_every_precision(bench, backend):
    rows = bench([backend], ("fp32", "tf32", "fp16", "bf16"))
    assert {key: row.trouble for key, row in rows.items() if row.status is not Status.OK} == {}


def test_a_compiled_model_answers_rightly_on_cuda(bench):
    row = bench(["compile"], ["bf16"])["compile", "bf16"]
    assert (row.status, row.trouble) == (Status.OK, None)


@pytest.mark.timeout(600)  # the conversion runs a C++ compiler for a minute
@pytest.mark.usefixtures("packages_load")
@pytest.mark.parametrize(
    ("precision", "least", "most"), [("fp32", 0.0, 1e-5), ("tf32", 2e-5, 1e-2), ("fp16", 2e-5, 2e-2)]
)
def test_a_model_compiled_ahead_of_time_computes_in_the_precision_asked_for(bench, precision, least, most):
    row = bench(["aoti"], [precision])["aoti", precision]
    assert (row.status, row.trouble) == (Status.OK, None)
    assert least <= row.estimates["deviation"].value <= most


@pytest.mark.parametrize("workload", ["lstm", "resnet"])
def test_a_captured_graph_answers_as_its_module(bench, workload):
    params = {"hidden": 64, "seq": 50} if workload == "lstm" else {"depth": 18}
    row = bench(["cudagraph"], batch=2, workload=workload, params=params)["cudagraph", "fp32"]
    assert (row.status, row.trouble) == (Status.OK, None)


def test_device_time_hides_the_launches_that_latency_shows(bench, notes):
    row = bench(batch=1)["eager", "fp32"]
    assert 0 < row.estimates["device_time"].value < row.estimates["latency"].value
    assert not notes() & {"device-time-gaps", "other-streams"}


def test_device_time_is_nearly_all_of_the_latency_of_a_large_call(bench):
    row = bench(batch=16384)["eager", "fp32"]
    assert 0.8 < row.estimates["device_time"].value / row.estimates["latency"].value < 1.02


def test_a_model_that_waits_for_the_device_has_gaps_in_its_device_time(planted, notes):
    (row,) = planted("waiting")
    assert row.status is Status.OK
    assert "device-time-gaps" in notes()


def test_work_on_another_stream_is_in_the_latency_and_noted_as_missing_in_the_device_time(planted, notes):
    (row,) = planted("aside", batches=(8192,))
    assert row.status is Status.OK
    assert row.estimates["device_time"].value < 0.1 * row.estimates["latency"].value
    assert "other-streams" in notes()


def test_what_cannot_be_captured_is_unsupported(planted):
    (row,) = planted("waiting", backend="cudagraph")
    assert row.status is Status.UNSUPPORTED
    assert "cannot be captured" in row.trouble.what


def test_copies_are_inside_the_host_boundary_only(bench):
    device = bench(batch=4096)["eager", "fp32"].estimates["latency"].value
    host = bench(batch=4096, boundary=Boundary.HOST)["eager", "fp32"].estimates["latency"].value
    assert host > device


def test_memory_on_the_device_is_measured(bench):
    row = bench()["eager", "fp32"]
    assert row.estimates["device_memory"].value > 2048 * 2048 * 4


def test_onnxruntime_on_cuda_uses_cuda_or_names_both_providers(bench):
    row = bench(["onnxruntime"])["onnxruntime", "fp32"]
    assert row.status in (Status.OK, Status.UNSUPPORTED)
    if row.status is Status.UNSUPPORTED:
        assert "CUDAExecutionProvider" in row.trouble.what
        assert "CPUExecutionProvider" in row.trouble.what


def test_memory_that_runs_out_from_a_batch_on_is_told_and_the_other_batches_go_on(planted):
    fits, too_large = planted("hungry", batches=(64, 1))
    assert fits.status is Status.OK
    assert too_large.status is Status.OUT_OF_MEMORY
    assert too_large.cell.setup.batch == 64
    assert "smaller batch" in too_large.trouble.now


def test_after_a_sticky_error_the_process_is_thrown_away_and_the_next_cell_runs(planted):
    one, two, three = planted("broken", batches=(2, 1, 3))
    assert (one.status, two.status, three.status) == (Status.OK, Status.FAILED, Status.OK)
    assert "CUDA error" in two.trouble.what
    assert "thrown away" in two.trouble.now


def test_a_kernel_that_never_ends_costs_its_time_limit_and_leaves_the_gpu_free(planted, bench):
    begin = time.monotonic()
    (row,) = planted("hanging", timeout_s=15.0)
    assert row.status is Status.TIMEOUT
    assert time.monotonic() - begin < 90
    assert bench()["eager", "fp32"].status is Status.OK
