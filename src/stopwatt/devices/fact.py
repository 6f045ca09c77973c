"""What a fact of the environment is: registered once with its name, type, unit, weight, reader and formatter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from stopwatt import units
from stopwatt.devices.host import Host, fields
from stopwatt.records import Scalar, Unavailable


class Role(StrEnum):
    """Whether measurements may be merged or compared when a fact differs between them."""

    IDENTITY = "identity"  # differs: another machine, never merged or compared silently
    CONTEXT = "context"  # kept beside the number for whoever has to explain it


@dataclass(frozen=True, slots=True)
class Machine:
    """What the readers read.

    Attributes:
        host: Files and environment variables.
        cpus: The paragraphs of /proc/cpuinfo, one per logical CPU.
        gpu: Readings of one GPU by the names in `nvml`, or why there are none; `None` where no GPU was asked for.
    """

    host: Host
    cpus: tuple[Mapping[str, str], ...]
    gpu: Mapping[str, Any] | Unavailable | None = None


Reader = Callable[[Machine], Scalar | Unavailable]


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of the environment.

    Attributes:
        name: Stable identifier, `cpu.model`.
        label: For people.
        kind: Type of its values.
        unit: Base unit, empty for words and counts.
        role: Whether it belongs to the machine's identity.
        read: Takes the reading, or says why it cannot.
    """

    name: str
    label: str
    kind: type[Scalar]
    unit: str
    role: Role
    read: Reader

    def format(self, value: Scalar) -> str:
        """A value as people read it: `yes`, `2`, `3.83 GiB`, `1980 MHz`."""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, str):
            return value
        if not self.unit and isinstance(value, int):
            return str(value)
        return units.quantity(float(value), self.unit or "1")


def machine_of(host: Host, gpu: Mapping[str, Any] | Unavailable | None = None) -> Machine:
    """Parse once what several readers share."""
    paragraphs = (host.text("proc/cpuinfo") or "").split("\n\n")
    parsed = (fields(paragraph, ":") for paragraph in paragraphs)
    return Machine(host, tuple(cpu for cpu in parsed if "processor" in cpu), gpu)
