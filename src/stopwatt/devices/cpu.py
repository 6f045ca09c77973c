"""The host's processor as a device."""

from stopwatt.devices.base import DeviceTimer
from stopwatt.devices.facts import host_facts
from stopwatt.records import Reading, Scalar, Unavailable


class Cpu:
    """Work on it is done when the call returns, and its memory is the host's."""

    name = "cpu"
    kind = "cpu"
    warmup_seconds = 1.0

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def timer(self, trials: int) -> DeviceTimer | None:  # noqa: ARG002  (the interface has it)
        """None: the host's clock is the device's clock."""
        return None

    def occupy(self, seconds: float) -> None:
        """Nothing: the host has no queue."""

    def reset_peak_memory(self) -> None:
        """Nothing to start; see `devices.memory`."""

    def peak_memory(self) -> Reading:
        """Unavailable; `devices.memory.HostMemory` measures the host."""
        return Unavailable("a CPU has no memory of its own")

    def facts(self) -> dict[str, Scalar]:
        """The facts of the host that could be read."""
        return dict(host_facts(self.name))
