"""What a device is: something that can be waited for and asked about its memory and itself."""

from collections.abc import Callable
from typing import Protocol

from stopwatt.records import Reading, Scalar


class DeviceTimer(Protocol):
    """Pairs of events on the device's own clock."""

    def start(self, trial: int) -> None:
        """Record the start event of a trial."""
        ...

    def stop(self, trial: int) -> None:
        """Record its end event."""
        ...

    def has_begun(self, trial: int) -> bool:
        """Whether the device has reached the start event; does not wait."""
        ...

    def wait(self, trial: int) -> None:
        """Return when the device has reached the end event."""
        ...

    def elapsed_ns(self, trials: int) -> list[float]:
        """Nanoseconds between the events of the first `trials` trials; waits for them."""
        ...


class Device(Protocol):
    """`cpu`, or one accelerator.

    Attributes:
        name: As the user writes it (`cpu`, `cuda:0`).
        kind: `cpu` or `cuda`.
        warmup_seconds: Least time of warm-up (the clocks of a GPU take longer to settle).
    """

    name: str
    kind: str
    warmup_seconds: float

    def synchronize(self) -> None:
        """Return when all work given to the device is done."""
        ...

    def timer(self, trials: int) -> DeviceTimer | None:
        """Event pairs for so many trials, where the device has a clock of its own."""
        ...

    def occupy(self, seconds: float) -> None:
        """Give the device about so much empty work, so that what follows is queued before it starts."""
        ...

    def capture(self, work: Callable[[], object]) -> Callable[[], None] | None:
        """Record the work that a call gives to the device; what is returned gives it again, all at once.

        `None` where a device has no such thing. What the runtime raises where the work cannot be recorded is not
        translated.
        """
        ...

    def exercise(self) -> Callable[[], None]:
        """A fixed piece of work: what is returned gives it to the device, some milliseconds of matrix products.

        The same on every call, in every process and beside every model, so that two times at which it takes different
        energy are two states of the device. Its memory is taken here (read `peak_memory` before) and free again when
        what is returned is dropped. What the device raises where there is no room is not translated.
        """
        ...

    def flush_cache(self) -> None:
        """Leave nothing of before in the caches, by writing more than the largest holds."""
        ...

    def reset_peak_memory(self) -> None:
        """Start a new period for `peak_memory`."""
        ...

    def peak_memory(self) -> Reading:
        """Bytes on the device at the period's peak."""
        ...

    def facts(self) -> dict[str, Scalar]:
        """What identifies and describes the device now."""
        ...
