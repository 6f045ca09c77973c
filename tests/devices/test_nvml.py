import importlib.util
import json
import sys
from importlib.machinery import ModuleSpec
from types import SimpleNamespace

import pytest

from stopwatt.devices import nvml
from stopwatt.devices.fact import machine_of
from stopwatt.devices.facts import FACTS, read_facts
from stopwatt.devices.gpu_facts import foreign
from stopwatt.records import Unavailable

READING = {
    "unavailable": {"ecc": "NVML: Not Supported"},
    "name": "NVIDIA H200", "driver": "580.1", "memory": 150 * 10**9, "mig": False, "slowdown": "none",
    "processes": [{"pid": 77, "bytes": 3 * 2**30, "name": "train"}],
}  # fmt: skip


def answering(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"print({text!r})")


def test_a_reading_comes_from_a_process_of_its_own():
    assert nvml.read("0", command=answering(json.dumps(READING))) == READING


def test_a_driver_that_hangs_costs_its_time_limit_only():
    with pytest.raises(nvml.Unreadable, match=r"within 0\.2 s"):  # it would end by itself after ten minutes
        nvml.read("0", timeout_s=0.2, command=(sys.executable, "-c", "import time; time.sleep(600)"))


def test_a_driver_that_crashes_is_unreadable():
    with pytest.raises(nvml.Unreadable, match="exit code -11"):
        nvml.read("0", command=(sys.executable, "-c", "import ctypes; ctypes.string_at(0)"))


def test_a_refusal_of_the_driver_is_told():
    with pytest.raises(nvml.Unreadable, match="knows 1 GPU"):
        nvml.read("0", command=answering(json.dumps({"error": "the driver knows 1 GPU(s)"})))


def test_without_a_driver_no_process_is_started(monkeypatch):
    monkeypatch.setattr(nvml, "driver_is_present", lambda: False)
    monkeypatch.setattr("subprocess.Popen", None)
    with pytest.raises(nvml.Unreadable, match="no NVIDIA driver"):
        nvml.read("0")


def test_the_module_of_nvidia_is_accepted():
    assert nvml.unofficial_module() == ""


def test_a_module_of_somebody_else_is_refused_with_the_fix(monkeypatch, tmp_path):
    spec = ModuleSpec("pynvml", None, origin=str(tmp_path / "pynvml" / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    assert "pip uninstall --yes pynvml && pip install --force-reinstall nvidia-ml-py" in nvml.unofficial_module()


def test_the_module_of_somebody_else_makes_the_gpu_unreadable(monkeypatch):
    monkeypatch.setattr(nvml, "unofficial_module", lambda: "not NVIDIA's")
    assert nvml._answer("0") == {"error": "not NVIDIA's"}


@pytest.mark.parametrize(
    ("env", "index", "selector"),
    [
        ({}, 1, "1"),
        ({"CUDA_VISIBLE_DEVICES": "3,2"}, 1, "2"),
        ({"CUDA_VISIBLE_DEVICES": "GPU-abc, GPU-def"}, 1, "GPU-def"),
        ({"CUDA_VISIBLE_DEVICES": "2"}, 1, "1"),
    ],
)
def test_cudas_numbers_are_mapped_to_the_drivers(env, index, selector):
    assert nvml.selector_of(index, env) == selector


@pytest.mark.parametrize(
    ("bits", "words"),
    [(0, "none"), (0x1, "none"), (0x4, "power cap"), (0x48, "hardware slowdown, hardware thermal slowdown")],
)
def test_reasons_of_a_low_clock_are_words(bits, words):
    assert nvml.slowdown_text(bits) == words


def test_a_query_that_the_gpu_does_not_know_costs_its_own_reading(monkeypatch):
    class NVMLError(Exception):
        pass

    def refuse(*_):
        raise NVMLError("Not Supported")

    class Fake(SimpleNamespace):
        def __getattr__(self, name):
            return refuse

    fake = Fake(
        NVMLError=NVMLError, NVML_CLOCK_SM=1, NVML_CLOCK_MEM=2, NVML_TEMPERATURE_GPU=0,
        nvmlInit=lambda: None, nvmlDeviceGetCount=lambda: 1, nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda gpu: "NVIDIA H200", nvmlDeviceGetClockInfo=lambda gpu, clock: 1980,
    )  # fmt: skip
    monkeypatch.setattr(nvml, "unofficial_module", lambda: "")
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    answer = nvml._answer("0")
    assert (answer["name"], answer["sm_clock"]) == ("NVIDIA H200", 1980.0)
    assert answer["unavailable"]["ecc"] == "NVML: Not Supported"
    assert "knows 1 GPU(s)" in nvml._answer("5")["error"]


def test_facts_take_their_values_from_the_reading(build):
    machine = machine_of(build({}), READING)
    assert FACTS["gpu.name"].read(machine) == "NVIDIA H200"
    assert FACTS["gpu.mig"].read(machine) is False
    assert FACTS["gpu.ecc"].read(machine) == Unavailable("NVML: Not Supported")
    assert FACTS["gpu.others"].read(machine) == 1
    assert FACTS["gpu.other_names"].read(machine) == "pid 77 train (3.00 GiB)"


def test_a_gpu_that_cannot_be_read_says_so_in_every_fact(monkeypatch):
    def hang(selector):
        raise nvml.Unreadable("the driver did not answer")

    monkeypatch.setattr(nvml, "read", hang)
    facts = read_facts("cuda:0")
    assert facts.unavailable["gpu.name"] == facts.unavailable["gpu.others"] == "the driver did not answer"


def test_relatives_of_this_process_are_not_foreign(build):
    tree = {10: 1, 20: 10, 30: 20, 40: 30, 50: 10}  # pid -> parent
    host = build({f"proc/{pid}/stat": f"{pid} (a ) b) S {parent} 0 0" for pid, parent in tree.items()})
    on_gpu = [{"pid": pid, "bytes": 0, "name": ""} for pid in (20, 30, 40, 50, 99)]
    assert [process["pid"] for process in foreign(host, on_gpu, own=30)] == [50, 99]
