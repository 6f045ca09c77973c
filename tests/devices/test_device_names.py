import subprocess
import sys
from dataclasses import replace

import pytest

from stopwatt.devices import resolve
from stopwatt.devices.resolve import CudaState, why_no_cuda
from stopwatt.errors import EnvironmentUnfit, UsageError
from stopwatt.records import Unavailable

TWO_GPUS = CudaState(driver=True, torch="2.13.0+cu130", cuda="13.0", count=2)


@pytest.mark.parametrize(("name", "kind"), [("cpu", "cpu"), ("cuda", "cuda"), ("cuda:1", "cuda"), ("cuda:12", "cuda")])
def test_a_name_tells_its_kind(name, kind):
    assert resolve.kind_of(name) == kind


@pytest.mark.parametrize("name", ["gpu", "cdua", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "", "CUDA", "cuda:1\n"])
def test_other_names_are_refused(name):
    with pytest.raises(UsageError, match="unknown device"):
        resolve.kind_of(name)


def test_a_mistyped_name_gets_the_nearest():
    with pytest.raises(UsageError) as caught:
        resolve.device("cudda")
    assert "did you mean cuda" in caught.value.now


def test_kinds_and_the_cpu_need_no_torch():
    code = "import sys; from stopwatt.devices.resolve import device; device('cpu'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_cpu_is_ready_when_the_call_returns():
    cpu = resolve.device("cpu")
    assert (cpu.name, cpu.kind, cpu.warmup_seconds) == ("cpu", "cpu", 1.0)
    assert cpu.timer(10) is None
    cpu.synchronize()
    cpu.reset_peak_memory()
    assert cpu.peak_memory() == Unavailable("a CPU has no memory of its own")
    assert cpu.facts()["cpu.logical"] >= 1


def test_gpus_that_are_there_can_be_used():
    assert why_no_cuda(TWO_GPUS, 0) is None
    assert why_no_cuda(TWO_GPUS, 1) is None


@pytest.mark.parametrize(
    ("state", "index", "kind", "what", "now"),
    [
        (CudaState(False, "", "", 0), 0, EnvironmentUnfit, "no NVIDIA driver", "--device cpu"),
        (
            CudaState(True, "2.13.0+cpu", "", 0), 0, EnvironmentUnfit, "CPU build",
            "pip install --force-reinstall torch==2.13.0",
        ),
        (replace(TWO_GPUS, count=0, problem="driver too old"), 0, EnvironmentUnfit, "driver too old", "nvidia-smi"),
        (
            replace(TWO_GPUS, count=0, visible=""), 0, EnvironmentUnfit, "CUDA_VISIBLE_DEVICES=''",
            "unset CUDA_VISIBLE_DEVICES",
        ),
        (TWO_GPUS, 2, UsageError, "no device cuda:2", "use cuda:0, cuda:1"),
    ],
)  # fmt: skip
def test_a_gpu_that_is_not_there_says_why_and_what_to_do(state, index, kind, what, now):
    error = why_no_cuda(state, index)
    assert type(error) is kind
    assert what in error.what
    assert now in error.now
    assert f"cuda:{index}" in error.when + error.what


def test_opening_a_gpu_without_a_driver_is_an_environment_error(monkeypatch):
    monkeypatch.setattr("stopwatt.devices.nvml.driver_is_present", lambda: False)
    with pytest.raises(EnvironmentUnfit, match="no NVIDIA driver"):
        resolve.device("cuda")


def test_a_driver_with_a_cpu_build_of_torch_is_told_apart(monkeypatch):
    torch = pytest.importorskip("torch")
    if torch.version.cuda:
        pytest.skip("this torch is a CUDA build")
    monkeypatch.setattr("stopwatt.devices.nvml.driver_is_present", lambda: True)
    with pytest.raises(EnvironmentUnfit, match="CPU build"):
        resolve.device("cuda")


@pytest.mark.parametrize(("driver", "name"), [(True, "cuda"), (False, "cpu")])
def test_the_default_device_is_the_gpu_where_there_is_a_driver(monkeypatch, driver, name):
    monkeypatch.setattr("stopwatt.devices.nvml.driver_is_present", lambda: driver)
    assert resolve.default_device() == name
