"""What a device does at most."""

from dataclasses import replace

import numpy as np
import pytest

from stopwatt.devices.cpu import Cpu
from stopwatt.measuring import ceilings
from stopwatt.measuring.job import Job, JobKind
from stopwatt.measuring.phases import Phases
from stopwatt.measuring.worker import perform
from stopwatt.records import Cell, Measured, Precision, Setup, Status, Workload

SHORT = replace(
    ceilings.RULES,
    throughput_windows=3,
    throughput_seconds=0.002,
    warmup=replace(ceilings.RULES.warmup, min_seconds=0.0),
)


PARAMS = {ceilings.SMALLEST_SIDE: 16, ceilings.LARGEST_SIDE: 64, ceilings.BUFFER: 2**20}


def job(precision=Precision.FP32, device="cpu"):
    cell = Cell(Workload(ceilings.SOURCE, PARAMS), Setup("eager", "", precision, 1, device, 1), SHORT)
    return Job(JobKind.CEILINGS, cell, "")


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.BF16])
def test_products_and_copies_are_measured_in_windows(precision):
    told = []
    answer = perform(job(precision), told.append)

    assert (answer.status, told) == (Status.OK, ["import", "matmul", "copy"])
    for name, unit in ((ceilings.MATMUL, "FLOP/s"), (ceilings.COPY, "B/s")):
        assert answer.samples[name].unit == unit
        assert answer.samples[name].values.shape == (3,)
        assert (answer.samples[name].values > 0).all()
    assert answer.readings[ceilings.MATMUL_SIZE].value in {16, 32, 64}
    assert answer.readings[ceilings.COPY_BYTES] == Measured(2 * 2**20, "B")
    assert answer.facts["cpu.logical"]


def test_what_goes_wrong_is_part_of_the_answer(monkeypatch):
    def refuse(*_):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(ceilings, "_product", refuse)
    answer = ceilings.measure_ceilings(job(), Phases())

    assert answer.status is Status.FAILED
    assert "no such kernel" in answer.trouble.what
    assert answer.samples == {}


def test_a_device_that_is_not_there_is_part_of_the_answer():
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert ceilings.measure_ceilings(job(device="cuda"), Phases()).status is Status.FAILED


@pytest.mark.parametrize(
    ("seconds", "best"),
    [
        ({16: 1.0, 32: 4.0, 64: 40.0}, 32),  # 2, 4, 3.2 times the rate of the first
        ({16: 1.0, 32: 4.0, 64: 16.0}, 64),
        ({16: 1.0, 32: 4.0, 64: 60.0}, 32),  # too long
        ({16: 70.0, 32: 600.0, 64: 5000.0}, 16),  # all are too long: the first is better than nothing
    ],
)
def test_the_size_with_the_highest_rate_that_does_not_take_too_long_is_taken(monkeypatch, seconds, best):
    monkeypatch.setattr(ceilings, "_product", lambda _device, _dtype, size: size)
    monkeypatch.setattr(ceilings, "_seconds", lambda _device, size: seconds[size])

    assert ceilings._best_size(Cpu(), None, (16, 32, 64), longest_s=50.0) == best


def test_memory_that_runs_out_ends_the_search(monkeypatch):
    def product(_device, _dtype, size):
        if size > 32:
            raise MemoryError
        return size

    monkeypatch.setattr(ceilings, "_product", product)
    monkeypatch.setattr(ceilings, "_seconds", lambda _device, _size: 1.0)
    assert ceilings._best_size(Cpu(), None, (16, 32, 64), longest_s=50.0) == 32


def test_a_rate_is_the_work_of_a_window_over_its_time(monkeypatch):
    clock = iter(range(0, 10**12, 1_000_000))  # each look at the clock is a millisecond later
    monkeypatch.setattr("stopwatt.measuring.throughput.now_ns", lambda: next(clock))
    rates = ceilings._windows(Cpu(), lambda: None, 500, replace(SHORT, throughput_seconds=0.0))

    assert rates == pytest.approx(np.full(3, 4 * 500 / 0.001))


def test_products_are_those_of_the_precision():
    import torch

    out = ceilings._product(Cpu(), torch.bfloat16, 8)()
    assert (out.shape, out.dtype) == ((8, 8), torch.bfloat16)
    assert out.abs().sum() > 0


def test_sides_double_up_to_the_largest():
    assert ceilings._doubling(16, 100) == [16, 32, 64]
    assert ceilings._doubling(128, 128) == [128]


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ceilings.PRECISIONS["cuda"])
def test_a_gpu_has_ceilings_in_all_its_precisions(precision):
    params = {ceilings.SMALLEST_SIDE: 2048, ceilings.LARGEST_SIDE: 8192, ceilings.BUFFER: 2**28}
    cell = Cell(Workload(ceilings.SOURCE, params), Setup("eager", "", precision, 1, "cuda", 1), ceilings.RULES)
    answer = ceilings.measure_ceilings(Job(JobKind.CEILINGS, cell, ""), Phases())

    assert answer.status is Status.OK, answer.trouble
    assert np.median(answer.samples[ceilings.MATMUL].values) > 1e12
    assert np.median(answer.samples[ceilings.COPY].values) > 1e11
