"""The claim `drift`: a level that changes within a round is noticed, one that does not is left in peace.

The steady calls begin slowly and reach their level while the round warms up: trials that begin too early show it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from stopwatt import units
from stopwatt.analyse.estimate import Series
from stopwatt.analyse.selftests import Claim
from stopwatt.analyse.shape import shape_of
from stopwatt.records import Measured, Measurement, Scalar
from stopwatt.selftesting.bench import RULES, SYNTHETIC, Axes, Bench
from stopwatt.selftesting.evidence import Seen, disturbance, judged
from stopwatt.selftesting.planted import clock_of, latencies
from stopwatt.units import exact, parse

DURATION = "200us"
RATE = 1.0
"""Growth of the drifting calls per 1000 calls."""
RAMP: Mapping[str, Scalar] = {"ramp": 1.0, "ramp_calls": 150}
"""The first call takes twice as long, the 150th no longer: five windows of the warm-up."""
TRIALS, THOROUGH_TRIALS = 400, 2_000
LIMIT = 0.02
STEADY_LIMIT = 0.01
"""Change that is worth a word (`analyse.findings.trials.NOTABLE`)."""


def look_at_drift(bench: Bench) -> Claim:
    """Drifting and steady calls through plan, worker, store and analysis."""
    return judged("drift", lambda: _look(bench))


def _look(bench: Bench) -> Seen:
    trials = THOROUGH_TRIALS if bench.thorough else TRIALS
    drifting = _one(bench, {"drift": RATE}, trials)
    steady = _one(bench, RAMP, trials)
    first = int(drifting.facts.get("warmup_calls", 0)) + _OTHER_CALLS
    truth = (1 + RATE * (first + 0.95 * trials) / 1000) / (1 + RATE * (first + 0.05 * trials) / 1000) - 1
    found, none = _claimed(drifting), _claimed(steady)
    grows = f"a planted drift of {units.percent(truth)}"
    sentence = f"{grows} is " + ("not seen" if found is None else f"read as {units.percent(found)}")
    still = "none is claimed" if none is None or abs(none) < STEADY_LIMIT else f"{units.change(1 + none)} is claimed"
    return Seen(
        f"{sentence}; {still} where there is none",
        fault=_too_early(steady),
        short=found is None or abs(found - truth) > LIMIT or (none is not None and abs(none) >= STEADY_LIMIT),
        disturbed=disturbance([drifting, steady]),
        numbers={
            "error": Measured(abs((found or 0.0) - truth), "1"),
            "planted": Measured(truth, "1"),
            "claimed_of_none": Measured(none or 0.0, "1"),
        },
        limit=Measured(LIMIT, "1"),
    )


def _too_early(steady: Measurement) -> str:
    """Whether trials began before the calls were steady: then even the shortest of the first is too long."""
    first, truth = latencies(steady)[:_FIRST], parse(DURATION, "s")
    shortest = float(first.min()) if first.size else truth
    if shortest <= truth * (1 + _TOO_LONG):
        return ""
    return (
        f"trials began before the calls were steady: the shortest of the first {_FIRST} reads "
        f"{units.quantity(shortest, 's')}, where steady calls last {exact(truth, 's')}"
    )


_FIRST = 30
_TOO_LONG = 0.05
_OTHER_CALLS = 20
"""Before the trials, besides the warm-up: the first two, the check's eight, ten to settle."""


def _one(bench: Bench, planted: Axes, trials: int) -> Measurement:
    (one,) = bench.measure({**SYNTHETIC, "duration": DURATION, **planted}, replace(RULES, trials=trials))
    return one


def _claimed(one: Measurement) -> float | None:
    """Change of the level that the analysis claims; `None` where it claims none."""
    rounds: Sequence[Series] = [Series(0, latencies(one))]
    drifts = shape_of(rounds, clock_of(one).tick_ns / 1e9).drifts
    return drifts[0].change if drifts else None
