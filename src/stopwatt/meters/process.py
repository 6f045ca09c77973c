"""What the kernel counts of the measured processes, and of the CPUs that they may use."""

import os
from collections.abc import Iterator, Sequence

from stopwatt.devices import cgroup
from stopwatt.devices.cpu_facts import allowed_cpus, sensors
from stopwatt.devices.host import Host
from stopwatt.devices.usage import machine_seconds
from stopwatt.energy import About, Scope
from stopwatt.meters.base import Instrument, Reading
from stopwatt.meters.lineage import Lineage
from stopwatt.records import Unavailable

_SYS = "sys/devices/system/cpu"
_MOST_CLOCKS = 16
"""CPUs whose clock is read; reading one may interrupt it."""
_LOOK_EVERY = 10
"""Descendants are looked for in one of so many readings; those that end in between are counted by their parents."""
_LOOK_ON = 10
"""They are looked for in each of so many readings at the beginning, and after some were new: they come together, and
the time of one that is found late falls into the wrong interval."""


class Kernel:
    """The instrument.

    Args:
        host: The machine.
        own: This process, which is never one of the measured.
    """

    def __init__(self, host: Host, own: int) -> None:
        self._host, self._own = host, own
        self._cpus = allowed_cpus(host)
        self._groups = [folder for _, folder in cgroup.groups(host, "cpu")]
        self._clocks = _clock_files(host, sorted(self._cpus))
        self._sensor = next((file for file in sensors(host) if host.number(file) is not None), "")
        self._throttles = _throttle_files(host, sorted(self._cpus))
        self._lineage: Lineage | None = None
        self._readings, self._look_until = 0, _LOOK_ON
        some = len(self._clocks) < len(self._cpus)
        self.about = About(
            "process",
            Scope.NONE,
            "Linux",
            quirks=(
                "CPU times come in steps of 10 ms",
                *(
                    (f"the clock is the mean of {len(self._clocks)} of {len(self._cpus)} CPUs",)
                    if self._clocks and some
                    else ()
                ),
            ),
        )

    def follow(self, pid: int) -> None:
        """This process, with its threads and descendants, is what is measured from now on."""
        self._lineage = Lineage(self._host, pid, without=self._own)
        self._readings, self._look_until = 0, _LOOK_ON

    def count(self) -> float | None:
        """It has no energy."""
        return None

    def state(self) -> Reading:
        """Counters and states of now."""
        busy_s, steal_s = machine_seconds(self._host, self._cpus)
        throttling = cgroup.throttling(self._host, self._groups)
        millidegrees = self._host.number(self._sensor) if self._sensor else None
        found: dict[str, float | None] = {
            "busy": busy_s,
            "steal": steal_s,
            "throttled_count": throttling.count if throttling else None,
            "throttled": throttling.seconds if throttling else None,
            "cpu_clock": _mean_mhz(self._host, self._clocks),
            "temperature": None if millidegrees is None else millidegrees / 1000,
            "heat_throttles": _sum(self._host, self._throttles),
            **self._measured(),
        }
        return {name: float(value) for name, value in found.items() if value is not None}

    def close(self) -> None:
        """It holds nothing."""

    def _measured(self) -> dict[str, float | None]:
        if self._lineage is None:
            return {}
        self._look(self._lineage)
        used = self._lineage.used()
        if used is None:
            return {}
        return {
            "own": used.own_s,
            "switches": used.switches,
            "major_faults": used.major_faults,
            "resident": used.resident,
            "resident_peak": used.resident_peak or None,
        }

    def _look(self, lineage: Lineage) -> None:
        """Look for descendants, often as long as new ones come."""
        if self._readings < self._look_until or self._readings % _LOOK_EVERY == 0:
            before = lineage.members
            if set(lineage.look()).difference(before):
                self._look_until = self._readings + _LOOK_ON
        self._readings += 1


class Process:
    """Finds the kernel's counters."""

    name = "process"
    scopes: tuple[Scope, ...] = ()
    verified = True

    def __init__(self, host: Host | None = None) -> None:
        self._host = host or Host()

    def find(self, device: str = "") -> tuple[Instrument, ...] | Unavailable:  # noqa: ARG002  (every device has a host)
        """One instrument, on any Linux."""
        if not self._host.exists("proc/stat"):
            return Unavailable("/proc is not mounted here")
        return (Kernel(self._host, os.getpid()),)


def _clock_files(host: Host, cpus: Sequence[int]) -> list[str]:
    some = cpus[:: -(-len(cpus) // _MOST_CLOCKS) or 1]
    files = [f"{_SYS}/cpu{number}/cpufreq/scaling_cur_freq" for number in some]
    return [file for file in files if host.number(file) is not None]


def _mean_mhz(host: Host, files: Sequence[str]) -> float | None:
    kilohertz = [value for value in map(host.number, files) if value is not None]
    return sum(kilohertz) / len(kilohertz) / 1000 if kilohertz else None


def _throttle_files(host: Host, cpus: Sequence[int]) -> list[str]:
    """One for each package; its CPUs repeat the counter."""

    def of_each() -> Iterator[tuple[int | None, str]]:
        for number in cpus:
            file = f"{_SYS}/cpu{number}/thermal_throttle/package_throttle_count"
            if host.number(file) is not None:
                yield host.number(f"{_SYS}/cpu{number}/topology/physical_package_id"), file

    return list(dict(of_each()).values())


def _sum(host: Host, files: Sequence[str]) -> float | None:
    counts = [value for value in map(host.number, files) if value is not None]
    return float(sum(counts)) if counts else None
