"""The claim `latency`: calls of a known length read that length, whether they compute or sleep."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stopwatt import units
from stopwatt.analyse.selftests import Claim
from stopwatt.records import Measured, Measurement
from stopwatt.selftesting.bench import RULES, SYNTHETIC, Bench
from stopwatt.selftesting.evidence import Seen, disturbance, judged
from stopwatt.selftesting.planted import LIMIT, latencies, limit_of, too_short
from stopwatt.units import exact, parse

DURATIONS = ("100us", "1ms", "10ms")
THOROUGH_DURATIONS = ("20us", "100us", "1ms", "10ms", "100ms")
TRIALS, THOROUGH_TRIALS = 50, 100
MOST_OVERSLEPT_S = 1e-3
"""How much later than asked for a sleeping process may come back in the middle case: the kernel decides."""


def look_at_latency(bench: Bench) -> Claim:
    """Planted spins and sleeps through plan, worker and store."""
    return judged("latency", lambda: _look(bench))


def _look(bench: Bench) -> Seen:
    durations = THOROUGH_DURATIONS if bench.thorough else DURATIONS
    rules = replace(RULES, trials=THOROUGH_TRIALS if bench.thorough else TRIALS)
    rounds = bench.measure({**SYNTHETIC, "duration": durations, "wait": ("spin", "sleep")}, rules)
    planted = [_Planted.of(one) for one in rounds]
    spins = [one for one in planted if not one.sleeps]
    worst = max(spins, key=lambda one: one.error)
    overslept = max((one.median_s - one.truth_s for one in planted if one.sleeps), default=0.0)
    return Seen(
        f"medians within {units.percent(abs(worst.error))} of planted truth ({_listed(spins)}), of sleeps up to "
        f"{units.quantity(overslept, 's')} longer than asked for; no trial shorter",
        fault=next(filter(None, (too_short(one.round, [one.truth_s] * rules.trials) for one in planted)), ""),
        short=any(one.error > limit_of(one.round, one.truth_s) for one in spins) or overslept > MOST_OVERSLEPT_S,
        disturbed=disturbance(rounds) or _spread(spins),
        numbers={
            "error": Measured(worst.error, "1"),
            **{f"error_{exact(one.truth_s, 's').replace(' ', '')}": Measured(one.error, "1") for one in spins},
            "overslept": Measured(overslept, "s"),
        },
        limit=Measured(LIMIT, "1"),
    )


@dataclass(frozen=True, slots=True)
class _Planted:
    """A round whose calls all last equally long."""

    round: Measurement
    truth_s: float
    median_s: float
    quick_s: float
    sleeps: bool

    @classmethod
    def of(cls, one: Measurement) -> "_Planted":
        seconds, params = latencies(one), one.cell.workload.params
        quick, median = np.quantile(seconds, [0.1, 0.5]) if seconds.size else (0.0, 0.0)
        truth = parse(str(params["duration"]), "s")
        return cls(one, truth, float(median), float(quick), params["wait"] == "sleep")

    @property
    def error(self) -> float:
        return self.median_s / self.truth_s - 1


def _spread(spins: Sequence[_Planted]) -> str:
    """Whether the quick trials were right where the middle one is not: then the machine came between."""
    late = [one for one in spins if one.error > LIMIT >= one.quick_s / one.truth_s - 1]
    return f"trials of {exact(late[0].truth_s, 's')} were interrupted" if late else ""


def _listed(spins: Sequence[_Planted]) -> str:
    return ", ".join(exact(truth, "s") for truth in sorted({one.truth_s for one in spins}))
