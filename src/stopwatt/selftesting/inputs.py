"""The claim `inputs`: a model that remembers what it answered last is not measured by its memory.

The planted call returns at once where it is given the same input twice in a row.
"""

from dataclasses import replace

import numpy as np

from stopwatt import units
from stopwatt.analyse.selftests import Claim
from stopwatt.records import Measured
from stopwatt.selftesting.bench import RULES, SYNTHETIC, Axes, Bench
from stopwatt.selftesting.evidence import Seen, disturbance, judged
from stopwatt.selftesting.planted import latencies, limit_of, too_short
from stopwatt.units import exact

WORK_S = 500e-6
TRIALS, THOROUGH_TRIALS = 96, 1_000
"""Multiples of the number of inputs: with these the trials begin with the input that ten calls in turn end with."""


def look_at_inputs(bench: Bench) -> Claim:
    """A call with a memory of one input, through plan, worker and store."""
    return judged("inputs", lambda: _look(bench))


def _look(bench: Bench) -> Seen:
    rules = replace(RULES, trials=THOROUGH_TRIALS if bench.thorough else TRIALS)
    planted: Axes = {"duration": exact(WORK_S, "s"), "fail": "remembers", "fail_at": 1}
    (one,) = bench.measure({**SYNTHETIC, **planted}, rules)
    median = float(np.median(latencies(one)))
    error, limit = median / WORK_S - 1, limit_of(one, WORK_S)
    told = f"a call of {planted['duration']} that remembers its last input reads {units.quantity(median, 's')}"
    short = too_short(one, [WORK_S] * rules.trials)
    return Seen(
        told,
        fault=f"{told}: it is given the same input again ({short})" if short else "",
        short=error > limit,
        disturbed=disturbance([one]),
        numbers={"error": Measured(error, "1")},
        limit=Measured(limit, "1"),
    )
