"""Meters of energy: counters that the machine keeps by itself, of processor packages (RAPL) and of one GPU (NVML)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from stopwatt.devices import nvml
from stopwatt.devices.fact import machine_of
from stopwatt.devices.facts import FACTS
from stopwatt.devices.host import Host
from stopwatt.devices.resolve import kind_of
from stopwatt.records import Measured, Reading, Unavailable

_POWERCAP = "sys/class/powercap"
_PACKAGE = re.compile(r"intel-rapl:\d+")  # AMD's packages have the same name; their parts are intel-rapl:0:0
_PER_JOULE = 1e6


@dataclass(frozen=True, slots=True)
class Meter:
    """A counter of the energy that a part of the machine has used. Only differences mean something.

    Attributes:
        name: `package-0`, `GPU 0`.
        source: `RAPL` or `NVML`.
        read: Joules since some moment, or why there is no reading.
        wraps_j: What the counter holds at most before it begins at 0 again.
    """

    name: str
    source: str
    read: Callable[[], Reading]
    wraps_j: float = inf

    def used(self, before: Reading, after: Reading) -> Reading:
        """Joules between two readings; the counter may have wrapped once.

        A package at 300 W wraps in about 15 minutes: read more often than that.
        """
        for one in (before, after):
            if isinstance(one, Unavailable):
                return one
        assert isinstance(before, Measured)  # noqa: S101  (for the type checker)
        assert isinstance(after, Measured)  # noqa: S101
        joules = after.value - before.value
        if joules < 0:
            joules += self.wraps_j
        if not 0 <= joules < inf:
            return Unavailable(f"the counter of {self.name} went backwards")
        return Measured(joules, "J")


def find_meters(device: str = "cpu", host: Host | None = None) -> tuple[Meter, ...] | Unavailable:
    """The meters of a device: one for each processor package, or that of the GPU; or why there is none.

    Args:
        device: `cpu`, `cuda`, `cuda:1`.
        host: The machine; by default the one that we run on.
    """
    host = host or Host()
    return _packages(host) if kind_of(device) == "cpu" else _gpu(int(device.partition(":")[2] or 0), host)


def _packages(host: Host) -> tuple[Meter, ...] | Unavailable:
    zones = [f"{_POWERCAP}/{name}" for name in host.children(_POWERCAP) if _PACKAGE.fullmatch(name)]
    packages = [zone for zone in zones if (host.text(f"{zone}/name") or "").startswith("package")]
    if not packages:
        virtual = FACTS["cpu.virtual"].read(machine_of(host)) is True
        why = "virtual machine" if virtual else "the processor has none, or the kernel's module for it is not loaded"
        return Unavailable(f"no RAPL: {why}")
    hidden = [zone for zone in packages if host.number(f"{zone}/energy_uj") is None]
    if hidden:
        file = f"/{hidden[0]}/energy_uj"
        return Unavailable(f"RAPL is there and may not be read: sudo chmod a+r {file}")
    return tuple(_package(host, zone) for zone in packages)


def _package(host: Host, zone: str) -> Meter:
    name = host.text(f"{zone}/name") or zone

    def read() -> Reading:
        counted = host.number(f"{zone}/energy_uj")
        return (
            Unavailable(f"/{zone}/energy_uj cannot be read") if counted is None else Measured(counted / _PER_JOULE, "J")
        )

    return Meter(name, "RAPL", read, (host.number(f"{zone}/max_energy_range_uj") or inf) / _PER_JOULE)


def _gpu(index: int, host: Host) -> tuple[Meter, ...] | Unavailable:
    selector = nvml.selector_of(index, host.env)

    def read() -> Reading:
        try:
            answer = nvml.read(selector)
        except nvml.Unreadable as error:
            return Unavailable(str(error))
        if "energy" in answer:
            return Measured(float(answer["energy"]), "J")
        return Unavailable(f"no NVML energy counter: {answer['unavailable'].get('energy', 'the driver does not say')}")

    first = read()
    return first if isinstance(first, Unavailable) else (Meter(f"GPU {index}", "NVML", read),)
