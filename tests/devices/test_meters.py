import json
import sys

import pytest

from stopwatt.devices import meters, nvml
from stopwatt.devices.host import Host
from stopwatt.devices.meters import Meter, find_meters
from stopwatt.records import Measured, Unavailable


@pytest.fixture
def machine(tmp_path):
    """A machine with these files."""

    def make(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        return Host(tmp_path, {})

    return make


ZONES = "sys/class/powercap"
TWO_PACKAGES = {
    f"{ZONES}/intel-rapl:0/name": "package-0",
    f"{ZONES}/intel-rapl:0/energy_uj": "1500000",
    f"{ZONES}/intel-rapl:0/max_energy_range_uj": "262143328850",
    f"{ZONES}/intel-rapl:0:0/name": "core",
    f"{ZONES}/intel-rapl:0:0/energy_uj": "1",
    f"{ZONES}/intel-rapl:1/name": "package-1",
    f"{ZONES}/intel-rapl:1/energy_uj": "2500000",
    f"{ZONES}/intel-rapl:2/name": "psys",
    f"{ZONES}/intel-rapl:2/energy_uj": "9",
    f"{ZONES}/intel-rapl-mmio:0/name": "package-0",
    f"{ZONES}/intel-rapl-mmio:0/energy_uj": "9",
}


def test_each_package_is_metered_once_and_no_part_of_one(machine):
    found = find_meters(host=machine(TWO_PACKAGES))
    assert [(meter.name, meter.source, meter.read()) for meter in found] == [
        ("package-0", "RAPL", Measured(1.5, "J")),
        ("package-1", "RAPL", Measured(2.5, "J")),
    ]


def test_a_counter_that_wrapped_is_unwrapped(machine):
    first, second = find_meters(host=machine(TWO_PACKAGES))
    assert first.used(Measured(262143.0, "J"), Measured(1.0, "J")).value == pytest.approx(1.32885)
    assert isinstance(second.used(Measured(2.0, "J"), Measured(1.0, "J")), Unavailable), "nobody knows where it wraps"


def test_a_reading_that_failed_makes_no_joules(machine):
    meter = find_meters(host=machine(TWO_PACKAGES))[0]
    assert meter.used(Unavailable("gone"), Measured(1.0, "J")) == Unavailable("gone")
    assert meter.used(Measured(1.0, "J"), Unavailable("gone")) == Unavailable("gone")


def test_a_counter_that_may_not_be_read_is_named_with_the_remedy(machine):
    found = find_meters(host=machine({f"{ZONES}/intel-rapl:0/name": "package-0"}))
    assert found == Unavailable(
        "RAPL is there and may not be read: sudo chmod a+r /sys/class/powercap/intel-rapl:0/energy_uj"
    )


@pytest.mark.parametrize(
    ("flags", "why"),
    [("fpu hypervisor", "virtual machine"), ("fpu", "the processor has none, or the kernel's module")],
)
def test_without_packages_the_reason_is_told(machine, flags, why):
    found = find_meters(host=machine({"proc/cpuinfo": f"processor : 0\nflags : {flags}"}))
    assert isinstance(found, Unavailable)
    assert found.why.startswith(f"no RAPL: {why}")


def answering(monkeypatch, answer):
    command = (sys.executable, "-c", f"print({json.dumps(answer)!r})")
    honest = nvml.read
    monkeypatch.setattr(meters.nvml, "read", lambda selector: honest(selector, command=command))


def test_a_gpu_has_one_meter(monkeypatch):
    answering(monkeypatch, {"energy": 1234.5, "unavailable": {}})
    (meter,) = find_meters("cuda:1")
    assert (meter.name, meter.source, meter.read()) == ("GPU 1", "NVML", Measured(1234.5, "J"))


def test_a_gpu_without_a_counter_says_so(monkeypatch):
    answering(monkeypatch, {"unavailable": {"energy": "NVML: Not Supported"}})
    assert find_meters("cuda") == Unavailable("no NVML energy counter: NVML: Not Supported")


def test_without_a_driver_there_is_no_meter(monkeypatch):
    monkeypatch.setattr(nvml, "driver_is_present", lambda: False)
    assert find_meters("cuda") == Unavailable("no NVIDIA driver is loaded on this machine")


def test_a_meter_that_never_wraps_only_goes_forward():
    meter = Meter("GPU 0", "NVML", lambda: Measured(0.0, "J"))
    assert meter.used(Measured(1.0, "J"), Measured(3.0, "J")) == Measured(2.0, "J")
