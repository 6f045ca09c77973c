"""What needs a GPU. On a machine without one every test here is skipped."""

import time

import pytest

from stopwatt.devices.cuda_driver import l2_bytes
from stopwatt.devices.facts import read_facts
from stopwatt.devices.resolve import device
from stopwatt.errors import UsageError
from stopwatt.records import Measured

pytestmark = pytest.mark.gpu

MEBIBYTE = 2**20


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return torch


@pytest.fixture
def gpu(torch):
    return device("cuda")


def test_the_gpu_is_known_by_its_number(gpu):
    assert (gpu.name, gpu.kind, gpu.warmup_seconds) == ("cuda:0", "cuda", 3.0)


def test_a_number_beyond_the_last_gpu_is_refused(torch):
    with pytest.raises(UsageError, match="no device cuda:99"):
        device("cuda:99")


def test_synchronising_waits_for_the_device(gpu):
    seconds = 0.1
    gpu.synchronize()
    begin = time.perf_counter()
    gpu.occupy(seconds)
    queued = time.perf_counter() - begin
    gpu.synchronize()
    done = time.perf_counter() - begin
    assert done > 4 * queued


def test_event_pairs_measure_the_device_and_not_the_host(gpu):
    timer = gpu.timer(3)
    for trial, seconds in enumerate((1e-3, 10e-3)):
        timer.start(trial)
        gpu.occupy(seconds)
        timer.stop(trial)
    short, long = timer.elapsed_ns(2)
    assert 5 < long / short < 20


def test_an_empty_event_pair_is_short(gpu):
    timer = gpu.timer(1)
    timer.start(0)
    timer.stop(0)
    (elapsed,) = timer.elapsed_ns(1)
    assert 0 <= elapsed < 1e6


def test_a_peak_that_has_passed_is_seen_and_belongs_to_its_period_only(torch, gpu):
    gpu.reset_peak_memory()
    before = gpu.peak_memory()
    block = torch.empty(256 * MEBIBYTE, dtype=torch.uint8, device=gpu.name)
    del block
    high = gpu.peak_memory()
    gpu.reset_peak_memory()
    low = gpu.peak_memory()
    assert isinstance(before, Measured)
    assert high.value - before.value >= 255 * MEBIBYTE
    assert high.value - low.value >= 255 * MEBIBYTE


def test_flushing_the_cache_writes_more_than_it_holds(torch, gpu):
    before = torch.cuda.memory_allocated()
    gpu.flush_cache()
    gpu.flush_cache()
    gpu.synchronize()
    assert torch.cuda.memory_allocated() - before >= 2 * gpu.facts()["gpu.l2"] > 0


def test_the_gpu_tells_who_it_is_and_this_process_is_not_foreign(gpu):
    facts = gpu.facts()
    assert facts["gpu.name"]
    assert facts["gpu.uuid"].startswith("GPU-")
    assert facts["gpu.memory"] > MEBIBYTE
    assert facts["gpu.multiprocessors"] > 0
    assert facts.get("gpu.others", 0) == 0


def test_facts_without_torch_are_of_the_same_gpu(gpu):
    assert read_facts("cuda:0").values["gpu.uuid"] == gpu.facts()["gpu.uuid"]


def test_the_exercise_is_the_same_work_whatever_ran_before_and_leaves_no_memory_behind(torch, gpu):
    gpu.exercise()()  # the libraries keep a workspace from their first product on
    free = torch.cuda.memory_allocated()
    for _ in range(2):
        torch.randn(10, device="cuda")  # the generator of the program is not that of the exercise
        work = gpu.exercise()
        state = torch.cuda.get_rng_state()
        begin = time.perf_counter()
        for _ in range(20):
            work()
        gpu.synchronize()
        assert time.perf_counter() - begin > 0.002
        assert torch.equal(state, torch.cuda.get_rng_state())
        del work
        assert torch.cuda.memory_allocated() == free


def test_the_driver_tells_the_cache_without_torch(gpu):
    assert l2_bytes(0) == gpu.facts()["gpu.l2"] > 2**20
    assert l2_bytes(99) == 0
