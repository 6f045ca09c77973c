"""The claim `energy`: twice as many equal calls take twice the energy, as far as there is a meter."""

from collections.abc import Sequence
from dataclasses import replace

from stopwatt import units
from stopwatt.analyse.selftests import Claim, Verdict
from stopwatt.devices.meters import Meter, find_meters
from stopwatt.errors import StopwattError
from stopwatt.records import Measured, Measurement, Protocol, Unavailable
from stopwatt.selftesting.bench import RULES, SYNTHETIC, Axes, Bench, Window
from stopwatt.selftesting.evidence import Seen, disturbance, judged

DURATION = "10ms"
TRIALS, THOROUGH_TRIALS = 150, 1_000
LIMIT = 0.05
ORDER = (1, 2, 2, 1)
"""Times as many calls in each round; in this order, a machine that warms up weighs on both alike."""


def look_at_energy(bench: Bench) -> Claim:
    """Spins on the processor, metered by its packages."""
    return energy_of("energy", bench, "cpu", {**SYNTHETIC, "duration": DURATION}, RULES)


def energy_of(name: str, bench: Bench, device: str, work: Axes, rules: Protocol) -> Claim:
    """The claim for one device.

    Args:
        name: Of the claim.
        bench: Where to measure.
        device: Whose meters are read.
        work: What is called.
        rules: The protocol, without its number of trials.
    """
    meters = find_meters(device)
    if isinstance(meters, Unavailable):
        return Claim(name, Verdict.UNAVAILABLE, meters.why)
    return judged(name, lambda: _look(bench, meters, work, rules))


def _look(bench: Bench, meters: Sequence[Meter], work: Axes, rules: Protocol) -> Seen:
    trials = THOROUGH_TRIALS if bench.thorough else TRIALS
    joules, rounds = {1: 0.0, 2: 0.0}, []
    for times in ORDER:
        used, found = _round(bench, meters, work, replace(rules, trials=times * trials))
        joules[times] += used
        rounds += found
    if not joules[1]:
        return Seen("the counter does not count", fault=f"{meters[0].source} counted nothing while {trials} calls ran")
    error = joules[2] / joules[1] / 2 - 1
    ratio = units.ratio(joules[2] / joules[1], half_width=0.02)
    names = ", ".join(meter.name for meter in meters)
    return Seen(
        f"twice the calls take {ratio} the energy ({meters[0].source}: {names})",
        short=abs(error) > LIMIT,
        disturbed=disturbance(rounds),
        numbers={"error": Measured(error, "1"), "once": Measured(joules[1] / 2, "J")},
        limit=Measured(LIMIT, "1"),
    )


def _round(bench: Bench, meters: Sequence[Meter], work: Axes, rules: Protocol) -> tuple[float, list[Measurement]]:
    """Joules of all meters while the trials of one round ran."""
    window = Window(lambda: [meter.read() for meter in meters], bench.watcher)
    found = bench.measure(work, rules, window)
    readings = [meter.used(*pair) for meter, pair in zip(meters, zip(*window.ends, strict=True), strict=True)]
    for one in readings:
        if isinstance(one, Unavailable):
            raise StopwattError(one.why, when="reading a meter of energy")
    return sum(one.value for one in readings if isinstance(one, Measured)), found
