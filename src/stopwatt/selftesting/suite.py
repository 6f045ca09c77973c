"""All claims, in the order in which they are tested: what costs nothing comes first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stopwatt.analyse.selftests import Claim
from stopwatt.devices.resolve import kind_of
from stopwatt.errors import UsageError
from stopwatt.extensions import unknown
from stopwatt.selftesting.bench import Bench
from stopwatt.selftesting.clock import test_clock
from stopwatt.selftesting.comparison import test_comparison
from stopwatt.selftesting.cuda import test_energy_cuda, test_latency_cuda
from stopwatt.selftesting.distribution import test_distribution
from stopwatt.selftesting.drift import test_drift
from stopwatt.selftesting.energy import test_energy
from stopwatt.selftesting.inputs import test_inputs
from stopwatt.selftesting.intervals import test_intervals
from stopwatt.selftesting.latency import test_latency
from stopwatt.selftesting.observer import test_observer
from stopwatt.selftesting.synchronisation import test_synchronisation


@dataclass(frozen=True, slots=True)
class Test:
    """One test of one claim.

    Attributes:
        name: Of the claim.
        about: What is looked at, a few words.
        seconds: About how long it takes, seen on two cores; for the time left.
        look: Tests it.
        device: `cpu`, or the kind of accelerator that it is about.
    """

    name: str
    about: str
    seconds: float
    look: Callable[[Bench], Claim]
    device: str = "cpu"


TESTS: tuple[Test, ...] = (
    Test("clock", "tick, order, place and rate of the clock", 2, test_clock),
    Test("synchronisation", "work that goes on after a call has returned", 1, test_synchronisation),
    Test("latency", "planted spins and sleeps through the whole pipeline", 4, test_latency),
    Test("inputs", "a call that remembers its last input", 1, test_inputs),
    Test("distribution", "planted modes and outliers", 1, test_distribution),
    Test("drift", "planted drift, and none", 2, test_drift),
    Test("intervals", "coverage over simulated cells", 1, test_intervals),
    Test("comparison", "a small model against itself, in fresh processes", 30, test_comparison),
    Test("observer", "what the waiting process does, and what showing progress costs", 20, test_observer),
    Test("energy", "planted spins, once and twice as many", 15, test_energy),
    Test("latency-cuda", "planted cycles on the GPU", 40, test_latency_cuda, "cuda"),
    Test("energy-cuda", "planted cycles on the GPU, once and twice as many", 50, test_energy_cuda, "cuda"),
)


def named(names: Sequence[str], device: str) -> list[Test]:
    """The tests of a device with these names, in the order of `TESTS`; all of them without names.

    Raises:
        UsageError: No such claim, or one about another device.
    """
    offered = [test for test in TESTS if test.device in {"cpu", kind_of(device)}]
    known = [test.name for test in offered]
    for name in names:
        if name in (test.name for test in TESTS) and name not in known:
            what = f"the claim {name!r} is about another device than {device}"
            raise UsageError(what, now="add --device cuda")
        if name not in known:
            raise unknown("claim", name, known)
    return [test for test in offered if not names or test.name in names]
