"""Occupancy from the trace of a GPU's kernels, and why there is none."""

import pytest

from stopwatt.measuring import occupancy
from stopwatt.measuring.occupancy import estimate_occupancy, weighted
from stopwatt.records import Measured, Unavailable


def kernel(duration, estimate=None):
    return {
        "cat": "kernel",
        "dur": duration,
        "args": {} if estimate is None else {"est. achieved occupancy %": estimate},
    }


def test_kernels_count_by_the_time_that_they_took():
    events = [kernel(30, 100), {"cat": "cpu_op", "dur": 1000}, kernel(10, 20), {"ph": "M"}]
    assert weighted(events) == Measured((30 * 100 + 10 * 20) / 40, "%")


def test_an_occupancy_of_nothing_is_no_missing_one():
    assert weighted([kernel(5, 0)]) == Measured(0.0, "%")


def test_kernels_without_an_estimate_do_not_count():
    assert weighted([kernel(5, 50), kernel(1000)]) == Measured(50.0, "%")
    assert weighted([kernel(5), kernel(6)]) == Unavailable(
        "torch's tracer saw 2 kernels, but tells no occupancy of them"
    )


def test_without_a_kernel_there_is_none():
    assert "saw no kernel" in weighted([]).why


def test_a_cpu_has_none_and_nothing_is_called():
    assert estimate_occupancy(pytest.fail, [()], "cpu") == Unavailable("only a GPU has an occupancy")


def test_what_the_tracer_raises_is_the_reason(monkeypatch):
    def refuse(*_):
        raise RuntimeError("CUPTI_ERROR_INSUFFICIENT_PRIVILEGES")

    monkeypatch.setattr(occupancy, "_traced", refuse)
    assert "INSUFFICIENT_PRIVILEGES" in estimate_occupancy(lambda _: None, [()], "cuda").why


def test_the_trace_holds_every_call_and_is_read_as_torch_writes_it():
    import torch

    seen = []
    a = torch.ones(4, 4)
    events = occupancy._traced(lambda inputs: seen.append(inputs) or a @ a, ["a", "b", "c"])

    assert seen == [["a", "b", "c"][k % 3] for k in range(occupancy.CALLS)]
    assert all(isinstance(event, dict) for event in events)


@pytest.mark.gpu
def test_a_product_on_a_gpu_has_an_occupancy():
    import torch

    a = torch.randn(2048, 2048, device="cuda")

    def call(_):
        a @ a
        torch.cuda.synchronize()

    found = estimate_occupancy(call, [()], "cuda")
    assert isinstance(found, Measured)
    assert 0 < found.value <= 100
