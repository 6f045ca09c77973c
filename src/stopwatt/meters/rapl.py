"""RAPL: energy counters of processor packages and their memory, through the files of the kernel's powercap.

Linux kernel documentation, power/powercap/powercap.rst. AMD's packages have the names of Intel's. Written to that
documentation; its authors had no machine to run it on.
"""

import re
from collections.abc import Iterator, Sequence

from stopwatt.devices.fact import machine_of
from stopwatt.devices.facts import FACTS
from stopwatt.devices.host import Host
from stopwatt.energy import About, Scope
from stopwatt.meters.base import Gone, Instrument, Reading
from stopwatt.records import Unavailable

_POWERCAP = "sys/class/powercap"
_PACKAGE = re.compile(r"intel-rapl:\d+")  # `intel-rapl-mmio:0` is the same counter again
_PER_JOULE = 1e6


class Zone:
    """The counter of one package, or of its memory.

    Args:
        host: The machine.
        folder: Of the zone.
        about: What is known of it.
    """

    def __init__(self, host: Host, folder: str, about: About) -> None:
        self.about = about
        self._host = host
        self._file = f"{folder}/energy_uj"

    def count(self) -> float:
        """Joules since some moment.

        Raises:
            Gone: The file cannot be read any more.
        """
        counted = self._host.number(self._file)
        if counted is None:
            raise Gone(f"/{self._file} cannot be read any more")
        return counted / _PER_JOULE

    def state(self) -> Reading:
        """It has nothing but the counter."""
        return {}

    def close(self) -> None:
        """It holds nothing."""


class Rapl:
    """Finds the packages, and their memory where it is counted.

    Args:
        host: The machine; by default the one that we run on.
    """

    name = "rapl"
    scopes = (Scope.PACKAGE, Scope.DRAM)
    verified = False

    def __init__(self, host: Host | None = None) -> None:
        self._host = host or Host()

    def find(self, device: str = "") -> tuple[Instrument, ...] | Unavailable:  # noqa: ARG002  (every device has a host)
        """One instrument for each counter."""
        zones = [
            zone for package in package_zones(self._host) for zone in (package, *_memory_zones(self._host, package))
        ]
        why = "" if zones else f"no RAPL: {why_none(self._host)}"
        why = why or why_unreadable(self._host, zones)
        return Unavailable(why) if why else tuple(_zone(self._host, zone) for zone in zones)


def package_zones(host: Host) -> list[str]:
    """Folders of the packages."""
    zones = [f"{_POWERCAP}/{name}" for name in host.children(_POWERCAP) if _PACKAGE.fullmatch(name)]
    return [zone for zone in zones if (host.text(f"{zone}/name") or "").startswith("package")]


def why_unreadable(host: Host, zones: Sequence[str]) -> str:
    """Why counters may not be read, with the remedy: the kernel allows it to root alone unless somebody changed it."""
    hidden = [f"/{zone}/energy_uj" for zone in zones if host.number(f"{zone}/energy_uj") is None]
    return f"RAPL is there and may not be read: sudo chmod a+r {' '.join(hidden)}" if hidden else ""


def why_none(host: Host) -> str:
    """Why a machine has no package counters."""
    virtual = FACTS["cpu.virtual"].read(machine_of(host)) is True
    return "virtual machine" if virtual else "the processor has none, or the kernel's module for it is not loaded"


def _memory_zones(host: Host, package: str) -> Iterator[str]:
    """Below a package the folder shows its parts, which powercap also lists side by side."""
    start = f"{package.rpartition('/')[2]}:"
    for name in host.children(_POWERCAP):
        if name.startswith(start) and host.text(f"{_POWERCAP}/{name}/name") == "dram":
            yield f"{_POWERCAP}/{name}"


def _zone(host: Host, folder: str) -> Zone:
    name = host.text(f"{folder}/name") or ""
    place = folder.rpartition("/")[2].split(":")[1]
    scope = Scope.DRAM if name == "dram" else Scope.PACKAGE
    range_uj = host.number(f"{folder}/max_energy_range_uj")
    quirks = (
        *(("it holds all cores of the package, whoever uses them",) if scope is Scope.PACKAGE else ()),
        *(("nobody knows where it wraps",) if not range_uj else ()),
    )
    named = name if scope is Scope.PACKAGE else f"dram-{place}"
    return Zone(host, folder, About(named, scope, "RAPL (powercap)", wraps_j=_joules(range_uj), quirks=quirks))


def _joules(range_uj: int | None) -> float | None:
    return range_uj / _PER_JOULE if range_uj else None
