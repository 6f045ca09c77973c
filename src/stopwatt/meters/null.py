"""An instrument that reads nothing: for tests, and for what a sampler costs by itself."""

from stopwatt.energy import About, Scope
from stopwatt.meters.base import Instrument, Reading


class Nothing:
    """The instrument."""

    about = About("null", Scope.NONE, "null")

    def count(self) -> float | None:
        """There is no counter."""
        return None

    def state(self) -> Reading:
        """There is nothing to read."""
        return {}

    def close(self) -> None:
        """It holds nothing."""


class Null:
    """Finds it everywhere."""

    name = "null"
    scopes: tuple[Scope, ...] = ()
    verified = True

    def find(self, device: str = "") -> tuple[Instrument, ...]:  # noqa: ARG002  (the contract)
        """One instrument, whatever the device."""
        return (Nothing(),)
