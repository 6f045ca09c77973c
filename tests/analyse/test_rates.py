"""Achieved FLOP/s and bytes/s, and their shares of the device's ceilings."""

import numpy as np
import pytest

from stopwatt.analyse.ceilings import ceiling_for, ceilings_of
from stopwatt.analyse.rates import Rate, Roof, rates_of
from stopwatt.analyse.summary import summarise
from stopwatt.measuring import ceilings
from stopwatt.records import Measured, Precision, Samples, Status, Unavailable

MLP = {"features": 100, "hidden": 8, "layers": 0, "outputs": 10}
"""A linear layer: 2,000 operations a sample; 4 x 1,010 bytes of weights, and 440 of input and output a sample."""
FLOPS, BYTES = 2000, 4 * 1010 + 440


@pytest.fixture
def ceiling(measurement):
    def make(matmul, copy, **setup):
        samples = {
            ceilings.MATMUL: Samples(np.array([0.5, 1.0, 2.0]) * matmul, "FLOP/s"),
            ceilings.COPY: Samples(np.array([0.9, 1.0, 1.1]) * copy, "B/s"),
        }
        readings = {ceilings.MATMUL_SIZE: Measured(512, "1")}
        return measurement(workload=ceilings.SOURCE, params={"of": "it"}, samples=samples, readings=readings, **setup)

    return make


@pytest.fixture
def row(rounds):
    def make(medians=(1.0, 1.1, 0.9), **setup):
        (one,) = summarise(rounds(list(medians), params=MLP, **setup))
        return one

    return make


def test_rates_are_work_over_time_with_the_interval_of_the_time(row, ceiling):
    one = row()
    found = rates_of(one, ceilings_of([ceiling(1e7, 1e7)]))
    latency = one.estimates["latency"]

    assert found.flops.value == pytest.approx(FLOPS / latency.value)
    assert (found.flops.low, found.flops.high) == pytest.approx((FLOPS / latency.high, FLOPS / latency.low))
    assert found.traffic.value == pytest.approx(BYTES / latency.value)
    assert (found.cost.flops, found.cost.bytes) == (FLOPS, BYTES)


def test_shares_are_of_the_median_window(row, ceiling):
    one = row()
    found = rates_of(one, ceilings_of([ceiling(1e7, 2e7)]))

    assert found.flops.share.value == pytest.approx(found.flops.value / 1e7)
    assert found.traffic.share.value == pytest.approx(found.traffic.value / 2e7)
    assert found.flops.share.low == pytest.approx(found.flops.low / 1e7)
    assert found.flops.share.low < found.flops.share.value < found.flops.share.high
    assert (found.ceiling.matmul.least, found.ceiling.matmul.most, found.ceiling.size) == (0.5e7, 2e7, 512)


@pytest.mark.parametrize(
    ("matmul", "copy", "roof"),
    [(2.1e6, 1e9, Roof.COMPUTE), (1e9, 5e6, Roof.MEMORY), (1e9, 1e9, Roof.NEITHER), (1.9e7, 1e12, Roof.COMPUTE)],
)
def test_the_nearer_roof_is_the_one_with_the_larger_share(row, ceiling, matmul, copy, roof):
    assert rates_of(row(), ceilings_of([ceiling(matmul, copy)])).roof is roof


def test_on_a_device_with_its_own_clock_rates_rest_on_it(measurement):
    samples = {"device_time": Samples(np.full(5, 500_000), "ns")}
    (one,) = summarise([measurement(0, [1_000_000, 1_000_001], params=MLP, samples=samples)])
    found = rates_of(one, [])

    assert found.time.metric == "device_time"
    assert found.flops.value == pytest.approx(FLOPS / 0.0005)


def test_a_mean_gives_a_rate_without_an_interval(measurement):
    (one,) = summarise([measurement(params=MLP, readings={"mean_latency": Measured(0.001, "s")})])
    found = rates_of(one, [])

    assert (found.time.metric, found.flops.value, found.flops.low) == ("mean_latency", FLOPS / 0.001, None)


def test_without_a_formula_the_reason_stands_in_the_place_of_the_rates(measurement):
    (one,) = summarise([measurement(0, [5, 6], workload="model.onnx")])
    found = rates_of(one, [])

    assert found.flops == found.traffic == Unavailable("there is no formula for model.onnx")
    assert found.roof is None


def test_without_a_time_the_reason_stands_in_the_place_of_the_rates(measurement):
    (one,) = summarise([measurement(params=MLP, status=Status.TIMEOUT)])
    assert rates_of(one, []).flops == Unavailable("no time: timeout")


def test_without_a_ceiling_rates_stand_alone_and_the_reason_is_the_command(row):
    found = rates_of(row(), [])

    assert isinstance(found.flops, Rate)
    assert "stopwatt ceilings --device cpu --precision fp32 --threads 1" in found.flops.share.why
    assert found.roof is None


@pytest.mark.parametrize(
    "other",
    [{"machine": "elsewhere"}, {"precision": Precision.BF16}, {"threads": 2}, {"device": "cuda"}],
    ids=["machine", "precision", "threads", "device"],
)
def test_a_ceiling_of_something_else_is_no_measure(row, ceiling, other):
    assert isinstance(ceiling_for(row().cell, ceilings_of([ceiling(1e9, 1e9, **other)])), Unavailable)


def test_on_a_gpu_host_threads_make_no_other_ceiling(row, ceiling):
    found = ceiling_for(
        row(device="cuda", threads=2).cell, ceilings_of([ceiling(1e9, 1e9, device="cuda:0", threads=8)])
    )
    assert found.matmul.value == 1e9


def test_of_several_measurements_the_highest_is_the_ceiling(row, ceiling):
    known = ceilings_of([ceiling(1e9, 1e9), ceiling(3e9, 1e9), ceiling(2e9, 1e9)])
    assert ceiling_for(row().cell, known).matmul.value == 3e9


def test_a_ceiling_that_failed_is_none(ceiling):
    assert ceilings_of([ceiling(1e9, 1e9, status=Status.FAILED)]) == []


def test_ceilings_are_no_rows(ceiling, rounds):
    assert [row.cell.workload.source for row in summarise([ceiling(1e9, 1e9), *rounds([1.0, 1.0, 1.0])])] == ["mlp"]
