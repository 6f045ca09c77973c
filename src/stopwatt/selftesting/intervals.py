"""The claim `intervals`: a 95 % interval holds the truth about as often as it says, although processes differ.

Pooling the trials of all processes is the mistake that it looks for: the interval of a median of pooled trials shrinks
with their number, as if the processes did not differ, and holds the truth in one case out of six.
"""

import numpy as np

from stopwatt import units
from stopwatt.analyse.estimate import Series, typical
from stopwatt.analyse.selftests import Claim
from stopwatt.records import Measured
from stopwatt.selftesting.bench import Bench
from stopwatt.selftesting.evidence import Seen, judged

LEAST_COVERAGE = 0.90
SIMULATIONS, THOROUGH_SIMULATIONS = 300, 3_000
TRUTH_S = 1e-3
ROUNDS, TRIALS = 3, 200
BETWEEN, WITHIN = 0.01, 0.02
"""Standard deviations of the logarithms: of processes, and of the trials of one."""


def look_at_intervals(bench: Bench) -> Claim:
    """Coverage over simulated cells whose truth is known."""
    simulations = THOROUGH_SIMULATIONS if bench.thorough else SIMULATIONS
    return judged("intervals", lambda: _look(simulations), tries=1)


def _look(simulations: int) -> Seen:
    share = sum(_covers(seed) for seed in range(simulations)) / simulations
    told = f"hold the planted truth in {units.percent(share)} of {simulations} simulated cells"
    between = f"processes differ by {units.percent(BETWEEN)}"
    return Seen(
        f"95 % intervals {told} ({between})",
        fault=f"95 % intervals only {told}, where {between}" if share < LEAST_COVERAGE else "",
        numbers={"missed": Measured(1 - share, "1")},
        limit=Measured(1 - LEAST_COVERAGE, "1"),
    )


def _covers(seed: int) -> bool:
    dice = np.random.default_rng(seed)
    levels = TRUTH_S * np.exp(dice.normal(0.0, BETWEEN, ROUNDS))
    rounds = [Series(n, level * np.exp(dice.normal(0.0, WITHIN, TRIALS))) for n, level in enumerate(levels)]
    found = typical("latency", "s", rounds)
    return found.low is not None and found.high is not None and found.low <= TRUTH_S <= found.high
