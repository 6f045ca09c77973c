"""The host's processor as a device."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stopwatt.devices.base import DeviceTimer
from stopwatt.devices.facts import host_facts
from stopwatt.records import Reading, Scalar, Unavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_USUAL = 64 * 2**20
_LARGEST = 512 * 2**20
_CORE_LEVEL = "2"
_USUAL_CORE = 2**20
_SIDE = 512
"""Of the square matrix that `exercise` multiplies by itself: some milliseconds on one core."""


def largest_cache(caches: Path = CACHES) -> int:
    """Bytes of the largest cache that the kernel tells of; 64 MiB where it tells of none, 512 MiB at most."""
    return min(max(map(_size, caches.glob("index*/size")), default=_USUAL), _LARGEST)


def core_cache(caches: Path = CACHES) -> int:
    """Bytes of the second-level cache, the last that a core has to itself; 1 MiB where the kernel tells of none."""
    levels = [path for path in caches.glob("index*/level") if path.read_text().strip() == _CORE_LEVEL]
    return max((_size(path.with_name("size")) for path in levels), default=_USUAL_CORE)


def _size(path: Path) -> int:
    text = path.read_text().strip()
    unit = {"K": 2**10, "M": 2**20}.get(text[-1:], 1)
    return int(text.rstrip("KM")) * unit


class Cpu:
    """Work on it is done when the call returns, and its memory is the host's."""

    name = "cpu"
    kind = "cpu"
    warmup_seconds = 1.0

    def __init__(self) -> None:
        self._flush_buffer: NDArray[np.uint8] | None = None

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def timer(self, trials: int) -> DeviceTimer | None:  # noqa: ARG002  (the interface has it)
        """None: the host's clock is the device's clock."""
        return None

    def occupy(self, seconds: float) -> None:
        """Nothing: the host has no queue."""

    def capture(self, work: Callable[[], object]) -> Callable[[], None] | None:  # noqa: ARG002  (the interface has it)
        """None: calls are not queued."""
        return None

    def exercise(self) -> Callable[[], None]:
        """The product of a random matrix with itself, by as many threads as numpy's own library uses."""
        matrix = np.random.default_rng(0).standard_normal((_SIDE, _SIDE), dtype=np.float32)
        result = np.empty_like(matrix)

        def work() -> None:
            np.matmul(matrix, matrix, out=result)

        return work

    def flush_cache(self) -> None:
        """Write twice the size of the largest cache; the first call allocates that."""
        if self._flush_buffer is None:
            self._flush_buffer = np.zeros(2 * largest_cache(), dtype=np.uint8)
        self._flush_buffer += 1

    def reset_peak_memory(self) -> None:
        """Nothing to start; see `devices.memory`."""

    def peak_memory(self) -> Reading:
        """Unavailable; `devices.memory.HostMemory` measures the host."""
        return Unavailable("a CPU has no memory of its own")

    def facts(self) -> dict[str, Scalar]:
        """The facts of the host that could be read."""
        return dict(host_facts(self.name))
