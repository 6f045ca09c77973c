"""All facts of the environment: read them, tell whether two machines are the same, show them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stopwatt.devices import nvml
from stopwatt.devices.cpu_facts import CPU_FACTS
from stopwatt.devices.fact import Fact, Machine, Role, machine_of
from stopwatt.devices.gpu_facts import GPU_FACTS
from stopwatt.devices.host import Host
from stopwatt.devices.system_facts import SYSTEM_FACTS
from stopwatt.records import Scalar, Unavailable, digest

HOST_FACTS = CPU_FACTS + SYSTEM_FACTS
FACTS: Mapping[str, Fact] = {fact.name: fact for fact in HOST_FACTS + GPU_FACTS}


@dataclass(frozen=True, slots=True)
class Facts:
    """The environment at one moment.

    Attributes:
        values: Readings by name, in the order of `FACTS`; what a `Measurement` keeps.
        unavailable: Why the others could not be taken. A fact is in one of the two or was not asked for.
    """

    values: Mapping[str, Scalar]
    unavailable: Mapping[str, str]


def read_facts(device: str = "cpu", *, host: Host | None = None, gpu_uuid: str = "") -> Facts:
    """Read the facts that matter on a device; without a GPU in a few milliseconds.

    Args:
        device: `cpu` leaves the GPU alone; `cuda` or `cuda:1` reads it too (0.1 s; at most `nvml.TIMEOUT_S`).
        host: The machine; by default the one that we run on.
        gpu_uuid: Names the GPU where CUDA has said which one `device` is.
    """
    machine = machine_of(host or Host(), None if device == "cpu" else _gpu(device, gpu_uuid, host or Host()))
    wanted = HOST_FACTS if device == "cpu" else HOST_FACTS + GPU_FACTS
    read = {fact.name: _read(fact, machine) for fact in wanted}
    return Facts(
        values={name: value for name, value in read.items() if not isinstance(value, Unavailable)},
        unavailable={name: value.why for name, value in read.items() if isinstance(value, Unavailable)},
    )


def host_facts(device: str = "cpu") -> Mapping[str, Scalar]:
    """The facts that could be read here, for a device by its name."""
    return read_facts(device).values


def _gpu(device: str, gpu_uuid: str, host: Host) -> Mapping[str, Any] | Unavailable:
    index = int(device.partition(":")[2] or 0)
    try:
        return nvml.read(gpu_uuid or nvml.selector_of(index, host.env))
    except nvml.Unreadable as error:
        return Unavailable(str(error))


def _read(fact: Fact, machine: Machine) -> Scalar | Unavailable:
    try:
        return fact.read(machine)
    except (OSError, ValueError, KeyError, IndexError) as error:  # a kernel that writes a file otherwise than ours
        return Unavailable(f"could not be read: {type(error).__name__}: {error}")


def machine_identity(facts: Mapping[str, Scalar]) -> str:
    """Digest of the identity facts: equal for machines whose measurements may be merged and compared.

    Take it from facts that the parent read. A worker may see fewer cores and other variables.
    """
    return digest({name: value for name, value in facts.items() if _is_identity(name)})


def identity_differences(one: Mapping[str, Scalar], other: Mapping[str, Scalar]) -> Iterator[str]:
    """`CPU: AMD EPYC / Intel Xeon` for each identity fact in which two environments differ."""
    for name, fact in FACTS.items():
        if fact.role is Role.IDENTITY and one.get(name) != other.get(name):
            yield f"{fact.label}: {_shown(fact, one)} / {_shown(fact, other)}"


def _shown(fact: Fact, facts: Mapping[str, Scalar]) -> str:
    return fact.format(facts[fact.name]) if fact.name in facts else "-"


def _is_identity(name: str) -> bool:
    return name in FACTS and FACTS[name].role is Role.IDENTITY
