import numpy as np
import pytest

from stopwatt.analyse.selftests import Verdict
from stopwatt.records import Cell, Measurement, Samples, Setup, Status, Workload
from stopwatt.selftesting import cuda
from stopwatt.selftesting.bench import Bench
from stopwatt.selftesting.cuda import look_at_energy_cuda, look_at_latency_cuda

LAUNCH_S = 10e-6


class Gpu(Bench):
    """A GPU at 2 GHz; `seconds_of` says how long so many cycles take, `waited` whether calls wait for them."""

    def __init__(self, seconds_of=lambda cycles: cycles / 2e9, *, waited=True):
        super().__init__("nowhere.db", "cuda")
        object.__setattr__(self, "seconds_of", seconds_of)
        object.__setattr__(self, "waited", waited)

    def measure(self, axes, rules=None, watcher=None):
        found = []
        for cycles in axes["cycles"]:
            watcher.phase("trials")
            device = self.seconds_of(cycles)
            latency = LAUNCH_S + device * self.waited
            samples = {
                "latency": Samples(np.full(20, round(latency * 1e9)), "ns"),
                "device_time": Samples(np.full(20, device * 1e9), "ns"),
            }
            cell = Cell(Workload("sleeper", {"cycles": cycles}), Setup(device="cuda"), rules)
            found.append(Measurement(cell, 0, Status.OK, samples=samples))
            watcher.phase("device time")
        return found


@pytest.fixture
def driver(monkeypatch):
    """What the driver says of the clock, in MHz."""

    def says(megahertz):
        monkeypatch.setattr(cuda.nvml, "read", lambda selector: {"sm_clock": megahertz})

    return says


def test_cycles_on_a_line_of_the_clock_hold(driver):
    driver(1995.0)
    claim = look_at_latency_cuda(Gpu())
    assert claim.verdict is Verdict.HOLDS
    assert claim.numbers["clock"].value == pytest.approx(2000.0)
    assert claim.numbers["overhead"].value == pytest.approx(LAUNCH_S)


def test_without_the_drivers_clock_the_line_alone_counts(monkeypatch):
    def silent(selector):
        raise cuda.nvml.Unreadable("no driver")

    monkeypatch.setattr(cuda.nvml, "read", silent)
    claim = look_at_latency_cuda(Gpu())
    assert claim.verdict is Verdict.HOLDS
    assert "clock_error" not in claim.numbers


@pytest.mark.parametrize(
    ("gpu", "why"),
    [
        (Gpu(waited=False), "not waited for"),
        (Gpu(lambda cycles: 0.0), "told no time"),
        (Gpu(lambda cycles: 1e-3), "take no longer"),
    ],
)
def test_a_gpu_that_is_not_waited_for_fails(driver, gpu, why):
    driver(1995.0)
    claim = look_at_latency_cuda(gpu)
    assert claim.verdict is Verdict.FAILS
    assert why in claim.sentence


@pytest.mark.parametrize(
    ("seconds_of", "megahertz"), [(lambda cycles: cycles / 2e9, 1500.0), (lambda cycles: (cycles / 2e9) ** 1.1, 0.0)]
)
def test_another_clock_or_no_line_fails_on_a_quiet_machine(driver, seconds_of, megahertz):
    driver(megahertz)
    assert look_at_latency_cuda(Gpu(seconds_of)).verdict is Verdict.FAILS


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.parametrize("look", [look_at_latency_cuda, look_at_energy_cuda])
def test_no_claim_about_a_gpu_fails(tmp_path, look):
    claim = look(Bench(str(tmp_path / "own.db"), "cuda"))
    assert claim.verdict is not Verdict.FAILS, claim.sentence
