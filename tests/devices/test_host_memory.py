import pytest
from machines import LAPTOP

from stopwatt.devices.host import Host
from stopwatt.devices.memory import HostMemory
from stopwatt.records import Measured, Unavailable

MEBIBYTE = 2**20


def test_the_peak_is_read_in_bytes(laptop):
    (laptop.root / "proc/self/clear_refs").write_text("")
    assert HostMemory(laptop).peak() == Measured(2048 * 1024.0, "B")
    assert (laptop.root / "proc/self/clear_refs").read_text() == "5"


def test_a_refused_reset_makes_the_peak_unavailable_and_says_why(build):
    host = build({**LAPTOP, "proc/self/clear_refs/is_a_folder": ""})
    reading = HostMemory(host).peak()
    assert isinstance(reading, Unavailable)
    assert "refused" in reading.why


def test_a_kernel_without_the_counter_makes_it_unavailable(build):
    assert isinstance(HostMemory(build({"proc/self/status": "Name: x"})).peak(), Unavailable)


def test_a_peak_that_has_passed_is_seen_and_belongs_to_its_period_only():
    first = HostMemory()
    if isinstance(first.peak(), Unavailable):
        pytest.skip("this kernel does not let a process reset its peak")
    block = bytearray(64 * MEBIBYTE)
    block[::4096] = b"x" * len(block[::4096])
    del block
    high = first.peak()
    low = HostMemory(Host()).peak()
    assert isinstance(high, Measured)
    assert isinstance(low, Measured)
    assert high.value - low.value > 48 * MEBIBYTE
