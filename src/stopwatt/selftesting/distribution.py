"""The claim `distribution`: no trial is lost, and planted modes are found with their masses.

The planted lengths repeat after 100 calls, so that any 500 calls in a row hold each length equally often, wherever the
trials begin.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from stopwatt import units
from stopwatt.analyse.estimate import Series
from stopwatt.analyse.selftests import Claim
from stopwatt.analyse.shape import Cluster, shape_of
from stopwatt.records import Measured
from stopwatt.selftesting.bench import RULES, SYNTHETIC, Bench
from stopwatt.selftesting.evidence import Seen, disturbance, judged
from stopwatt.selftesting.planted import clock_of, latencies, too_short
from stopwatt.units import exact

BASE_S = 100e-6
COUNTS: Mapping[float, int] = {1.0: 84, 1.25: 10, 2.0: 5, 20.0: 1}
"""Multiple of the base -> calls of each hundred. The last is the rare outlier: too few for a mode of their own."""
MODES = (1.0, 1.25, 2.0)
TRIALS, THOROUGH_TRIALS = 500, 5_000
CENTRE_LIMIT = 0.02
MASS_LIMIT = 0.04
"""Of all trials: room for those that the machine itself made longer."""


def look_at_distribution(bench: Bench) -> Claim:
    """Planted modes and outliers through plan, worker, store and analysis."""
    return judged("distribution", lambda: _look(bench))


def lengths() -> list[float]:
    """The hundred lengths in seconds, in the order in which they are planted."""
    found = [BASE_S * ratio for ratio, count in COUNTS.items() for _ in range(count)]
    random.Random(0).shuffle(found)  # noqa: S311  (an order, not a secret)
    return found


def _look(bench: Bench) -> Seen:
    trials = THOROUGH_TRIALS if bench.thorough else TRIALS
    hundred = lengths()
    planted = hundred * (trials // len(hundred))
    script = ",".join(exact(one, "s").replace(" ", "") for one in hundred)
    (one,) = bench.measure({**SYNTHETIC, "script": script}, replace(RULES, trials=trials))
    seconds = latencies(one)
    clusters = shape_of([Series(0, seconds)], clock_of(one).tick_ns / 1e9).clusters if seconds.size else ()
    apart = {ratio: _mass_error(ratio, clusters) for ratio in MODES}
    found = [ratio for ratio, error in apart.items() if error is not None and error <= MASS_LIMIT]
    worst = max((error for error in apart.values() if error is not None), default=1.0)
    return Seen(
        f"all of {trials} trials are there, the {COUNTS[20.0] * trials // 100} planted outliers too; {len(found)} of "
        f"{len(MODES)} planted modes found, masses within {units.percent(worst)}",
        fault=too_short(one, planted) or _mean(seconds, planted),
        short=len(found) < len(MODES),
        disturbed=disturbance([one]),
        numbers={"mass_error": Measured(worst, "1"), "modes_found": Measured(len(found), "1")},
        limit=Measured(MASS_LIMIT, "1"),
    )


def _mass_error(ratio: float, clusters: Sequence[Cluster]) -> float | None:
    """How far the mass of a planted mode is off; `None` where no cluster is there."""
    there = [one for one in clusters if abs(one.centre_s / (BASE_S * ratio) - 1) <= CENTRE_LIMIT]
    return abs(sum(one.mass for one in there) - COUNTS[ratio] / 100) if there else None


def _mean(seconds: np.ndarray[tuple[int, ...], np.dtype[np.float64]], planted: Sequence[float]) -> str:
    """Whether the mean misses what the outliers add to it."""
    mean, known = float(np.mean(seconds)), float(np.mean(planted))
    if mean >= known * (1 - CENTRE_LIMIT):
        return ""
    return f"the mean of the trials is {units.quantity(mean, 's')} and of the calls {units.quantity(known, 's')}"
