import errno
import os
import struct
from pathlib import Path

import pytest

from stopwatt.energy import Scope
from stopwatt.meters.base import Gone
from stopwatt.meters.perf import Perf
from stopwatt.meters.rapl import Rapl
from stopwatt.records import Unavailable

ZONES = "sys/class/powercap"
TWO_PACKAGES = {
    f"{ZONES}/intel-rapl:0/name": "package-0",
    f"{ZONES}/intel-rapl:0/energy_uj": "1500000",
    f"{ZONES}/intel-rapl:0/max_energy_range_uj": "262143328850",
    f"{ZONES}/intel-rapl:0:0/name": "core",
    f"{ZONES}/intel-rapl:0:0/energy_uj": "1",
    f"{ZONES}/intel-rapl:0:1/name": "dram",
    f"{ZONES}/intel-rapl:0:1/energy_uj": "500000",
    f"{ZONES}/intel-rapl:1/name": "package-1",
    f"{ZONES}/intel-rapl:1/energy_uj": "2500000",
    f"{ZONES}/intel-rapl:2/name": "psys",
    f"{ZONES}/intel-rapl:2/energy_uj": "9",
    f"{ZONES}/intel-rapl-mmio:0/name": "package-0",
    f"{ZONES}/intel-rapl-mmio:0/energy_uj": "9",
}
HIDDEN = {f"{ZONES}/intel-rapl:0/name": "package-0"}
PMU = "sys/bus/event_source/devices/power"
EVENTS = {
    f"{PMU}/type": "20", f"{PMU}/cpumask": "0,8",
    f"{PMU}/events/energy-pkg": "event=0x02", f"{PMU}/events/energy-pkg.scale": "2.3283064365386962890625e-10",
    f"{PMU}/events/energy-ram": "event=0x03", f"{PMU}/events/energy-ram.scale": "2.3283064365386962890625e-10",
}  # fmt: skip


def test_each_package_and_its_memory_are_read_once_and_no_part_of_one(build):
    found = Rapl(build(TWO_PACKAGES)).find("cpu")
    assert [(one.about.name, one.about.scope, one.count(), one.state()) for one in found] == [
        ("package-0", Scope.PACKAGE, 1.5, {}),
        ("dram-0", Scope.DRAM, 0.5, {}),
        ("package-1", Scope.PACKAGE, 2.5, {}),
    ]


def test_it_is_known_where_a_counter_wraps_or_said_that_nobody_knows(build):
    first, _, second = Rapl(build(TWO_PACKAGES)).find()
    assert first.about.wraps_j == 262143.32885
    assert second.about.wraps_j is None
    assert "nobody knows where it wraps" in second.about.quirks


def test_a_counter_that_may_not_be_read_is_named_with_the_remedy(build):
    why = "RAPL is there and may not be read: sudo chmod a+r /sys/class/powercap/intel-rapl:0/energy_uj"
    assert Rapl(build(HIDDEN)).find() == Unavailable(why)
    assert Perf(build(HIDDEN)).find() == Unavailable(why)


def test_a_counter_that_vanishes_says_so(build):
    host = build(TWO_PACKAGES)
    one = Rapl(host).find()[0]
    (host.root / f"{ZONES}/intel-rapl:0/energy_uj").unlink()
    with pytest.raises(Gone, match="intel-rapl:0/energy_uj cannot be read any more"):
        one.count()


@pytest.mark.parametrize("meter", [Rapl, Perf])
@pytest.mark.parametrize(
    ("flags", "why"),
    [("fpu hypervisor", "virtual machine"), ("fpu", "the processor has none, or the kernel's module for it is not")],
)
def test_without_packages_the_reason_is_told(build, meter, flags, why):
    found = meter(build({"proc/cpuinfo": f"processor : 0\nflags : {flags}"})).find()
    assert isinstance(found, Unavailable)
    assert found.why.startswith(f"no RAPL: {why}")


class Events:
    """Events of perf, each a file with its count."""

    def __init__(self, folder, allowed=4):
        self.folder, self.allowed, self.opened = folder, allowed, []

    def __call__(self, kind, config, cpu):
        if len(self.opened) == self.allowed:
            raise OSError(errno.EACCES, "Permission denied")
        self.opened.append((kind, config, cpu))
        path = self.folder / f"{config}-{cpu}"
        path.write_bytes(struct.pack("Q", 2**32))
        return os.open(path, os.O_RDONLY)


def test_perf_gives_what_powercap_hides(build, tmp_path):
    events = Events(tmp_path)
    found = Perf(build({**HIDDEN, **EVENTS}), events).find()
    assert events.opened == [(20, 2, 0), (20, 2, 8), (20, 3, 0), (20, 3, 8)]
    assert [(one.about.name, one.about.scope) for one in found] == [
        ("package-0", Scope.PACKAGE), ("package-1", Scope.PACKAGE), ("dram-0", Scope.DRAM), ("dram-1", Scope.DRAM),
    ]  # fmt: skip
    assert found[0].count() == pytest.approx(1.0)
    with pytest.raises(Gone):
        found[0].count()  # the file has ended
    for one in found:
        one.close()


def test_perf_adds_nothing_to_what_powercap_gives(build, tmp_path):
    events = Events(tmp_path)
    assert Perf(build({**TWO_PACKAGES, **EVENTS}), events).find() == ()
    assert not events.opened


def test_where_perf_is_refused_too_nothing_stays_open_and_the_remedy_is_told(build, tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    found = Perf(build(EVENTS), Events(tmp_path, allowed=2)).find()
    assert found == Unavailable(
        "RAPL is there and may not be read through perf (Permission denied): sudo sysctl kernel.perf_event_paranoid=0"
    )
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_kernel_refuses_an_event_that_does_not_exist_by_raising():
    from stopwatt.meters.perf import open_event

    with pytest.raises(OSError, match=r"."):
        open_event(0xFFFF, 2, 0)
