"""RAPL through perf events, where powercap may not be read but perf may (`perf_event_paranoid`, CAP_PERFMON).

perf_event_open(2); the kernel tells the events' numbers and scales in /sys/bus/event_source/devices/power. Written to
that documentation; its authors had no machine to run it on.
"""

import ctypes
import os
import struct
from collections.abc import Callable, Iterator

from stopwatt.devices.host import Host, cpu_list
from stopwatt.energy import About, Scope
from stopwatt.meters.base import Gone, Instrument, Reading
from stopwatt.meters.rapl import package_zones, why_none, why_unreadable
from stopwatt.records import Unavailable

_PMU = "sys/bus/event_source/devices/power"
_EVENTS = {"energy-pkg": Scope.PACKAGE, "energy-ram": Scope.DRAM}
_OPEN = 298  # perf_event_open on x86-64, and there is RAPL nowhere else
_ATTR_BYTES = 64  # PERF_ATTR_SIZE_VER0
_CLOSE_ON_EXEC = 8

Open = Callable[[int, int, int], int]
"""(type, config, cpu) -> descriptor, or `OSError`."""


class Event:
    """One counter.

    Args:
        about: What is known of it.
        descriptor: Of the event, owned from now on.
        joules: Of one count.
    """

    def __init__(self, about: About, descriptor: int, joules: float) -> None:
        self.about = about
        self._descriptor = descriptor
        self._joules = joules

    def count(self) -> float:
        """Joules since it was opened; 64 bits, which never wrap.

        Raises:
            Gone: It cannot be read any more.
        """
        try:
            return float(struct.unpack("Q", os.read(self._descriptor, 8))[0] * self._joules)
        except (OSError, struct.error) as error:
            raise Gone(f"the perf event cannot be read any more: {error}") from None

    def state(self) -> Reading:
        """It has nothing but the counter."""
        return {}

    def close(self) -> None:
        """Close the event."""
        os.close(self._descriptor)


def open_event(kind: int, config: int, cpu: int) -> int:
    """A descriptor that counts an event on one CPU, for all processes.

    Raises:
        OSError: The kernel refuses.
    """
    attributes = struct.pack("IIQ", kind, _ATTR_BYTES, config).ljust(_ATTR_BYTES, b"\0")
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(_OPEN, attributes, -1, cpu, -1, ctypes.c_ulong(_CLOSE_ON_EXEC))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(descriptor)


class Perf:
    """Finds the events, on machines where powercap does not give them.

    Args:
        host: The machine; by default the one that we run on.
        open_: Opens an event.
    """

    name = "perf"
    scopes = (Scope.PACKAGE, Scope.DRAM)
    verified = False

    def __init__(self, host: Host | None = None, open_: Open = open_event) -> None:
        self._host = host or Host()
        self._open = open_

    def find(self, device: str = "") -> tuple[Instrument, ...] | Unavailable:  # noqa: ARG002  (every device has a host)
        """One instrument for each package and event; none where powercap has the same counters."""
        packages = package_zones(self._host)
        hidden = why_unreadable(self._host, packages)
        if packages and not hidden:
            return ()
        kind = self._host.number(f"{_PMU}/type")
        if kind is None:
            return Unavailable(hidden or f"no RAPL: {why_none(self._host)}")
        found: list[Instrument] = []
        try:
            found.extend(self._events(kind))
        except OSError as error:
            for one in found:
                one.close()
            through = f"RAPL is there and may not be read through perf ({error.strerror})"
            return Unavailable(hidden or f"{through}: sudo sysctl kernel.perf_event_paranoid=0")
        return tuple(found) or Unavailable(hidden or f"no RAPL: {why_none(self._host)}")

    def _events(self, kind: int) -> Iterator[Event]:
        """Of each package: the kernel names one of its CPUs."""
        for event, scope in _EVENTS.items():
            config = (self._host.text(f"{_PMU}/events/{event}") or "").removeprefix("event=")
            scale = self._host.text(f"{_PMU}/events/{event}.scale")
            if config and scale:
                for place, cpu in enumerate(sorted(cpu_list(self._host.text(f"{_PMU}/cpumask") or ""))):
                    about = About(f"{scope}-{place}", scope, "RAPL (perf)")
                    yield Event(about, self._open(kind, int(config, 16), cpu), float(scale))
