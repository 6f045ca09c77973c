"""All checks, each of one claim, in their order: what costs nothing comes first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stopwatt.analyse.selftests import Claim
from stopwatt.devices.resolve import kind_of
from stopwatt.errors import UsageError
from stopwatt.extensions import unknown
from stopwatt.selftesting.bench import Bench
from stopwatt.selftesting.clock import look_at_clock
from stopwatt.selftesting.comparison import look_at_comparison
from stopwatt.selftesting.cuda import look_at_energy_cuda, look_at_latency_cuda
from stopwatt.selftesting.distribution import look_at_distribution
from stopwatt.selftesting.drift import look_at_drift
from stopwatt.selftesting.energy import look_at_energy
from stopwatt.selftesting.inputs import look_at_inputs
from stopwatt.selftesting.intervals import look_at_intervals
from stopwatt.selftesting.latency import look_at_latency
from stopwatt.selftesting.observer import look_at_observer
from stopwatt.selftesting.synchronisation import look_at_synchronisation


@dataclass(frozen=True, slots=True)
class Check:
    """The check of one claim.

    Attributes:
        name: Of the claim.
        about: What is looked at, a few words.
        seconds: About how long it takes, seen on two cores; for the time left.
        look: Carries it out.
        device: `cpu`, or the kind of accelerator that it is about.
    """

    name: str
    about: str
    seconds: float
    look: Callable[[Bench], Claim]
    device: str = "cpu"


CHECKS: tuple[Check, ...] = (
    Check("clock", "tick, order, place and rate of the clock", 2, look_at_clock),
    Check("synchronisation", "work that goes on after a call has returned", 1, look_at_synchronisation),
    Check("latency", "planted spins and sleeps through the whole pipeline", 4, look_at_latency),
    Check("inputs", "a call that remembers its last input", 1, look_at_inputs),
    Check("distribution", "planted modes and outliers", 1, look_at_distribution),
    Check("drift", "planted drift, and none", 2, look_at_drift),
    Check("intervals", "coverage over simulated cells", 1, look_at_intervals),
    Check("comparison", "a small model against itself, in fresh processes", 30, look_at_comparison),
    Check(
        "observer", "what the waiting process does, and what showing progress and telemetry cost", 30, look_at_observer
    ),
    Check("energy", "planted spins, once and twice as many", 15, look_at_energy),
    Check("latency-cuda", "planted cycles on the GPU", 40, look_at_latency_cuda, "cuda"),
    Check("energy-cuda", "planted cycles on the GPU, once and twice as many", 50, look_at_energy_cuda, "cuda"),
)


def named(names: Sequence[str], device: str) -> list[Check]:
    """The checks of a device's claims with these names, in the order of `CHECKS`; all of them without names.

    Raises:
        UsageError: No such claim, or one about another device.
    """
    offered = [check for check in CHECKS if check.device in {"cpu", kind_of(device)}]
    known = [check.name for check in offered]
    for name in names:
        if name in (check.name for check in CHECKS) and name not in known:
            what = f"the claim {name!r} is about another device than {device}"
            raise UsageError(what, now="add --device cuda")
        if name not in known:
            raise unknown("claim", name, known)
    return [check for check in offered if not names or check.name in names]
