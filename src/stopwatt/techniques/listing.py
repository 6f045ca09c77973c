"""Where each technique may be used, asked of the techniques themselves; no model and no runtime is touched."""

from dataclasses import dataclass, replace

from stopwatt.backends import catalogue as backends
from stopwatt.backends.requests import device_kind
from stopwatt.errors import Unsupported
from stopwatt.records import Setup
from stopwatt.techniques import catalogue


@dataclass(frozen=True, slots=True)
class Listed:
    """A technique on a kind of device.

    Attributes:
        label: As a user writes it, with its usual argument: `prune:0.5`.
        summary: One line.
        exact: Whether the function stays the same up to rounding.
        last: Whether nothing may come after it.
        backends: Those that may run what it leaves.
        precisions: In which they may, one of them at least.
        why: Why there is none; empty where there are some.
        now: What to do about it.
    """

    label: str
    summary: str
    exact: bool
    last: bool
    backends: tuple[str, ...]
    precisions: tuple[str, ...]
    why: str = ""
    now: str = ""


def listed(name: str, device: str) -> Listed:
    """A technique by name.

    Raises:
        UsageError: No such technique.
    """
    technique = catalogue.get(name)
    (label,) = catalogue.canonical((name,))
    runs: list[Setup] = []
    refusals: list[Unsupported] = []
    for setup in offered(device):
        try:
            catalogue.require(replace(setup, techniques=(label,)))
        except Unsupported as refusal:
            refusals.append(refusal)
        else:
            runs.append(setup)
    why, now = (refusals[0].what, refusals[0].now) if refusals and not runs else ("", "")
    return Listed(
        label,
        technique.summary,
        technique.exact,
        technique.last,
        tuple(dict.fromkeys(setup.backend for setup in runs)),
        tuple(dict.fromkeys(str(setup.precision) for setup in runs)),
        why,
        now,
    )


def offered(device: str) -> list[Setup]:
    """Every backend of a kind of device in every precision that it has there."""
    return [
        Setup(name, precision=precision, device=device)
        for name in backends.names()
        for precision in backends.get(name).precisions(device_kind(device))
    ]
