"""What a meter is. One interface, one file; a vendor's library is imported only inside the functions here.

A meter from another package registers a class under the entry point `stopwatt.meters`; docs/extending.md shows one.
All of it runs in the process that samples, which may hang or die without harm to what is measured.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from stopwatt.energy import About, Scope
from stopwatt.records import Unavailable

Reading = Mapping[str, float]
"""Channel -> value, in the units of `energy.CHANNELS`. What cannot be read now is absent, never 0."""


class Gone(Exception):  # noqa: N818  (a verdict about an instrument)
    """An instrument will say nothing more; the text says why."""


class Instrument(Protocol):
    """One thing that is read: a GPU's board, a processor package, the kernel's counters.

    Attributes:
        about: What is known of it.
    """

    about: About

    def count(self) -> float | None:
        """Joules since some moment; `None` where there is no counter. Called up to some hundred times a second.

        Raises:
            Gone: It will say nothing more.
        """
        ...

    def state(self) -> Reading:
        """Everything but the counter. Called about ten times a second.

        Raises:
            Gone: It will say nothing more.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


@runtime_checkable
class Follower(Protocol):
    """An instrument that tells measured processes from others."""

    def follow(self, pid: int) -> None:
        """This process, with its threads and descendants, is what is measured from now on."""
        ...


class Meter(Protocol):
    """Finds the instruments of one interface.

    Attributes:
        name: Under which it is registered.
        scopes: Whose energy its instruments can read; empty for telemetry alone.
        verified: False for a meter that is written to its documentation but was never run by its authors.
    """

    name: str
    scopes: tuple[Scope, ...]
    verified: bool

    def find(self, device: str = "") -> tuple[Instrument, ...] | Unavailable:
        """Its instruments that have to do with a device, opened; or why there is none.

        Args:
            device: `cpu`, `cuda`, `cuda:1`; empty for all of the machine. An instrument that has nothing to do with the
                device is left out; a meter of which that leaves nothing answers with an empty tuple.
        """
        ...
