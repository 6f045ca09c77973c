"""The claim `energy`: twice as many equal calls take twice the energy, as far as there is a meter."""

from dataclasses import replace
from math import ceil

from stopwatt import units
from stopwatt.analyse.selftests import Claim, Verdict
from stopwatt.devices.resolve import kind_of
from stopwatt.energy import Scope
from stopwatt.errors import StopwattError
from stopwatt.measuring.clock import now_ns
from stopwatt.meters.sampling import Sampling
from stopwatt.meters.window import energy_between
from stopwatt.records import Measured, Measurement, Protocol, Unavailable
from stopwatt.selftesting.bench import RULES, SYNTHETIC, Axes, Bench, Window
from stopwatt.selftesting.evidence import Seen, disturbance, judged

DURATION = "10ms"
CALL_S = 0.01
"""About what a call takes."""
TRIALS, THOROUGH_TRIALS = 150, 1_000
TICKS = 30
"""Of the counter, in the shorter rounds at least: with the 20 that a figure needs, as one comes early or late."""
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
        device: Whose instruments are read.
        work: What is called.
        rules: The protocol, without its number of trials.
    """
    scope = Scope.PACKAGE if kind_of(device) == "cpu" else Scope.GPU
    with Sampling(device, energy=True) as sampling:
        why = _why_none(sampling, scope)
        if why:
            return Claim(name, Verdict.UNAVAILABLE, why)
        return judged(name, lambda: _look(bench, sampling, scope, work, rules))


def trials_for(tick_s: float, *, thorough: bool = False) -> int:
    """Calls of a round whose counter changes so often.

    Args:
        tick_s: Between two changes of the counter.
        thorough: Whether time matters little.
    """
    return max(THOROUGH_TRIALS if thorough else TRIALS, ceil(TICKS * tick_s / CALL_S))


def _why_none(sampling: Sampling, scope: Scope) -> str:
    """Why there is no energy of a scope; empty if there is."""
    if not sampling.tick_s and scope not in sampling.why:
        return "no counter of energy changes"
    return sampling.why.get(scope) or next((about.refused for about in sampling.about if about.scope is scope), "")


def _look(bench: Bench, sampling: Sampling, scope: Scope, work: Axes, rules: Protocol) -> Seen:
    trials = trials_for(sampling.tick_s, thorough=bench.thorough)
    joules, rounds = {1: 0.0, 2: 0.0}, []
    for times in ORDER:
        used, found = _round(bench, sampling, scope, work, replace(rules, trials=times * trials))
        joules[times] += used
        rounds += found
    names = [about for about in sampling.about if about.scope is scope]
    error = joules[2] / joules[1] / 2 - 1
    ratio = units.ratio(joules[2] / joules[1], half_width=0.02)
    return Seen(
        f"twice the calls take {ratio} the energy ({names[0].source}: {', '.join(about.name for about in names)})",
        short=abs(error) > LIMIT,
        disturbed=disturbance(rounds),
        numbers={"error": Measured(error, "1"), "once": Measured(joules[1] / 2, "J")},
        limit=Measured(LIMIT, "1"),
    )


def _round(
    bench: Bench, sampling: Sampling, scope: Scope, work: Axes, rules: Protocol
) -> tuple[float, list[Measurement]]:
    """Joules of all instruments of the scope while the trials of one round ran."""
    window = Window(now_ns, bench.watcher)
    found = bench.measure(work, rules, window)
    traces = [trace for trace in sampling.take(*window.ends) if trace.about.scope is scope]
    readings = [energy_between(trace, *window.ends)[0] for trace in traces]
    for one in readings:
        if isinstance(one, Unavailable):
            raise StopwattError(one.why, when="reading a meter of energy")
    return sum(one.value for one in readings if not isinstance(one, Unavailable)), found
